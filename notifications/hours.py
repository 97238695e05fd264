"""When somebody may be reminded: never in their quiet hours, once a day, by the clock on their own wall."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHORTEST_GAP = timedelta(hours=12)
"""Between two reminders to one person, so that travelling over the date line does not make two of one day."""
SHORTEST_WAKING = timedelta(hours=4)
"""How much of a day quiet hours leave at least, so that what is to be said can be said."""
TAKES = timedelta(seconds=30)
"""A message claimed now may leave that much later: as long as `notifications.services.LEASE`."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class QuietHours:
    """From when until when somebody is left alone, on their own clock and over midnight; alike means never.

    Raises `ValueError` where less than `SHORTEST_WAKING` would be left of a day.
    """

    begins: time
    ends: time

    def __post_init__(self) -> None:
        """Refuse what leaves no time to say anything."""
        if self.waking < SHORTEST_WAKING:
            raise ValueError(f"quiet hours leave {self.waking} of a day")

    @property
    def waking(self) -> timedelta:
        """Return how much of a day they leave."""
        left = datetime.combine(date.min, self.begins) - datetime.combine(date.min, self.ends)
        return left if left > timedelta(0) else left + _DAY

    def hold(self, wall: time) -> bool:
        """Tell whether it is quiet when the clock shows `wall`."""
        if self.begins <= self.ends:
            return self.begins <= wall < self.ends
        return wall >= self.begins or wall < self.ends


USUAL = QuietHours(begins=time(21), ends=time(8))
"""For who has said nothing. Source: this clinic's proposal; US law keeps telephone solicitations between 8
and 21 o'clock of who is called (47 CFR 64.1200(c)(1), not verified to bind such messages)."""


@dataclass(frozen=True)
class Habits:
    """What decides when somebody may be reminded; `reminded_at` is when a reminder last left, or may have."""

    zone: ZoneInfo
    quiet: QuietHours = USUAL
    reminded_at: datetime | None = None


def day_of(zone: ZoneInfo, at: datetime) -> date:
    """Return which day it is in `zone`."""
    return at.astimezone(zone).date()


def end_of_day(zone: ZoneInfo, at: datetime) -> datetime:
    """Return when the day of `at` is over in `zone`: at midnight, or right after a leap over it."""
    return datetime.combine(day_of(zone, at) + _DAY, time(0), tzinfo=zone).astimezone(UTC)


def next_moment(habits: Habits, *, at: datetime) -> datetime:
    """Return the first moment from `at` on at which a reminder may be taken in hand to be sent."""
    if habits.reminded_at is None:
        return _first_open(habits, at)
    next_day = end_of_day(habits.zone, habits.reminded_at)
    return _first_open(habits, max(at, next_day, habits.reminded_at + SHORTEST_GAP))


def _first_open(habits: Habits, at: datetime) -> datetime:
    """Return the first moment from `at` on that is not quiet, nor any until the message has left.

    Quiet ends when the clock shows its end: twice where clocks are set back over it, and where they leap
    over it, as late as it would have been.
    """
    if _is_open(habits, at):
        return at
    today = day_of(habits.zone, at)
    ends = (
        datetime.combine(today + days * _DAY, habits.quiet.ends, tzinfo=habits.zone).replace(fold=fold)
        for days in range(-1, 4)
        for fold in (0, 1)
    )
    later = sorted(end.astimezone(UTC) for end in ends)
    return next(moment for moment in later if moment > at and _is_open(habits, moment))


def _is_open(habits: Habits, at: datetime) -> bool:
    until = (at, at + TAKES)
    return not any(habits.quiet.hold(moment.astimezone(habits.zone).time()) for moment in until)
