"""What the sign-in library wants mailed, said in our own words and sent like everything else."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.contrib.auth import authenticate
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts.sign_ins import is_recent
from core import clock
from core.addresses import client_address
from notifications import messages
from notifications.enums import MessageKind
from notifications.services import schedule

CODE_LIFETIME = timedelta(minutes=15)
"""As long as the text of VERIFY_EMAIL says; the sign-in library forgets a code no later."""
NOTICE_LIFETIME = timedelta(days=1)

CODES = frozenset({"email_confirmation", "email_confirmation_signup", "login_code", "password_reset_code"})
"""The library's mails that bring a code, by the name of its template."""
ROUTES: Mapping[str, str] = {
    "account_already_exists": "sign-in",
    "unknown_account": "sign-up",
    "email_changed": "sign-in",
    "email_deleted": "sign-in",
    "password_changed": "sign-in",
    "password_reset": "sign-in",
    "password_reset_key": "reset",
    "password_set": "sign-in",
    "recovery_codes_generated": "sign-in",
    "totp_activated": "sign-in",
    "totp_deactivated": "sign-in",
    "webauthn_added": "sign-in",
    "webauthn_removed": "sign-in",
}
"""The library's other mails, each with the page of the app that comes next."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # the library is untyped
    """Writes mail down to be sent later, in place of rendering and sending it inside the request.

    Whether an address has an account is told to nobody but its owner: each mail costs the request one row.
    """

    def send_mail(self, template_prefix: str, email: str, context: Mapping[str, Any]) -> None:
        """Schedule what stands for the library's mail; raises `KeyError` for one that we don't know."""
        name = template_prefix.rpartition("/")[2]
        if name in CODES:
            self._schedule(MessageKind.VERIFY_EMAIL, email, {"code": context["code"]}, CODE_LIFETIME)
            return
        key = [f"{context['uid']}-{context['key']}"] if name == "password_reset_key" else []
        link = messages.link(ROUTES[name], *key)
        self._schedule(MessageKind.ACCOUNT_NOTICE, email, {"link": link}, NOTICE_LIFETIME)

    def send_account_already_exists_mail(self, email: str) -> None:
        """Tell the owner of an address that somebody tried to sign up with it.

        It takes as long as a new account would: hashing the password is most of that.
        """
        make_password(str(uuid4()))
        self.send_mail("account/email/account_already_exists", email, {})

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Return whose address and password these are, unless their account is closed: then, nobody's.

        The library would say of a closed account that it is one, to whoever knows the password, and not
        count the attempt.
        """
        self.pre_authenticate(request, **credentials)
        user = authenticate(request, **credentials)
        if user is None:
            self.authentication_failed(request, **credentials)
        else:
            self._rollback_login_failed_rl_usage()
        return user

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Tell whether somebody has to show again that it is them; having just signed in is enough.

        The library would ask again right after the sign-in.
        """
        required: bool = super().is_reauthentication_required(app=app, **kwargs)
        return required and not is_recent(context.request)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the page of the app where a new password is chosen."""
        return messages.link(ROUTES["password_reset_key"], key)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that the library's limits count by: ours to decide, like everywhere else."""
        return client_address(request)

    def _schedule(
        self, kind: MessageKind, address: str, words: Mapping[str, str], lifetime: timedelta
    ) -> None:
        at = clock.now()
        schedule(
            kind,
            dedupe_key=f"account:{uuid4()}",
            due_at=at,
            expires_at=at + lifetime,
            address=address,
            words=words,
        )
