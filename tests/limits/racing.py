"""The clinic with the limits' one statement taken apart into a reading and a writing one."""

from time import sleep
from typing import Any

from config.wsgi import application
from core import limits


def take(what: str, *, by: str, limit: limits.Limit, cost: int = 1) -> limits.Verdict:
    """Look whether it fits, then count."""
    verdict = limits.look(what, by=by, limit=limit)
    if verdict.admitted:
        sleep(0.05)  # a fast machine would not need it; before the one statement it would change nothing
        at_once(what, by=by, limit=limits.Limit(amount=limit.amount * 1000, per_s=limit.per_s), cost=cost)
    return verdict


at_once: Any = limits.take
limits.take = take
__all__ = ["application"]
