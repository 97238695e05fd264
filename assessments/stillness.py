"""Time that does not count: while a patient has paused, or treatment is held, a program stands still."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

SPARE = timedelta(days=1)
"""How far ahead of its time a form is put while the program stands still: it moves twice a day."""


@dataclass(frozen=True, slots=True)
class Still:
    """One pause or hold; `ended_at` is `None` while it lasts."""

    began_at: datetime
    ended_at: datetime | None


def counted(start: datetime, length: timedelta, stills: Iterable[Still], *, at: datetime) -> datetime:
    """Return when `length` has passed since `start` without the time that stood still, as far as `at` knows.

    A pause and a hold at once count once. What begins after the length has passed changes nothing.
    """
    moment = start + length
    for began_at, ended_at in _apart(stills, at=at):
        begins = max(began_at, start)
        if begins >= moment:
            break
        moment += max(ended_at - begins, timedelta(0))
    return moment


def opening(
    stored: datetime, start: datetime, length: timedelta, stills: Iterable[Still], *, at: datetime
) -> datetime:
    """Return when a form that has not opened yet opens, seen at `at`; `stored` is what was thought before.

    While the program stands still it stays ahead of `at` by more than what is left, and moves only when it
    must; once the program goes on it is exact.
    """
    stills = list(stills)
    moment = counted(start, length, stills, at=at)
    if all(still.ended_at is not None or still.began_at >= moment for still in stills):
        return moment
    return stored if stored >= moment + SPARE / 2 else moment + SPARE


def _apart(stills: Iterable[Still], *, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Return stretches in order that do not touch; one that lasts goes up to `at`."""
    stretch: tuple[datetime, datetime] | None = None
    for still in sorted(stills, key=lambda still: still.began_at):
        began_at, ended_at = still.began_at, max(still.began_at, still.ended_at or at)
        if stretch is not None and began_at <= stretch[1]:
            stretch = stretch[0], max(stretch[1], ended_at)
            continue
        if stretch is not None:
            yield stretch
        stretch = began_at, ended_at
    if stretch is not None:
        yield stretch
