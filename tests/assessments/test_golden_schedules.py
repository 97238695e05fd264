"""What the shipped schedule asks of somebody with 6, 12 or 18 sessions: tables made by hand, in days."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from assessments import schedule as rules
from assessments.schedule import BASELINE, Anchor, Lifespan, Point, calendar_points, schedule, schedules

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
ALL, PHQ9 = ("phq9", "gad7", "cbi"), ("phq9",)

Row = tuple[str, int, tuple[str, ...], int, int, int]

# Session n is on day 7 n + 1; the program is complete when the last one is over. Opens, due, closes.
TO_SIX: list[Row] = [
    ("after_session", 0, ALL, 0, 3, 365),
    ("before_session", 2, PHQ9, 12, 14, 16),
    ("after_session", 2, ALL, 16, 18, 22),
    ("before_session", 4, PHQ9, 26, 28, 30),
    ("after_session", 4, ALL, 30, 32, 36),
    ("before_session", 6, PHQ9, 40, 42, 44),
    ("after_session", 6, ALL, 44, 46, 50),
    ("week", 4, PHQ9, 28, 30, 35),
]
TO_TWELVE: list[Row] = [
    *TO_SIX,
    ("before_session", 8, PHQ9, 54, 56, 58),
    ("after_session", 8, ALL, 58, 60, 64),
    ("before_session", 10, PHQ9, 68, 70, 72),
    ("after_session", 10, ALL, 72, 74, 78),
    ("before_session", 12, PHQ9, 82, 84, 86),
    ("after_session", 12, ALL, 86, 88, 92),
    ("week", 8, PHQ9, 56, 58, 63),
    ("week", 12, PHQ9, 84, 86, 91),
]
TO_EIGHTEEN: list[Row] = [
    *TO_TWELVE,
    ("before_session", 14, PHQ9, 96, 98, 100),
    ("after_session", 14, ALL, 100, 102, 106),
    ("before_session", 16, PHQ9, 110, 112, 114),
    ("after_session", 16, ALL, 114, 116, 120),
    ("before_session", 18, PHQ9, 124, 126, 128),
    ("after_session", 18, ALL, 128, 130, 134),
    ("week", 16, PHQ9, 112, 114, 119),
]
GOLDEN: dict[int, list[Row]] = {
    6: [
        *TO_SIX,
        ("month", 1, ALL, 73, 76, 87),
        ("month", 3, ALL, 133, 136, 147),
        ("month", 6, ALL, 223, 226, 237),
    ],
    12: [
        *TO_TWELVE,
        ("month", 1, ALL, 115, 118, 129),
        ("month", 3, ALL, 175, 178, 189),
        ("month", 6, ALL, 265, 268, 279),
    ],
    18: [
        *TO_EIGHTEEN,
        ("month", 1, ALL, 157, 160, 171),
        ("month", 3, ALL, 217, 220, 231),
        ("month", 6, ALL, 307, 310, 321),
    ],
}


def day_of(session: int) -> int:
    return 7 * session + 1


def points(session_count: int) -> Iterator[tuple[Point, datetime]]:
    """Live through a program day by day; return each point that may ask, and what it counts from."""
    yield Point(Anchor.AFTER_SESSION, BASELINE), START
    for number in range(1, session_count + 1):
        yield Point(Anchor.BEFORE_SESSION, number), START + day_of(number) * DAY
        yield Point(Anchor.AFTER_SESSION, number), START + day_of(number) * DAY
    completed_at = START + day_of(session_count) * DAY
    for day in range(400):
        at = START + day * DAY
        lifespan = Lifespan(START, completed_at if at >= completed_at else None)
        yield from calendar_points(schedule(), lifespan, at=at)


def lived_through(session_count: int) -> set[Row]:
    rows = set()
    for point, counted_from in points(session_count):
        asked = schedule().asked_at(point, session_count=session_count)
        if asked is not None:
            days = [
                (counted_from + after - START).days
                for after in (asked.window.opens_after, asked.window.due_after, asked.window.closes_after)
            ]
            rows.add((point.anchor.value, point.number, asked.instruments, days[0], days[1], days[2]))
    return rows


@pytest.mark.parametrize("session_count", GOLDEN)
def test_a_program_is_asked_what_the_table_says(session_count: int) -> None:
    assert lived_through(session_count) == set(GOLDEN[session_count])


@pytest.mark.parametrize("session_count", GOLDEN)
def test_a_week_asks_for_no_more_minutes_than_the_schedule_states(session_count: int) -> None:
    """At this pace the weeks' PHQ-9 are spared: another is open, or was answered within two weeks."""
    asked = [row for row in GOLDEN[session_count] if row[0] != "week"]
    most = max(
        sum(schedule().minutes[code] for row in asked if 0 <= row[3] - begins < 7 for code in row[2])
        for begins in range(330)
    )
    assert most <= (schedule().minutes_a_week or 0)


def test_between_any_two_doses_there_is_a_phq9() -> None:
    for number in range(2, 19):
        before = schedule().asked_at(Point(Anchor.BEFORE_SESSION, number))
        after = schedule().asked_at(Point(Anchor.AFTER_SESSION, number - 1))
        assert any(asked and "phq9" in asked.instruments for asked in (before, after))


@pytest.mark.parametrize(("session_count", "asked"), [(5, {2, 4, 5}), (1, {1}), (6, {2, 4, 6})])
def test_the_last_session_is_asked_about_whichever_number_it_has(session_count: int, asked: set[int]) -> None:
    numbers = range(1, session_count + 1)
    found = [
        number
        for number in numbers
        if schedule().asked_at(Point(Anchor.AFTER_SESSION, number), session_count=session_count)
    ]
    assert set(found) == asked


@pytest.mark.parametrize(("day", "asked"), [(27, []), (28, [4]), (34, [4]), (35, []), (56, [8]), (57, [8])])
def test_a_week_is_asked_while_its_window_is_open(day: int, asked: list[int]) -> None:
    """After an outage somebody is asked for today, not for what was missed."""
    found = calendar_points(schedule(), Lifespan(START, None), at=START + day * DAY)
    assert [point.number for point, _ in found] == asked


def test_every_shipped_version_stays_as_it_is() -> None:
    """A form names the version that asked for it: what changes is a new file, and its line here."""
    folder = Path(rules.__file__).parent
    hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.glob("schedule*.toml")}
    assert hashes == HASHES
    assert sorted(schedules()) == [1, 2, 3]


HASHES = {
    "schedule.toml": "73aab19842ce6fdf1c72db15ad6c25ad1934bc1e00a53333ab30b35d9eaec790",
    "schedule_2.toml": "f17882405c7d5095335f636b0a90f5875c687c4c947961bd09571a47ba60c35c",
    "schedule_3.toml": "1685b1a96ed243cfbae62d1fae787be683522e5962f9b350c0391ed9d6d40c91",
}
