"""Who may try to get in how often: the sign-in library's limits and ours, in one set of counters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from allauth.core.internal import ratelimit
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from core import limits
from core.addresses import client_address
from core.quotas import limit_of

AUTH = "/api/v1/auth/"
PAGES = "/account/"
CODE_PATHS = ("/email/verify", "/code/confirm", "/password/reset", "/authenticate", "/reauthenticate")
"""Ends of the library's addresses at which a secret is guessed inside a sign-in that has begun."""
SESSION_HEADER = "X-Session-Token"
_ALLAUTH = "allauth"


def count_link_guess(request: Request) -> None:
    """Count a token that opened nothing; raises DRF's `Throttled` (429) beyond the limit by address."""
    verdict = limits.take("link_guess", by=client_address(request), limit=limit_of("link_guess"))
    if not verdict.admitted:
        raise Throttled(wait=verdict.wait_s)


def count_code_try(capability_id: UUID) -> None:
    """Count a try at a link's code; raises DRF's `Throttled` (429) beyond the limit by link."""
    verdict = limits.take("monitor_code", by=str(capability_id), limit=limit_of("monitor_code"))
    if not verdict.admitted:
        raise Throttled(wait=verdict.wait_s)


class SignInLimits:
    """Middleware over the sign-in library's addresses, for what its own limits leave open.

    It counts a mailed code's tries in the session, where many at once all read the same number; and some of
    its addresses have no limit. Refusals are in its own format. Reading is not counted, and no other address
    is: somebody who is signed in, or holds a link, goes on whatever is tried in their name.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Count what changes something; answer 429 beyond a limit."""
        if not request.path.startswith((AUTH, PAGES)) or request.method in ("GET", "HEAD", "OPTIONS"):
            return self.get_response(request)
        for what, by in _counted(request):
            verdict = limits.take(what, by=by, limit=limit_of(what))
            if not verdict.admitted:
                return JsonResponse({"status": 429}, status=429, headers={"Retry-After": str(verdict.wait_s)})
        return self.get_response(request)


def _counted(request: HttpRequest) -> list[tuple[str, str]]:
    address = client_address(request)
    counted = [("auth", address)]
    if request.path.rstrip("/").endswith(CODE_PATHS):
        begun = request.headers.get(SESSION_HEADER) or request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        counted.append(("code", begun or address))
    return counted


@dataclass(frozen=True)
class _Taken:
    """What the library keeps of one it counted, to give it back when the password was right."""

    key: str

    def rollback(self) -> None:
        """Count one less."""
        limits.give_back(_ALLAUTH, by=self.key)


def count_for_allauth() -> None:
    """Replace the place where the sign-in library counts: its history in Redis, behind a lock that can end.

    Every limit of its own goes through these two functions, whose names are internal to the library; tests
    show that they are reached (docs/adr/0014-limits-are-counted-in-postgresql.md).
    """
    ratelimit._consume_single_rate = _consume
    ratelimit.clear = _clear


def _consume(
    request: HttpRequest,
    *,
    app: str,
    action: str,
    rate: ratelimit.Rate,
    key: str | None = None,
    user: Any = None,
    dry_run: bool = False,
    raise_exception: bool = False,
) -> _Taken | None:
    name = ratelimit.get_cache_key(request, app=app, action=action, rate=rate, key=key, user=user)
    count = limits.look if dry_run else limits.take
    limit = limits.Limit(amount=rate.amount, per_s=int(rate.duration))
    if count(_ALLAUTH, by=name, limit=limit).admitted:
        return _Taken(name)
    if raise_exception:
        raise ratelimit.RateLimited
    return None


def _clear(
    request: HttpRequest,
    *,
    app: str,
    action: str,
    config: dict[str, str] | None = None,
    key: str | None = None,
    user: Any = None,
) -> None:
    for rate in ratelimit.get_rates(app=app, action=action, config=config):
        name = ratelimit.get_cache_key(request, app=app, action=action, rate=rate, key=key, user=user)
        limits.clear(_ALLAUTH, by=name)
