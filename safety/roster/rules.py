"""When nobody is on duty."""

from collections.abc import Sequence
from datetime import datetime, timedelta

LOOKS_AHEAD = timedelta(hours=24)
"""How long before a gap people are told of it. Source: this clinic's requirement; no published figure."""
LONGEST_SHIFT = timedelta(days=7)

Span = tuple[datetime, datetime]
"""From one instant until before another."""


def gaps(shifts: Sequence[Span], *, starts_at: datetime, ends_at: datetime) -> list[Span]:
    """Return when between two instants no shift covers, in order; shifts that only touch leave no gap."""
    found = []
    covered_until = starts_at
    for begins, ends in sorted(shifts):
        if begins >= ends_at:
            break
        if begins > covered_until:
            found.append((covered_until, begins))
        covered_until = max(covered_until, ends)
    if covered_until < ends_at:
        found.append((covered_until, ends_at))
    return found
