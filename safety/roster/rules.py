"""When nobody is on duty."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

LOOKS_AHEAD = timedelta(hours=24)
"""How long before a gap people are told of it. Source: this clinic's requirement; no published figure."""
LONGEST_SHIFT = timedelta(days=7)

Span = tuple[datetime, datetime]
"""From one instant until before another."""
PersonsSpan = tuple[UUID, datetime, datetime]
"""Whose, and from one instant until before another."""


def both(some: Sequence[PersonsSpan], others: Sequence[PersonsSpan]) -> list[Span]:
    """Return when spans of the same person overlap."""
    met = [
        (max(begins, from_then), min(ends, until))
        for who, begins, ends in some
        for whom, from_then, until in others
        if who == whom
    ]
    return [(begins, ends) for begins, ends in met if begins < ends]


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
