from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import Reason
from programs.enums import Route
from sessions.rules import UnseenDose, dose_faults, late_dose_faults, should_not_have_been
from tests.sessions.facts import GOOD_DOSE, NOON, POLICY, reading


def test_the_ordered_dose_in_its_window_may_be_taken() -> None:
    assert dose_faults(GOOD_DOSE, POLICY) == []


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("dose_window_over", {"at": NOON + timedelta(minutes=30, seconds=1)}),
        ("other_route", {"route": Route.SUBCUTANEOUS}),
        ("other_amount", {"dose_mg": Decimal("300.1")}),
        ("other_amount", {"dose_mg": Decimal("30.0")}),
        ("order_changed", {"order_is_current": False}),
        ("order_changed", {"order_is_current": None}),
        ("enrollment_not_active", {"enrollment_is_active": False}),
        ("enrollment_not_active", {"enrollment_is_active": None}),
        ("paused", {"is_paused": True}),
        ("paused", {"is_paused": None}),
        ("not_reviewed", {"clearance_faults": (Reason("not_reviewed", "x"),)}),
        ("clearance_unknown", {"clearance_faults": None}),
        ("consent_missing", {"missing_consents": ("treatment_consent",)}),
        ("consent_unknown", {"missing_consents": None}),
        ("monitor_missing", {"monitor_is_bound": False}),
        ("monitor_missing", {"monitor_is_bound": None}),
        ("on_hold", {"open_holds": 1}),
        ("on_hold", {"open_holds": None}),
        ("alert_open", {"blocking_alerts": 1}),
        ("alert_open", {"blocking_alerts": None}),
        ("systolic_too_high", {"readings": (reading(minutes_ago=-1, pressure=(141, 80)),)}),
        ("diastolic_too_high", {"readings": (reading(minutes_ago=-1, pressure=(139, 91)),)}),
        ("heart_rate_too_high", {"readings": (reading(minutes_ago=-1, rate=111),)}),
        ("blood_pressure_crisis", {"readings_elsewhere": (reading(minutes_ago=900, pressure=(118, 120)),)}),
        ("readings_unknown", {"readings_elsewhere": None}),
        ("too_soon", {"last_dosed_at": NOON - timedelta(hours=1)}),
    ],
)
def test_one_failing_fact_refuses_the_dose_with_its_own_reason(reason: str, change: dict[str, Any]) -> None:
    assert [fault.code for fault in dose_faults(replace(GOOD_DOSE, **change), POLICY)] == [reason]


def test_a_crisis_reading_after_the_start_refuses_the_dose() -> None:
    facts = replace(GOOD_DOSE, readings=(*GOOD_DOSE.readings, reading(minutes_ago=-2, pressure=(181, 90))))
    assert "blood_pressure_crisis" in {fault.code for fault in dose_faults(facts, POLICY)}


def test_a_crisis_reading_from_before_the_start_that_came_late_refuses_the_dose() -> None:
    late = reading(minutes_ago=45, pressure=(230, 130))
    facts = replace(GOOD_DOSE, readings=(late, *GOOD_DOSE.readings))
    assert [fault.code for fault in dose_faults(facts, POLICY)] == ["blood_pressure_crisis"]


def test_the_window_ends_with_its_last_moment() -> None:
    assert dose_faults(replace(GOOD_DOSE, at=GOOD_DOSE.dose_by), POLICY) == []


OPENED, CLOSED = NOON, NOON + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("taken", "now", "codes"),
    [
        (10, 30, ["dose_window_open"]),
        (10, 5, ["dose_window_open"]),
        (41, 40, ["in_the_future"]),
        (-1, 40, ["before_the_start"]),
        (-1, 10, ["before_the_start"]),
        (31, 40, ["dose_window_over"]),
        (0, 31, []),
        (30, 31, []),
        (10, 600, []),
    ],
)
def test_a_late_report_is_of_a_dose_in_its_window_and_comes_after_it(
    taken: int, now: int, codes: list[str]
) -> None:
    taken_at, at = NOON + timedelta(minutes=taken), NOON + timedelta(minutes=now)
    faults = late_dose_faults(taken_at=taken_at, opened_at=OPENED, dose_by=CLOSED, at=at)
    assert [fault.code for fault in faults] == codes


SEEN_TO = UnseenDose(
    route=Route.SUBLINGUAL,
    dose_mg=Decimal(300),
    ordered=(Route.SUBLINGUAL, Decimal("300.0")),
    was_held=False,
    readings=(reading(minutes_ago=10),),
)


def test_a_dose_as_ordered_is_no_worse_than_unseen() -> None:
    assert not should_not_have_been(SEEN_TO, POLICY)


@pytest.mark.parametrize(
    "change",
    [
        {"route": Route.SUBCUTANEOUS},
        {"dose_mg": Decimal("299.9")},
        {"dose_mg": Decimal("300.1")},
        {"ordered": None},
        {"was_held": True},
        {"readings": (reading(minutes_ago=10), reading(minutes_ago=900, pressure=(180, 80)))},
    ],
)
def test_a_dose_that_should_not_have_been(change: dict[str, Any]) -> None:
    assert should_not_have_been(replace(SEEN_TO, **change), POLICY)


def test_without_a_policy_nobody_can_tell() -> None:
    assert should_not_have_been(SEEN_TO, None)
