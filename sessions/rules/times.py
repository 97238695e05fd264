"""What follows from a moment: deadlines, the day it is where the patient is, when they may drive again."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sessions.policy import SessionPolicy

CLOCK_SKEW = timedelta(minutes=2)
"""How far ahead of ours the clock of somebody's phone may be."""


def is_fresh(moment: datetime | None, at: datetime, max_age: timedelta) -> bool:
    """Tell whether something is known, no older than `max_age`, and not of a clock far ahead."""
    return moment is not None and at - max_age <= moment <= at + CLOCK_SKEW


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """Return the calendar day that `moment` falls on in `zone`."""
    return moment.astimezone(zone).date()


def day_begins(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment, in UTC, of a calendar day in `zone`.

    Where a clock change leaves midnight out that is the moment of the change; where midnight comes twice, the
    first of the two.
    """
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def far_enough(moment: datetime, *, last_dosed_at: datetime, zone: ZoneInfo, days: int) -> bool:
    """Tell whether `moment` is at least so many calendar days after the last dose, both days in one `zone`.

    No clock change shortens that below one day less in real hours.
    """
    between = local_day(moment, zone) - local_day(last_dosed_at, zone)
    # In UTC: two times of one zone are subtracted by the clock on the wall.
    elapsed = moment.astimezone(UTC) - last_dosed_at.astimezone(UTC)
    return between >= timedelta(days=days) and elapsed >= timedelta(days=days - 1)


def in_the_week(moment: datetime, *, doses_at: Iterable[datetime], zone: ZoneInfo) -> int:
    """Return how many doses there were on the calendar day of `moment` in `zone` and the six before it."""
    first = local_day(moment, zone) - timedelta(days=6)
    return sum(first <= local_day(dosed_at, zone) <= local_day(moment, zone) for dosed_at in doses_at)


def deadlines(started_at: datetime, policy: SessionPolicy) -> list[datetime]:
    """Return by when the monitor must be heard from, first to last.

    One every interval, and one at the end of the longest time that may be watched: the dose taken in the last
    minute of its window, and then the longer of timer and observation time.
    """
    watched = policy.watched_at_most
    count = -(-watched // policy.check_in_interval)
    return [started_at + min(step * policy.check_in_interval, watched) for step in range(1, count + 1)]


def meets(due_at: datetime, *, heard_at: datetime, policy: SessionPolicy) -> bool:
    """Tell whether a check-in that reached us at `heard_at` meets the deadline.

    It does within the interval before it. Afterwards it is too late for this one, whatever it says about
    when it was written.
    """
    return due_at - policy.check_in_interval < heard_at <= due_at


def is_news(said_at: datetime, *, heard_at: datetime, policy: SessionPolicy) -> bool:
    """Tell whether "all is well" still says so: what waited in a phone for over an interval is about then."""
    return heard_at - said_at <= policy.check_in_interval


def no_drive_until(ended_at: datetime, zone: ZoneInfo, policy: SessionPolicy) -> datetime:
    """Return the first moment, in UTC, at which the patient may drive again.

    The later of the policy's hour on the next calendar day in the patient's zone, and the policy's hours
    after the end. Where a clock change makes that hour happen twice or never, the later reading counts.
    Source: esketamine label, not before the next day after restful sleep; the hours are the policy's example.
    """
    morning = datetime.combine(
        local_day(ended_at, zone) + timedelta(days=1), time(policy.no_drive_until_hour), tzinfo=zone
    )
    readings = (morning.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(*readings, ended_at.astimezone(UTC) + policy.no_drive_min)
