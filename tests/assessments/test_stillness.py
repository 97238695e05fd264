"""Time that does not count, for any pauses and holds: against a clock that ticks hour by hour."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from assessments.stillness import SPARE, Still, counted, opening

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

hours = st.integers(-100, 400)
lengths = st.integers(0, 100)


@st.composite
def stretches(draw: st.DrawFn) -> Still:
    begins, lasts = draw(hours), draw(st.none() | st.integers(0, 150))
    return Still(START + begins * HOUR, None if lasts is None else START + (begins + lasts) * HOUR)


calmly = settings(max_examples=60)
"""A busy machine is no fault of what is tested."""
pauses_and_holds = st.lists(stretches(), max_size=5)


def by_the_hour(length: int, stills: list[Still], *, at: int) -> datetime:
    """Tick until `length` hours have gone by in which nothing stood still; the slow and plain way."""
    now, left = START, length
    while left:
        ends = [(still.began_at, still.ended_at or START + at * HOUR) for still in stills]
        left -= not any(began_at <= now < ended_at for began_at, ended_at in ends)
        now += HOUR
    return now


@calmly
@given(length=lengths, stills=pauses_and_holds, at=st.integers(0, 500))
def test_only_time_in_which_nothing_stood_still_counts(length: int, stills: list[Still], at: int) -> None:
    found = counted(START, length * HOUR, stills, at=START + at * HOUR)
    assert found == by_the_hour(length, stills, at=at)


@calmly
@given(length=lengths, stills=pauses_and_holds, at=st.integers(0, 500))
def test_standing_still_never_brings_anything_forward(length: int, stills: list[Still], at: int) -> None:
    assert counted(START, length * HOUR, stills, at=START + at * HOUR) >= START + length * HOUR


@calmly
@given(length=lengths, stills=pauses_and_holds, at=st.integers(0, 500))
def test_what_begins_after_the_opening_changes_nothing(length: int, stills: list[Still], at: int) -> None:
    """And so what has opened is never touched."""
    seen = START + at * HOUR
    opened_at = counted(START, length * HOUR, stills, at=seen)
    later = Still(opened_at, None)
    assert counted(START, length * HOUR, [*stills, later], at=seen) == opened_at


@calmly
@given(
    length=lengths,
    stills=pauses_and_holds,
    visits=st.lists(st.integers(0, 500), min_size=1, max_size=8).map(sorted),
)
def test_however_often_the_clock_looks_it_ends_at_the_same_time(
    length: int, stills: list[Still], visits: list[int]
) -> None:
    """The clock sees of each stretch what had happened by then; what it last sees decides."""
    stored = START + length * HOUR
    for visit in visits:
        seen_at = START + visit * HOUR
        known = [
            Still(still.began_at, still.ended_at if still.ended_at and still.ended_at <= seen_at else None)
            for still in stills
            if still.began_at <= seen_at
        ]
        stored = opening(stored, START, length * HOUR, known, at=seen_at)
        exact = counted(START, length * HOUR, known, at=seen_at)
        lasts = any(still.ended_at is None and still.began_at < exact for still in known)
        assert exact <= stored <= exact + SPARE if lasts else stored == exact
        assert opening(stored, START, length * HOUR, known, at=seen_at) == stored


def test_while_the_program_stands_still_a_form_moves_twice_a_day() -> None:
    held = [Still(START + HOUR, None)]
    stored, moves = START + 24 * HOUR, 0
    for hour in range(1, 24 * 30):
        found = opening(stored, START, 24 * HOUR, held, at=START + hour * HOUR)
        moves += found != stored
        assert found > START + hour * HOUR
        stored = found
    assert moves <= 60
