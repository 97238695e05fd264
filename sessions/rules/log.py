"""What a session's log says about itself: what came late, and where nobody was heard from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

LATE_FROM = timedelta(minutes=2)
"""How much later than it was made an entry reaches us before it counts as late; a slow network is none."""


@dataclass(frozen=True, slots=True)
class Gap:
    """From one moment to another, both ends excluded, the monitor was not heard from."""

    starts_at: datetime
    ends_at: datetime


def is_late(made_at: datetime, *, received_at: datetime) -> bool:
    """Tell whether an entry reached us late, whatever held it up."""
    return received_at - made_at > LATE_FROM


def gaps(
    heard_at: Sequence[datetime], *, starts_at: datetime, ends_at: datetime, longest: timedelta
) -> list[Gap]:
    """Return where, from start to end, more than `longest` passed without a word; `heard_at` in any order."""
    within = sorted(moment for moment in heard_at if starts_at < moment < ends_at)
    moments = [starts_at, *within, ends_at]
    return [Gap(before, after) for before, after in pairwise(moments) if after - before > longest]
