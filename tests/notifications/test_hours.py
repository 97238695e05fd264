"""When a reminder may leave, checked against clocks that are not the rule's own."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from datetime import timezone as fixed
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from notifications import hours
from notifications.hours import USUAL, Habits, QuietHours, end_of_day, next_moment
from tests.figures import record
from tests.sessions.clocks import DAY, HOUR, clock_of

FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
EVERY = timedelta(hours=3, minutes=7)
QUIET = {
    "usual": (21 * 60, 8 * 60),
    "short night": (23 * 60 + 30, 6 * 60 + 15),
    "inside the change": (60 + 30, 2 * 60 + 30),
    "noon": (12 * 60, 14 * 60),
    "long": (14 * 60, 9 * 60),
}
"""Minutes of the day, from and until."""
ODD_ZONES = (
    "America/New_York",
    "America/Havana",
    "America/Nuuk",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)


def wall_minutes(zone: str, moment: float) -> float:
    """Return what the clock shows there, in minutes since midnight."""
    clock = clock_of(zone)
    return (moment + clock.offset(int(moment))) % DAY / 60


def is_quiet(zone: str, moment: float, quiet: str) -> bool:
    begins, ends = QUIET[quiet]
    minute = wall_minutes(zone, moment)
    return begins <= minute < ends if begins < ends else not ends <= minute < begins


def changes(zone: str) -> list[int]:
    """Return the moments in the five years at which the clocks there change, or one where they never do."""
    found = [at for at in clock_of(zone).changes if FIRST.timestamp() <= at < LAST.timestamp()]
    return found or [int(FIRST.timestamp()) + 100 * DAY]


def hours_of(quiet: str) -> QuietHours:
    begins, ends = QUIET[quiet]
    return QuietHours(time(*divmod(begins, 60)), time(*divmod(ends, 60)))


def sent_around(change: int, zone: Any, quiet: QuietHours) -> tuple[list[datetime], list[datetime]]:
    """Send what falls due every few hours for six days as a worker does; return what was due, what left."""
    start = datetime.fromtimestamp(change, UTC) - timedelta(days=3)
    due = [start + n * EVERY for n in range(int(timedelta(days=6) / EVERY))]
    waiting, sent = list(due), list[datetime]()
    while waiting:
        at = waiting.pop(0)
        habits = Habits(zone, quiet, sent[-1] if sent else None)
        moment = next_moment(habits, at=at)
        if moment > at:
            waiting = sorted([moment, *waiting])
            continue
        sent.append(at)
        waiting = [later for later in waiting if later >= end_of_day(zone, at)]
    return due, sent


def faults_around(
    change: int, zone: str, quiet: str, due: Sequence[datetime], sent: Sequence[datetime]
) -> Iterator[str]:
    """Name everything that was promised and not kept, going by the independent clock."""
    moments = [at.timestamp() for at in sent]
    for moment in moments:
        if is_quiet(zone, moment, quiet) or is_quiet(zone, moment + 29, quiet):
            yield "in quiet hours"
    clock = clock_of(zone)
    days = Counter(clock.day(int(moment)) for moment in moments)
    yield from ("twice a day" for count in days.values() if count > 1)
    for at in due:
        day = clock.day(int(at.timestamp()))
        if day not in days and not any(0 <= moment - at.timestamp() <= 40 * HOUR for moment in moments):
            yield "never"


def faults(zones: Sequence[str], *, quiets: Sequence[str], clocks: Any = ZoneInfo) -> Counter[str]:
    found = Counter[str]()
    for zone in zones:
        for change in changes(zone):
            for quiet in quiets:
                due, sent = sent_around(change, clocks(zone), hours_of(quiet))
                found.update(faults_around(change, zone, quiet, due, sent))
                found["changes"] += 1
    return found


def test_nobody_is_reminded_in_quiet_hours_or_twice_a_day_in_odd_zones() -> None:
    found = faults(ODD_ZONES, quiets=["usual", "inside the change"])
    assert found.pop("changes") > 100
    assert not found


@pytest.mark.full
def test_nobody_is_reminded_in_quiet_hours_or_twice_a_day_anywhere() -> None:
    found = faults(sorted(available_timezones()), quiets=list(QUIET))
    assert found.pop("changes") > 5_000
    record("reminders.in_quiet_hours", found["in quiet hours"])
    assert not found


def winter_clock(zone: str) -> Any:
    """A clock that is never set forward or back."""
    return fixed(timedelta(seconds=clock_of(zone).offset(int(FIRST.timestamp()))))


@pytest.mark.parametrize("clocks", [winter_clock, lambda _: UTC])
def test_twin_with_another_clock_some_are(clocks: Any) -> None:
    assert faults(ODD_ZONES, quiets=["usual"], clocks=clocks)["in quiet hours"] > 10


def test_twin_without_looking_at_the_clock_most_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hours, "_is_open", lambda habits, at: True)
    assert faults(ODD_ZONES, quiets=["usual"])["in quiet hours"] > 100


def test_twin_without_what_went_before_they_are_reminded_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hours, "end_of_day", lambda zone, at: at)
    monkeypatch.setattr(hours, "SHORTEST_GAP", timedelta(0))
    monkeypatch.setitem(globals(), "end_of_day", lambda zone, at: at)
    assert faults(ODD_ZONES, quiets=["usual"])["twice a day"] > 100


# --- by hand ------------------------------------------------------------------------------------------------

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("at", "leaves"),
    [
        ("2026-07-01T21:00-04:00", "2026-07-02T08:00-04:00"),
        ("2026-07-01T20:59:29-04:00", "2026-07-01T20:59:29-04:00"),
        ("2026-07-01T20:59:31-04:00", "2026-07-02T08:00-04:00"),  # it would leave after nine
        ("2026-07-02T07:59:59-04:00", "2026-07-02T08:00-04:00"),
        ("2026-07-02T08:00-04:00", "2026-07-02T08:00-04:00"),
        ("2026-03-07T22:00-05:00", "2026-03-08T08:00-04:00"),  # a night of ten hours
        ("2026-10-31T22:00-04:00", "2026-11-01T08:00-05:00"),  # and one of twelve
    ],
)
def test_until_eight_in_the_morning(at: str, leaves: str) -> None:
    moment = next_moment(Habits(NEW_YORK), at=datetime.fromisoformat(at))
    assert moment == datetime.fromisoformat(leaves)


@pytest.mark.parametrize(
    ("reminded", "at", "leaves"),
    [
        ("2026-07-01T08:00-04:00", "2026-07-01T20:30-04:00", "2026-07-02T08:00-04:00"),
        ("2026-07-01T20:30-04:00", "2026-07-02T08:00-04:00", "2026-07-02T08:30-04:00"),
        ("2026-07-01T08:00-04:00", "2026-07-03T10:00-04:00", "2026-07-03T10:00-04:00"),
    ],
)
def test_one_a_day_and_half_a_day_between(reminded: str, at: str, leaves: str) -> None:
    habits = Habits(NEW_YORK, reminded_at=datetime.fromisoformat(reminded))
    assert next_moment(habits, at=datetime.fromisoformat(at)) == datetime.fromisoformat(leaves)


def test_over_the_date_line_no_two_of_one_day() -> None:
    """Reminded in Kiritimati on the 2nd; in Honolulu it is the 1st still, and will be the 2nd again."""
    reminded = datetime(2026, 7, 2, 9, tzinfo=ZoneInfo("Pacific/Kiritimati"))
    habits = Habits(ZoneInfo("Pacific/Honolulu"), reminded_at=reminded)
    assert next_moment(habits, at=reminded + timedelta(hours=1)) - reminded >= hours.SHORTEST_GAP


def test_where_nothing_is_quiet_it_leaves_at_once() -> None:
    at = datetime(2026, 7, 1, 3, tzinfo=UTC)
    assert next_moment(Habits(NEW_YORK, QuietHours(time(0), time(0))), at=at) == at


@pytest.mark.parametrize(
    ("begins", "ends"), [(time(8), time(7, 59)), (time(9), time(5, 1)), (time(20), time(16, 30))]
)
def test_quiet_hours_leave_some_of_the_day(begins: time, ends: time) -> None:
    with pytest.raises(ValueError, match="quiet hours leave"):
        QuietHours(begins, ends)


@pytest.mark.parametrize(
    ("wall", "holds"),
    [(time(21), True), (time(0), True), (time(7, 59, 59), True), (time(8), False), (time(20, 59), False)],
)
def test_the_usual_quiet_hours(wall: time, holds: bool) -> None:
    assert USUAL.hold(wall) is holds
