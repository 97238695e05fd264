"""DRF's door to `core.limits`: one wide quota for everybody, and narrow ones by address."""

import threading
from dataclasses import dataclass
from time import monotonic
from typing import Any, ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.actors import Actor
from core.addresses import client_address
from core.limits import Limit, Verdict, take

BATCH = 20
"""How many requests a process takes from the database at once: the quota costs a statement in that many."""
_MOST_SHARES = 10_000
NEVER_COUNTED: tuple[type[BaseThrottle], ...] = ()
"""What watches over somebody, or says that they came to harm, is never turned away (HZ-17)."""


@dataclass
class _Share:
    """What this process may still let pass, until when, and what the database had left beside it."""

    left: int
    ends_at_s: float
    left_elsewhere: int


class Quota(BaseThrottle):
    """How much one principal may ask of the API in a minute (`API_QUOTA_PER_MINUTE`).

    Counted in batches: each process takes some of it at a time and deals them out. Together they never let
    more pass; one that has taken and not used its last batch may let up to `BATCH` fewer pass.
    """

    _shares: ClassVar[dict[str, _Share]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def allow_request(self, request: Request, view: Any) -> bool:
        """Let a request pass, and tell the view what is left of the quota."""
        limit = Limit(amount=settings.API_QUOTA_PER_MINUTE, per_s=60)
        verdict = self._deal(principal(request), limit)
        self._wait_s = verdict.wait_s
        view.quota = (limit, verdict)
        return verdict.admitted

    def wait(self) -> float:
        """Return the seconds until there is room again."""
        return float(self._wait_s)

    def _deal(self, whom: str, limit: Limit) -> Verdict:
        now_s = monotonic()
        with self._lock:
            share = self._shares.get(whom)
            if share and share.left and share.ends_at_s > now_s:
                share.left -= 1
                return _verdict(share, now_s)
        batch = min(BATCH, limit.amount)
        verdict = take("quota", by=whom, limit=limit, cost=batch)
        if not verdict.admitted:
            return verdict
        share = _Share(batch - 1, now_s + verdict.wait_s, verdict.left)
        with self._lock:
            self._keep(whom, share, now_s)
        return _verdict(share, now_s)

    def _keep(self, whom: str, share: _Share, now_s: float) -> None:
        if len(self._shares) >= _MOST_SHARES:
            ended = [name for name, kept in self._shares.items() if kept.ends_at_s <= now_s or not kept.left]
            for name in ended or list(self._shares):
                del self._shares[name]
        self._shares[whom] = share


def _verdict(share: _Share, now_s: float) -> Verdict:
    wait_s = int(share.ends_at_s - now_s) + 1
    return Verdict(admitted=True, left=share.left + share.left_elsewhere, wait_s=wait_s)


def principal(request: Request) -> str:
    """Return whose quota a request draws on: the link's or person's, or for a stranger the address's."""
    if isinstance(request.auth, Actor):
        return str(request.auth)
    if request.user.is_authenticated:
        return str(Actor.person(request.user.pk))
    return f"address:{client_address(request)}"


class ByAddress(BaseThrottle):
    """How often strangers at one address may ask something; `what` names the limit in settings."""

    what: ClassVar[str]

    def allow_request(self, request: Request, view: Any) -> bool:  # noqa: ARG002 - the signature is DRF's
        """Count one more from this address."""
        verdict = take(self.what, by=client_address(request), limit=limit_of(self.what))
        self._wait_s = verdict.wait_s
        return verdict.admitted

    def wait(self) -> float:
        """Return the seconds until there is room again."""
        return float(self._wait_s)


def limit_of(what: str) -> Limit:
    """Return the limit of that name in `settings.LIMITS`."""
    amount, per_s = settings.LIMITS[what]
    return Limit(amount=amount, per_s=per_s)


def headers(limit: Limit, verdict: Verdict) -> dict[str, str]:
    """Return the RateLimit headers (draft-ietf-httpapi-ratelimit-headers-10) of a request under the quota."""
    return {
        "RateLimit-Policy": f'"api";q={limit.amount};w={limit.per_s}',
        "RateLimit": f'"api";r={max(0, verdict.left)};t={verdict.wait_s}',
    }
