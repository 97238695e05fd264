from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import Reason
from programs.enums import Route
from sessions.rules import (
    Measured,
    Reading,
    StartFacts,
    TodayAnswers,
    decide_start,
    for_monitor,
    is_emergency,
)
from tests.sessions.facts import (
    GOOD,
    NOON,
    PLACE,
    PLAN,
    POLICY,
    TODAY,
    WATCHED,
    WEEKLY,
    numbered,
    override,
    reading,
)

NO_TO_ALL = GOOD.today_answers.answers if GOOD.today_answers else {}
TEN = NOON + timedelta(minutes=10)
LONG_AGO = NOON - timedelta(hours=2, seconds=1)


def spoiled() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give each single fault, the reason it must be refused for, and what differs from the good facts."""
    yield "not active", "enrollment_not_active", {"enrollment_is_active": False}
    yield "active unknown", "enrollment_not_active", {"enrollment_is_active": None}
    yield "paused", "paused", {"is_paused": True}
    yield "pause unknown", "paused", {"is_paused": None}
    yield "no plan", "plan_missing", {"plan": None}
    for dose_mg in ("49.9", "450.1"):
        beyond = replace(PLAN, dose_mg=Decimal(dose_mg))
        yield f"a plan of {dose_mg} mg", "plan_out_of_bounds", {"plan": beyond}
    yield "a dose of another route", "plan_out_of_bounds", {"plan": replace(PLAN, route=Route.SUBCUTANEOUS)}
    yield "seventh of six", "all_sessions_used", {"number": 7}
    yield "a consent missing", "consent_missing", {"missing_consents": ("off_label_disclosure",)}
    yield "consents unknown", "consent_unknown", {"missing_consents": None}
    yield "clearance void", "screening_changed", {"clearance_faults": (Reason("screening_changed", "…"),)}
    yield "clearance unknown", "clearance_unknown", {"clearance_faults": None}
    yield "a hold", "on_hold", {"open_holds": 1}
    yield "holds unknown", "on_hold", {"open_holds": None}
    yield "an alert", "alert_open", {"blocking_alerts": 1}
    yield "alerts unknown", "alert_open", {"blocking_alerts": None}
    yield "a form due", "form_outstanding", {"outstanding_forms": ("phq9",)}
    yield "forms unknown", "forms_unknown", {"outstanding_forms": None}
    yield "no link alive", "monitor_missing", {"monitor_is_bound": False}
    yield "link unknown", "monitor_missing", {"monitor_is_bound": None}
    yield "monitor silent", "monitor_not_present", {"monitor_attested_at": None}
    yield "monitor long ago", "monitor_not_present", {"monitor_attested_at": LONG_AGO}
    yield "not asked today", "today_not_answered", {"today_answers": None}
    yield "asked long ago", "today_answers_too_old", {"today_answers": TodayAnswers(NO_TO_ALL, LONG_AGO)}
    for key in NO_TO_ALL:
        for answer in ("yes", "unknown"):
            given = TodayAnswers({**NO_TO_ALL, key: answer}, NOON)
            yield f"{key} {answer}", f"today_{key}", {"today_answers": given}
        without = {other: "no" for other in NO_TO_ALL if other != key}
        yield f"{key} yes, then no", f"today_{key}", {"yes_today": (key,)}
        yield f"{key} not answered", f"today_{key}", {"today_answers": TodayAnswers(without, NOON)}
    yield "readings unknown", "readings_unknown", {"readings": None}
    yield "one reading", "too_few_readings", {"readings": (reading(minutes_ago=4),)}
    yield "old readings", "readings_too_old", {"readings": readings(*[(118, 76)] * 2, first=31, rate=None)}
    yield "systolic", "systolic_too_high", {"readings": readings((141, 76), (118, 76))}
    yield "systolic repeated", "systolic_too_high", {"readings": readings((118, 76), (141, 76))}
    yield "diastolic", "diastolic_too_high", {"readings": readings((118, 91), (118, 76))}
    yield "diastolic repeated", "diastolic_too_high", {"readings": readings((118, 76), (118, 91))}
    yield "heart rate", "heart_rate_too_high", {"readings": readings((118, 76), (118, 76), rate=111)}
    yield (
        "no heart rate",
        "heart_rate_missing",
        {"readings": readings((118, 76), (118, 76), rate=None, alone=None)},
    )
    yield (
        "heart rate stale",
        "heart_rate_too_old",
        {"readings": readings((118, 76), (118, 76), rate=None, alone=31)},
    )
    yield (
        "crisis, then two good ones",
        "blood_pressure_crisis",
        {"readings": readings((180, 80), *[(118, 76)] * 2)},
    )
    yield (
        "crisis in another session",
        "blood_pressure_crisis",
        {"readings_elsewhere": (reading(minutes_ago=24 * 60, pressure=(180, 80)),)},
    )
    yield "other sessions unknown", "readings_unknown", {"readings_elsewhere": None}
    yield (
        "another one above the limit, not overridden",
        "systolic_too_high",
        {"readings": numbered(*readings((150, 80), (118, 76), (150, 80))), "overrides": (override(),)},
    )
    yield (
        "a third one in the week",
        "too_many_in_a_week",
        {"doses_at": tuple(NOON - timedelta(days=ago) for ago in (6, 1))},
    )
    yield "doses of the week unknown", "too_many_in_a_week", {"doses_at": None}
    yield "too soon", "too_soon", {"last_dosed_at": NOON - timedelta(days=6)}
    yield "a second session, no dose known", "last_dose_unknown", {"last_dosed_at": None}
    yield "nowhere", "place_missing", {"place": None}
    yield "there long ago", "place_too_old", {"place": replace(PLACE, given_at=LONG_AGO)}
    yield "in another state", "place_not_served", {"place": replace(PLACE, is_served=False)}
    yield "who knows if served", "place_not_served", {"place": replace(PLACE, is_served=None)}
    yield "roster unknown", "nobody_on_call", {"on_call": None}
    end, moment = NOON + WATCHED, timedelta(microseconds=1)
    yield "nobody on call", "nobody_on_call", {"on_call": ()}
    yield "on call too late", "nobody_on_call", {"on_call": ((NOON + moment, end),)}
    yield "off duty too early", "nobody_on_call", {"on_call": ((NOON, end - moment),)}
    yield "a moment alone", "nobody_on_call", {"on_call": ((NOON, TEN), (TEN + moment, end))}
    yield "watchdog silent", "watch_not_running", {"watch_is_alive": False}
    yield "watchdog unknown", "watch_not_running", {"watch_is_alive": None}
    yield "a step not known", "dose_rises_too_far", {"doses_before_mg": None}
    yield "no medicine", "no_medicine", {"has_medicine": False}
    yield "medicine unknown", "no_medicine", {"has_medicine": None}
    yield "an earlier session not reviewed", "review_open", {"open_reviews": 1}
    yield "reviews unknown", "review_open", {"open_reviews": None}
    yield "a safety task nobody has done", "safety_task_open", {"open_safety_tasks": 1}
    yield "safety tasks unknown", "safety_task_open", {"open_safety_tasks": None}
    yield "before its day", "before_its_day", {"scheduled_on": date(2026, 3, 3)}
    yield (
        "long gap",
        "gap_too_long",
        {"last_dosed_at": NOON - timedelta(days=85), "plan": replace(PLAN, signed_on=date(2025, 1, 1))},
    )


def readings(
    *pressures: tuple[int, int], first: float = 10, rate: int | None = 64, alone: float | None = 5
) -> tuple[Reading, ...]:
    """Return readings a minute apart; without a rate in them, one by itself taken `alone` minutes ago."""
    taken = [
        reading(minutes_ago=first - index, pressure=pressure, rate=rate)
        for index, pressure in enumerate(pressures)
    ]
    if rate is None and alone is not None:
        taken.append(Reading(observed_at=NOON - timedelta(minutes=alone), heart_rate_bpm=64))
    return tuple(sorted(taken, key=lambda one: one.observed_at))


def test_good_facts_start() -> None:
    decision = decide_start(GOOD, POLICY)
    assert decision.allowed
    assert decision.reasons == ()


@pytest.mark.parametrize(("reason", "change"), [pytest.param(r, c, id=name) for name, r, c in spoiled()])
def test_one_failing_fact_refuses_with_its_own_reason(reason: str, change: dict[str, Any]) -> None:
    decision = decide_start(replace(GOOD, **change), WEEKLY)
    assert not decision.allowed
    assert [given.code for given in decision.reasons] == [reason]


def test_people_who_relieve_each_other_cover_a_session() -> None:
    """In whatever order they stand in the roster; who begins as another ends leaves no gap."""
    relieved = ((TEN, NOON + WATCHED), (NOON - timedelta(hours=8), TEN))
    assert decide_start(replace(GOOD, on_call=relieved), POLICY).allowed


def test_every_fact_is_asked() -> None:
    """A field of the facts that no spoiled case touches would be a question nobody can fail."""
    touched = {name for _, _, change in spoiled() for name in change}
    assert set(StartFacts.__slots__) - touched == {"at", "today", "chart_timezone"}


def test_half_a_blood_pressure_is_none() -> None:
    half = Reading(observed_at=NOON - timedelta(minutes=2), systolic_mmhg=118, heart_rate_bpm=64)
    facts = replace(GOOD, readings=(reading(minutes_ago=4), half))
    assert [reason.code for reason in decide_start(facts, POLICY).reasons] == ["too_few_readings"]


def test_a_monitor_who_may_know_everything_is_told_everything() -> None:
    reasons = decide_start(replace(GOOD, readings=readings((150, 80), (150, 80))), POLICY).reasons
    assert for_monitor(reasons) == reasons


def test_every_failing_fact_is_named_at_once() -> None:
    facts = replace(
        GOOD,
        enrollment_is_active=False,
        open_holds=1,
        monitor_is_bound=False,
        today_answers=None,
        readings=readings((185, 95), (150, 76)),
        scheduled_on=date(2026, 3, 3),
    )
    assert [reason.code for reason in decide_start(facts, POLICY).reasons] == [
        "enrollment_not_active",
        "on_hold",
        "monitor_missing",
        "today_not_answered",
        "blood_pressure_crisis",
        "systolic_too_high",
        "diastolic_too_high",
        "before_its_day",
    ]


def test_crisis_level_is_named_beside_the_hold_level() -> None:
    codes = [
        reason.code
        for reason in decide_start(replace(GOOD, readings=readings((118, 76), (180, 120))), POLICY).reasons
    ]
    assert codes == ["blood_pressure_crisis", "systolic_too_high", "diastolic_too_high"]


@pytest.mark.parametrize(("pressure", "rate"), [((140, 90), 110), ((90, 50), 40)])
def test_readings_at_the_limit_start(pressure: tuple[int, int], rate: int) -> None:
    assert decide_start(replace(GOOD, readings=readings(pressure, pressure, rate=rate)), POLICY).allowed


def test_two_good_readings_after_a_high_one_start() -> None:
    assert decide_start(replace(GOOD, readings=readings((150, 95), *[(118, 76)] * 2)), POLICY).allowed


@pytest.mark.parametrize("minutes", [31, 60 * 24])
def test_a_crisis_reading_holds_for_a_day(minutes: float) -> None:
    earlier = reading(minutes_ago=minutes, pressure=(190, 119))
    decision = decide_start(replace(GOOD, readings=(earlier, *(GOOD.readings or ()))), POLICY)
    assert [reason.code for reason in decision.reasons] == ["blood_pressure_crisis"]


@pytest.mark.parametrize("seconds", [0, 1, 59])
def test_two_readings_at_once_are_one(seconds: float) -> None:
    twice = (reading(minutes_ago=5 + seconds / 60), reading(minutes_ago=5))
    decision = decide_start(replace(GOOD, readings=twice), POLICY)
    assert [reason.code for reason in decision.reasons] == ["too_few_readings"]


def test_readings_at_once_do_not_push_a_high_one_out() -> None:
    high, low = reading(minutes_ago=6, pressure=(150, 80)), reading(minutes_ago=5)
    decision = decide_start(replace(GOOD, readings=(high, low, low)), POLICY)
    assert [reason.code for reason in decision.reasons] == ["systolic_too_high"]


@pytest.mark.parametrize(("seconds", "codes"), [(59, ["systolic_too_high"]), (60, [])])
def test_measuring_again_at_once_does_not_undo_a_high_reading(seconds: float, codes: list[str]) -> None:
    high = reading(minutes_ago=5 + seconds / 60, pressure=(150, 80))
    facts = replace(GOOD, readings=(high, reading(minutes_ago=5), reading(minutes_ago=4)))
    assert [reason.code for reason in decide_start(facts, POLICY).reasons] == codes


def test_what_a_clinician_enters_lets_nothing_pass() -> None:
    afar = [replace(one, taken_there=False) for one in (reading(minutes_ago=3), reading(minutes_ago=1))]
    decision = decide_start(replace(GOOD, readings=tuple(afar)), POLICY)
    assert [reason.code for reason in decision.reasons] == ["too_few_readings", "heart_rate_missing"]
    high = replace(GOOD, readings=(reading(minutes_ago=9), reading(minutes_ago=6, pressure=(139, 91)), *afar))
    assert [reason.code for reason in decide_start(high, POLICY).reasons] == ["diastolic_too_high"]


def test_what_a_clinician_enters_can_refuse() -> None:
    afar = replace(reading(minutes_ago=3, pressure=(150, 80)), taken_there=False)
    decision = decide_start(replace(GOOD, readings=(*(GOOD.readings or ()), afar)), POLICY)
    assert [reason.code for reason in decision.reasons] == ["systolic_too_high"]


def test_a_crisis_reading_of_another_day_is_over() -> None:
    earlier = reading(minutes_ago=60 * 24 + 1, pressure=(190, 120))
    assert decide_start(replace(GOOD, readings=(earlier, *(GOOD.readings or ()))), POLICY).allowed


def test_a_reading_from_a_clock_far_ahead_is_not_fresh() -> None:
    ahead = replace(GOOD, readings=(reading(minutes_ago=4), reading(minutes_ago=-3)))
    assert "readings_too_old" in {reason.code for reason in decide_start(ahead, POLICY).reasons}


def test_the_policy_spaces_sessions_where_the_plan_would_not() -> None:
    plan = replace(PLAN, min_days_between=1)
    facts = replace(GOOD, plan=plan, last_dosed_at=NOON - timedelta(days=2))
    assert [reason.code for reason in decide_start(facts, POLICY).reasons] == ["too_soon"]


def test_no_second_dose_on_one_day() -> None:
    facts = replace(GOOD, last_dosed_at=NOON - timedelta(hours=11))
    assert [reason.code for reason in decide_start(facts, POLICY).reasons] == ["too_soon"]


def test_a_plan_signed_after_a_long_gap_is_the_clinicians_check_in() -> None:
    plan = replace(PLAN, signed_on=TODAY - timedelta(days=3))
    assert decide_start(replace(GOOD, plan=plan, last_dosed_at=NOON - timedelta(days=274)), POLICY).allowed


@pytest.mark.parametrize(("days", "codes"), [(84, []), (85, ["gap_too_long"])])
def test_a_long_gap_is_counted_where_the_chart_is(days: int, codes: list[str]) -> None:
    """The session is where it is still yesterday, or already tomorrow."""
    plan = replace(PLAN, signed_on=date(2025, 1, 1))
    for today in (TODAY - timedelta(days=1), TODAY + timedelta(days=1)):
        facts = replace(
            GOOD, plan=plan, today=today, scheduled_on=today, last_dosed_at=NOON - timedelta(days=days)
        )
        assert [reason.code for reason in decide_start(facts, POLICY).reasons] == codes


def test_a_first_session_has_nothing_to_be_spaced_from() -> None:
    plan = replace(PLAN, signed_on=date(2025, 1, 1))
    assert decide_start(replace(GOOD, number=1, plan=plan, last_dosed_at=None), POLICY).allowed


def test_a_session_may_start_after_its_day() -> None:
    assert decide_start(replace(GOOD, scheduled_on=date(2026, 3, 1)), POLICY).allowed


def test_not_to_know_what_was_said_today_refuses() -> None:
    reasons = decide_start(replace(GOOD, yes_today=None), POLICY).reasons
    assert [reason.code for reason in reasons] == [f"today_{key}" for key in NO_TO_ALL]


@pytest.mark.parametrize("dose_mg", ["50.0", "450.0"])
def test_a_plan_at_a_bound_starts(dose_mg: str) -> None:
    assert decide_start(replace(GOOD, plan=replace(PLAN, dose_mg=Decimal(dose_mg))), POLICY).allowed


def test_a_route_without_bounds_is_out_of_them() -> None:
    policy = replace(POLICY, dose_bounds={})
    assert [reason.code for reason in decide_start(GOOD, policy).reasons] == ["plan_out_of_bounds"]


@pytest.mark.parametrize(
    ("measured", "calls"),
    [
        (Measured(), False),
        (
            Measured(systolic_mmhg=179, diastolic_mmhg=119, heart_rate_bpm=129, oxygen_saturation_pct=94),
            False,
        ),
        (Measured(systolic_mmhg=180), True),
        (Measured(diastolic_mmhg=120), True),
        (Measured(heart_rate_bpm=130), True),
        (Measured(oxygen_saturation_pct=93), True),
    ],
)
def test_one_number_at_its_limit_calls_for_a_clinician(measured: Measured, calls: bool) -> None:
    assert is_emergency(measured, POLICY) is calls
