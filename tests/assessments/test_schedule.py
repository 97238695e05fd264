"""When a set is asked, and where an assessment stands: values in, values out."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assessments import schedule as rules
from assessments.instruments import InstrumentError, instruments
from assessments.schedule import (
    Anchor,
    AssessmentStatus,
    Moments,
    Point,
    is_late,
    parse_schedule,
    schedule,
    status_of,
)
from programs.enums import EnrollmentStatus

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def moments(
    *,
    submitted_at: datetime | None = None,
    enrollment_status: EnrollmentStatus = EnrollmentStatus.ACTIVE,
) -> Moments:
    return Moments(
        opens_at=NOON,
        due_at=NOON + 3 * DAY,
        closes_at=NOON + 7 * DAY,
        submitted_at=submitted_at,
        enrollment_status=enrollment_status,
    )


@pytest.mark.parametrize(
    ("at", "status"),
    [
        (NOON - TICK, AssessmentStatus.UPCOMING),
        (NOON, AssessmentStatus.OPEN),
        (NOON + 3 * DAY + TICK, AssessmentStatus.OPEN),
        (NOON + 7 * DAY - TICK, AssessmentStatus.OPEN),
        (NOON + 7 * DAY, AssessmentStatus.EXPIRED),
    ],
)
def test_an_unanswered_form_opens_and_closes(at: datetime, status: AssessmentStatus) -> None:
    assert status_of(moments(), at=at) == status


@pytest.mark.parametrize("enrollment_status", EnrollmentStatus)
def test_submitted_stays_submitted_however_the_program_ends(enrollment_status: EnrollmentStatus) -> None:
    answered = moments(submitted_at=NOON, enrollment_status=enrollment_status)
    assert status_of(answered, at=NOON + 99 * DAY) == AssessmentStatus.SUBMITTED


@pytest.mark.parametrize(
    "enrollment_status", [status for status in EnrollmentStatus if status not in rules.ANSWERED_IN]
)
@pytest.mark.parametrize("at", [NOON - DAY, NOON, NOON + 99 * DAY])
def test_nothing_is_asked_outside_treatment(at: datetime, enrollment_status: EnrollmentStatus) -> None:
    form = moments(enrollment_status=enrollment_status)
    assert status_of(form, at=at) == AssessmentStatus.NOT_APPLICABLE


def test_the_last_form_can_be_answered_though_the_program_is_complete() -> None:
    form = moments(enrollment_status=EnrollmentStatus.COMPLETED)
    assert status_of(form, at=NOON) == AssessmentStatus.OPEN


@pytest.mark.parametrize(
    ("submitted_at", "at", "late"),
    [
        (None, NOON + 3 * DAY, False),
        (None, NOON + 3 * DAY + TICK, True),
        (NOON + 3 * DAY, NOON + 9 * DAY, False),
        (NOON + 4 * DAY, NOON + 9 * DAY, True),
    ],
)
def test_late_is_after_it_was_due(submitted_at: datetime | None, at: datetime, late: bool) -> None:
    assert is_late(moments(submitted_at=submitted_at), at=at) is late


def test_the_shipped_schedule_asks_all_three_instruments() -> None:
    assert schedule().instruments == ("phq9", "gad7", "cbi")


@pytest.mark.parametrize("number", [2, 4, 6, 12, 18])
def test_something_is_asked_after_every_second_session(number: int) -> None:
    asked = schedule().asked_at(Point(Anchor.AFTER_SESSION, number))
    assert asked is not None
    window = asked.window
    assert (window.opens_after, window.due_after, window.closes_after) == (DAY, 3 * DAY, 7 * DAY)


@pytest.mark.parametrize("number", [1, 3, 5, 17])
def test_nothing_is_asked_after_the_others(number: int) -> None:
    assert schedule().asked_at(Point(Anchor.AFTER_SESSION, number)) is None


def test_the_baseline_is_due_in_three_days_and_outlasts_a_long_hold() -> None:
    window = schedule().baseline
    assert (window.opens_after, window.due_after) == (timedelta(0), 3 * DAY)
    assert window.closes_after >= 365 * DAY


FILE = "schedule_3.toml"


def shipped() -> dict[str, Any]:
    return tomllib.loads(Path(rules.__file__).with_name(FILE).read_text())


def test_the_shipped_file_says_that_it_is_an_example() -> None:
    assert shipped()["status"] == "example"


@pytest.mark.parametrize(
    ("place", "key", "value", "fault"),
    [
        ("baseline", "due_after_days", 400, "rise"),
        ("baseline", "opens_after_days", -1, "rise"),
        ("after_session", "reminder_stale_after_days", 3, "rise"),
        ("after_session", "reminder_stale_after_days", 8, "rise"),
        ("after_session", "due_after_days", 2.5, "type int"),
        ("after_session", "every", 0, "above 0"),
        ("after_session", "extra", 1, "unknown key"),
        ("before_session", "opens_after_days", -31, "rise"),
        ("before_session", "instruments", [], "empty"),
        ("week", "opens_after_days", -1, "rise"),
        ("week", "instruments", ["mystery"], "mystery"),
        ("week", "stands_still", 1, "type bool"),
        ("month", "every", 1, "unknown key"),
        ("month", "numbers", [0], "above 0"),
        ("minutes", "phq9", 0, "above 0"),
        ("minutes", "olbi", 5, "differ in olbi"),
    ],
)
def test_a_window_that_cannot_be_is_refused(place: str, key: str, value: object, fault: str) -> None:
    values = shipped()
    values[place][key] = value
    with pytest.raises(InstrumentError, match=fault):
        parse_schedule(values, file=FILE)


def test_every_schedule_states_its_minutes_a_week() -> None:
    values = {key: value for key, value in shipped().items() if key != "minutes_a_week"}
    with pytest.raises(InstrumentError, match="minutes_a_week is missing"):
        parse_schedule(values, file=FILE)


def test_months_have_an_end() -> None:
    values = shipped()
    del values["month"]["numbers"]
    values["month"]["every"] = 1
    with pytest.raises(InstrumentError, match="month needs numbers"):
        parse_schedule(values, file=FILE)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"instruments": ["phq9", "mystery"]}, "mystery"),
        ({"instruments": []}, "empty"),
        ({"instruments": ["phq9", "phq9"]}, "twice"),
        ({"status": 1}, "type str"),
        ({"extra": 1}, "unknown key"),
        ({"version": 4}, "belongs in schedule_4.toml"),
        ({"minutes": {"phq9": 3}}, "differ in cbi, cssrs, gad7"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(change: dict[str, object], fault: str) -> None:
    with pytest.raises(InstrumentError, match=fault):
        parse_schedule(shipped() | change, file=FILE)


@pytest.mark.parametrize("missing", ["status", "source", "instruments", "baseline", "after_session"])
def test_a_schedule_with_a_part_missing_is_refused(missing: str) -> None:
    values = shipped()
    del values[missing]
    with pytest.raises(InstrumentError, match=missing):
        parse_schedule(values, file=FILE)


def test_a_sum_that_decides_whether_an_item_is_asked_has_no_reversed_items() -> None:
    """The API states that condition as a plain sum of answers."""
    for instrument in instruments().values():
        for item in instrument.items.values():
            if item.asked_when is not None:
                deciding = [instrument.items[key] for key in instrument.deciding(item.asked_when)]
                assert not any(each.reversed for each in deciding)
