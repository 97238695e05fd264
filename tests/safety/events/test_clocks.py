"""By when an event has to be reported: against a table worked out with a calendar, not by our code."""

import csv
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.events import clocks
from safety.events.clocks import Need, TableError, due_at, holds, in_force, parse, pct_gone, to_warn

TABLE = clocks.tables()[0]
RULES = {rule.code: rule for rule in TABLE.rules}
with (Path(__file__).parent / "clock_cases.tsv").open() as file:
    CASES = list(csv.DictReader(file, delimiter="\t"))
"""Reckoned by `date`, with the system's time zones: a day beside the last one, at midnight there."""


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60
    assert {case["rule"] for case in CASES} == set(RULES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['rule']}: {case['note']}")
def test_due(case: Mapping[str, str]) -> None:
    aware_at = datetime.fromisoformat(case["aware_at"])
    assert due_at(RULES[case["rule"]], aware_at=aware_at) == datetime.fromisoformat(case["due_at"])


@given(st.integers(0, 10 * 365 * 24 * 60))
def test_whatever_the_day_there_is_time_and_not_a_day_too_much(minutes: int) -> None:
    aware_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    for rule in TABLE.rules:
        given_time = due_at(rule, aware_at=aware_at) - aware_at
        whole = timedelta(hours=rule.hours or 0, days=rule.calendar_days or 0)
        assert whole - timedelta(hours=1) <= given_time <= whole + timedelta(days=1, hours=1)


def test_what_nobody_has_said_counts() -> None:
    assert all(holds(rule, {Need.SERIOUS: True}) for rule in TABLE.rules)


@pytest.mark.parametrize(
    ("known", "held"),
    [
        ({Need.SERIOUS: False}, set()),
        ({Need.UNEXPECTED: False}, {"medical_review", "board_pacific"}),
        ({Need.SUSPECTED: False}, {"medical_review", "tell_pharmacy", "503b_serious", "board_pacific"}),
        ({Need.FATAL_OR_LIFE_THREATENING: False}, set(RULES) - {"ind_fatal"}),
        (dict.fromkeys(Need, True), set(RULES)),
    ],
)
def test_what_is_known_to_be_false_does_not(known: dict[Need, bool], held: set[str]) -> None:
    assert {code for code, rule in RULES.items() if holds(rule, {Need.SERIOUS: True} | known)} == held


BEGAN = datetime(2026, 3, 2, tzinfo=UTC)
ENDS = BEGAN + timedelta(hours=100)


@pytest.mark.parametrize(
    ("hours", "pct"), [(-1, 0), (0, 0), (49.99, 49), (50, 50), (79.99, 79), (80, 80), (100, 100), (250, 250)]
)
def test_how_much_is_gone(hours: float, pct: int) -> None:
    assert pct_gone(aware_at=BEGAN, due_at=ENDS, at=BEGAN + timedelta(hours=hours)) == pct


@pytest.mark.parametrize(
    ("gone", "warned", "step"),
    [
        (49, 0, None),
        (50, 0, 50),
        (79, 50, None),
        (80, 50, 80),
        (99, 80, None),
        (100, 80, 100),
        (250, 100, None),
        (250, 0, 100),
        (85, 0, 80),
    ],
)
def test_each_step_once_and_what_was_missed_not_all_at_once(gone: int, warned: int, step: int | None) -> None:
    assert to_warn(pct_gone=gone, warned_pct=warned) == step


RULE: dict[str, Any] = {**RULES["medical_review"].as_json(), "needs": ["serious"]}


def table(*rules: dict[str, Any]) -> clocks.Table:
    return parse({"version": 2, "effective_on": date(2027, 1, 1), "rules": rules})


def test_the_sound_table_is_read() -> None:
    assert table(RULE).rules[0].hours == 24


@pytest.mark.parametrize(
    "changed",
    [
        {"hours": None},
        {"hours": 0},
        {"hours": -1},
        {"calendar_days": 3},
        {"zone": "Atlantis/Main_Street"},
        {"needs": ["boring"]},
        {"colour": "blue"},
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(TableError):
        table(RULE | changed)


def test_a_rule_told_twice_is_refused() -> None:
    with pytest.raises(TableError):
        table(RULE, RULE)


def test_the_table_of_the_day_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "tables", lambda: [TABLE, table(RULE)])
    days = (date(2025, 1, 1), date(2026, 12, 31), date(2027, 1, 1))
    versions = [in_force(datetime.combine(day, datetime.min.time(), tzinfo=UTC)).version for day in days]
    assert versions == [1, 1, 2]


def test_every_rule_says_where_it_comes_from() -> None:
    assert all(rule.source and rule.status for table in clocks.tables() for rule in table.rules)
