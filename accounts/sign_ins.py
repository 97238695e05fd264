"""How somebody who signed in is known again: by cookie or app token, from one row, under one set of limits.

The session engine (`SESSION_ENGINE`) and the sign-in library's token strategy, on the same table.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from allauth.headless.tokens.strategies.sessions import SessionTokenStrategy
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as TableStore
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework.request import Request

from accounts import queries, rules, services
from accounts.enums import FactorStep
from accounts.models import SignIn, User
from core import clock

REFRESH = timedelta(minutes=1)
"""How exactly it is known when a device was last seen; a request more often than that writes nothing."""


class SessionStore(TableStore):
    """What one device carries along; empty once its sign-in has ended."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._row: SignIn | None = None
        self._facts: rules.SignInFacts | None = None

    @classmethod
    def get_model_class(cls) -> type[SignIn]:
        """Return the table."""
        return SignIn

    def create_model_instance(self, data: dict[str, Any]) -> SignIn:
        """Return the row to write: it knows whose it is, and keeps when they signed in."""
        row = cast("SignIn", super().create_model_instance(data))
        user_id = data.get(SESSION_KEY)
        row.last_seen_at = row.signed_in_at = clock.now()
        row.user_id = user_id
        if self._row is not None and user_id is not None and str(self._row.user_id) == user_id:
            row.signed_in_at = self._row.signed_in_at
        self._row = row
        return row

    def flush(self) -> None:
        """Forget everything, and who it was."""
        super().flush()
        self._row = self._facts = None

    def person(self) -> User | None:
        """Return who is signed in; nobody once they are disabled or have changed their password elsewhere.

        The checks of Django's own `get_user`, on the row that came with the session.
        """
        given = self.get(HASH_SESSION_KEY, "")
        user = self._row.user if self._row is not None else None
        if user is None or not user.is_active or not given:
            return None
        hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
        return user if any(constant_time_compare(given, each) for each in hashes) else None

    def factor_step(self) -> FactorStep | None:
        """Return what whoever is signed in has yet to do about a second factor."""
        if self.person() is None or self._facts is None:
            return None
        has_shown = any(shown["method"] == "mfa" for shown in self._shown())
        return rules.factor_step(self._facts, has_shown_factor=has_shown)

    def is_recent(self) -> bool:
        """Tell whether a password, code or passkey was shown within `ACCOUNT_REAUTHENTICATION_TIMEOUT`.

        Signing in counts. By the real clock, which the library dates these with.
        """
        shown = [datetime.fromtimestamp(each["at"], tz=UTC) for each in self._shown()]
        within = timedelta(seconds=app_settings.REAUTHENTICATION_TIMEOUT)
        return rules.is_recent(max(shown, default=None), within=within, at=timezone.now())

    def _shown(self) -> list[dict[str, Any]]:
        request = HttpRequest()
        request.session = self
        shown: list[dict[str, Any]] = get_authentication_records(request, self.person())
        return shown

    def _get_session_from_db(self) -> SignIn | None:
        at = clock.now()
        found = queries.sign_in(str(self.session_key), at=at)
        if found is None or rules.is_over(found[1], limits=_limits(found), at=at):
            self._session_key = None
            return None
        self._row, self._facts = found
        if at - self._row.last_seen_at >= REFRESH:
            services.saw(self._row, at=at)
        return self._row


def is_recent(request: HttpRequest | Request) -> bool:
    """Tell whether whoever asks has just shown that it is them."""
    session = request.auth if isinstance(request, Request) else request.session
    return isinstance(session, SessionStore) and session.is_recent()


def factor_step(request: HttpRequest | Request) -> FactorStep | None:
    """Return what whoever asks has yet to do about a second factor."""
    session = request.auth if isinstance(request, Request) else request.session
    return session.factor_step() if isinstance(session, SessionStore) else FactorStep.USE


def _limits(found: tuple[SignIn, rules.SignInFacts]) -> rules.Limits | None:
    """Return the limits for whoever it is.

    None where nobody has signed in yet, and none in a rehearsal, whose clock jumps over weeks.
    """
    row, facts = found
    if settings.DEMO or row.user_id is None:
        return None
    who = "WORKFORCE" if facts.works_here else "PATIENT"
    return rules.Limits(
        whole=timedelta(minutes=getattr(settings, f"{who}_SIGN_IN_MINUTES")),
        idle=timedelta(minutes=getattr(settings, f"{who}_IDLE_MINUTES")),
    )


class TokenStrategy(SessionTokenStrategy):  # type: ignore[misc]  # the library is untyped
    """App tokens: the key of a row, looked up in one statement where the library takes two."""

    def lookup_session(self, session_token: str) -> SessionStore | None:
        """Return the session that a token opens, if it opens one still."""
        session = SessionStore(session_token)
        session.get(SESSION_KEY)  # loads it, and drops the key of one that is gone
        return session if session.session_key else None
