"""How often somebody is reminded: what the shipped file says, and which files nobody can mean."""

import hashlib
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import notifications
from notifications.ladders import VERSION, LadderError, ladders, parse_ladders, steps_after, steps_before

FOLDER = Path(notifications.__file__).parent
SHIPPED = {1: "2473a0e0abb9e54ca5afa567bd4c23aaa1c018ba1c5ca794517da02b056f337c"}
"""Rows name the version they follow: a file that has shipped stays as it is."""
DUE = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_shipped_files_stay_as_they_are() -> None:
    found = {
        int(file.stem.removeprefix("ladders_")): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in FOLDER.glob("ladders_*.toml")
    }
    assert found == SHIPPED
    assert max(SHIPPED) == VERSION
    assert [ladders(version).version for version in SHIPPED] == list(SHIPPED)


def test_a_form_is_reminded_of_twice_each_until_the_next() -> None:
    steps = steps_after(DUE, stale_at=DUE + 4 * DAY)
    assert [(step.name, step.due_at, step.expires_at) for step in steps] == [
        ("v1:0", DUE, DUE + 2 * DAY),
        ("v1:1", DUE + 2 * DAY, DUE + 4 * DAY),
    ]


def test_nothing_is_reminded_of_once_it_is_stale() -> None:
    assert [step.name for step in steps_after(DUE, stale_at=DUE + 47 * HOUR)] == ["v1:0"]
    assert steps_after(DUE, stale_at=DUE) == []


def test_a_booking_is_reminded_of_three_days_and_a_day_before() -> None:
    steps = steps_before(DUE)
    assert [(step.due_at, step.expires_at) for step in steps] == [
        (DUE - 3 * DAY, DUE - DAY),
        (DUE - DAY, DUE),
    ]


def test_staff_hear_of_silence_after_the_last_reminder() -> None:
    assert ladders().silent_after > ladders().after_due[-1]


def said(**changes: Any) -> dict[str, Any]:
    content = tomllib.loads((FOLDER / "ladders_1.toml").read_text())
    for place, value in changes.items():
        table, _, key = place.partition("__")
        if key:
            content[table][key] = value
        else:
            content[table] = value
    return content


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"assessment_due__remind_after_hours": []}, "remind_after_hours"),
        ({"assessment_due__remind_after_hours": [48, 0]}, "in order"),
        ({"assessment_due__remind_after_hours": [0, 12]}, "a day apart"),
        ({"assessment_due__remind_after_hours": [0, 24, 48, 72, 96, 120]}, "1 to 5"),
        ({"assessment_due__remind_after_hours": 24}, "1 to 5"),
        ({"assessment_due__remind_after_hours": [True]}, "hours from 0"),
        ({"assessment_due__remind_after_hours": [-24, 0]}, "hours from 0"),
        ({"assessment_due__silent_after_hours": 48}, "after the last reminder"),
        ({"assessment_due__silent_after_hours": "soon"}, "hours from 0"),
        ({"session_tomorrow__remind_before_hours": [24, 72]}, "in order"),
        ({"session_tomorrow__remind_before_hours": "24"}, "1 to 5"),
        ({"session_tomorrow__nag": 1}, "nag: is not known"),
        ({"session_tomorrow": 3}, "has to be a table"),
        ({"sms": {}}, "sms: is not known"),
    ],
)
def test_what_no_ladder_can_mean_is_refused(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(LadderError, match=place):
        parse_ladders(said(**changes))


def test_what_is_missing_is_named() -> None:
    content = said()
    del content["session_tomorrow"]
    with pytest.raises(LadderError, match="session_tomorrow: is missing"):
        parse_ladders(content)
