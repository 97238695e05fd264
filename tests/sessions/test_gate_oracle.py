"""The gate before the dose against its oracle, on facts by chance."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from types import NoneType
from typing import Any, get_args, get_type_hints
from uuid import UUID

import pytest

from core.errors import Reason
from programs.enums import Route
from sessions.policy import DoseBounds, ReadingPolicy, SessionPolicy
from sessions.rules import (
    PlaceFacts,
    PlanFacts,
    Reading,
    StartFacts,
    TodayAnswers,
    decide_start,
    readings,
    start,
)
from tests.figures import record
from tests.sessions.facts import GOOD, POLICY, WEEKLY
from tests.sessions.gate_cases import cases
from tests.sessions.gate_oracle import refusals

Gate = Callable[[StartFacts, SessionPolicy], set[str]]

SEED = 20260302
CODES = {
    "enrollment_not_active",
    "paused",
    "on_hold",
    "alert_open",
    "plan_missing",
    "plan_out_of_bounds",
    "all_sessions_used",
    "before_its_day",
    "consent_missing",
    "consent_unknown",
    "screening_changed",
    "clearance_unknown",
    "form_outstanding",
    "forms_unknown",
    "monitor_missing",
    "monitor_not_present",
    "today_not_answered",
    "today_answers_too_old",
    *(f"today_{question.key}" for question in POLICY.today_questions),
    "readings_unknown",
    "too_few_readings",
    "readings_too_old",
    "systolic_too_high",
    "diastolic_too_high",
    "heart_rate_too_high",
    "heart_rate_missing",
    "heart_rate_too_old",
    "blood_pressure_crisis",
    "last_dose_unknown",
    "too_soon",
    "too_many_in_a_week",
    "gap_too_long",
    "place_missing",
    "place_too_old",
    "place_not_served",
    "nobody_on_call",
    "watch_not_running",
    "no_medicine",
    "review_open",
    "safety_task_open",
    "dose_rises_too_far",
}


NOT_KNOWN = [name for name, kind in get_type_hints(StartFacts).items() if NoneType in get_args(kind)]


@dataclass
class Comparison:
    """What came of asking the gate and the oracle the same; `otherwise` has wrong releases in it too."""

    started: int = 0
    by_override: int = 0
    wrong_releases: int = 0
    otherwise: list[tuple[StartFacts, set[str], set[str]]] = field(default_factory=list)
    alone: Counter[str] = field(default_factory=Counter)

    def add(self, facts: StartFacts, policy: SessionPolicy, *, given: set[str], expected: set[str]) -> None:
        """Count one answer of each."""
        self.started += not expected
        self.by_override += not expected and refusals(replace(facts, overrides=()), policy) != set()
        if len(expected) == 1:
            self.alone.update(expected)
        if given != expected:
            self.wrong_releases += not given
            self.otherwise.append((facts, given, expected))


def gate(facts: StartFacts, policy: SessionPolicy) -> set[str]:
    return {reason.code for reason in decide_start(facts, policy).reasons}


def compare(count: int) -> Comparison:
    found = Comparison()
    for facts, policy in cases(SEED, count):
        found.add(facts, policy, given=gate(facts, policy), expected=refusals(facts, policy))
    return found


def test_the_gate_agrees_with_the_oracle() -> None:
    found = compare(20_000)
    assert found.otherwise == []
    assert found.started > 4_000
    assert found.by_override > 50
    assert set(found.alone) >= CODES


@pytest.mark.full
def test_the_gate_agrees_with_the_oracle_a_million_times() -> None:
    count = 1_000_000
    found = compare(count)
    record("gate.oracle_cases", count, seed=SEED)
    record("gate.wrong_releases", found.wrong_releases, seed=SEED)
    assert found.otherwise == []
    assert min(found.alone[code] for code in CODES) > 100, found.alone


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_what_is_not_known_refuses(name: str) -> None:
    unknown: dict[str, Any] = {name: None}
    facts = replace(GOOD, **unknown)
    assert gate(facts, WEEKLY) == refusals(facts, WEEKLY) != set()


# --- gates that are wrong ------------------------------------------------------------


def by_facts(**change: Callable[[StartFacts], Any]) -> Gate:
    """Return a gate that takes some of the facts for others."""
    return lambda facts, policy: gate(
        replace(facts, **{name: other(facts) for name, other in change.items()}), policy
    )


def by_policy(**change: Callable[[SessionPolicy], Any]) -> Gate:
    """Return a gate that asks by another policy than the one in force."""
    return lambda facts, policy: gate(
        facts, replace(policy, **{name: other(policy) for name, other in change.items()})
    )


def by_limits(which: str, name: str) -> Gate:
    """Return a gate with one limit higher by one."""

    def readings(policy: SessionPolicy) -> ReadingPolicy:
        limits = getattr(policy.readings, which)
        higher = replace(limits, **{name: getattr(limits, name) + 1})
        return replace(policy.readings, **{which: higher})

    return by_policy(readings=readings)


def of_readings(change: Callable[[StartFacts, Reading], Reading | None]) -> Gate:
    """Return a gate that sees readings changed, or overlooks some."""
    return by_facts(
        readings=lambda facts: (
            facts.readings and tuple(seen for one in facts.readings if (seen := change(facts, one)))
        )
    )


def one_day_less(facts: StartFacts) -> PlanFacts | None:
    return facts.plan and replace(facts.plan, min_days_between=facts.plan.min_days_between - 1)


def unless_answered_no(facts: StartFacts) -> TodayAnswers | None:
    said = facts.today_answers
    return said and replace(said, answers=dict.fromkeys(NO_TO_ALL, "no") | dict(said.answers))


def measured_again_at_once(facts: StartFacts, one: Reading) -> Reading | None:
    later = (other.observed_at - one.observed_at for other in facts.readings or ())
    return None if any(timedelta() < gap < timedelta(minutes=1) for gap in later) else one


def on_call_at_the_start(facts: StartFacts) -> Any:
    is_covered = any(begins <= facts.at < ends for begins, ends in facts.on_call or ())
    return ((facts.at, facts.at + timedelta(days=1)),) if is_covered else facts.on_call


def on_call_without_gaps(facts: StartFacts) -> Any:
    spans = facts.on_call
    return spans and ((min(begins for begins, _ in spans), max(ends for _, ends in spans)),)


def signed_for_all(facts: StartFacts) -> Any:
    """Every reading in a row is signed for, as soon as one is."""
    ids = [one.id for one in facts.readings or () if one.id]
    pairs = [(one, other) for one in ids for other in ids if one != other]
    return facts.overrides and tuple(
        replace(facts.overrides[0], first=one, second=other) for one, other in pairs
    )


def anywhere(facts: StartFacts) -> PlaceFacts:
    return facts.place or PlaceFacts(state="NY", is_served=True, given_at=facts.at)


SECOND = timedelta(seconds=1)
NO_TO_ALL = [question.key for question in POLICY.today_questions]
WRONG: dict[str, Gate] = {
    "active unless known": by_facts(
        enrollment_is_active=lambda facts: facts.enrollment_is_active is not False
    ),
    "not paused unless known": by_facts(is_paused=lambda facts: facts.is_paused or False),
    "no consent missing unless known": by_facts(missing_consents=lambda facts: facts.missing_consents or ()),
    "cleared unless known": by_facts(clearance_faults=lambda facts: facts.clearance_faults or ()),
    "no hold unless known": by_facts(open_holds=lambda facts: facts.open_holds or 0),
    "one hold is none": by_facts(open_holds=lambda facts: facts.open_holds and facts.open_holds - 1),
    "no alert unless known": by_facts(blocking_alerts=lambda facts: facts.blocking_alerts or 0),
    "no form due unless known": by_facts(outstanding_forms=lambda facts: facts.outstanding_forms or ()),
    "a monitor unless known": by_facts(monitor_is_bound=lambda facts: facts.monitor_is_bound is not False),
    "a monitor who was there once": by_facts(
        monitor_attested_at=lambda facts: facts.monitor_attested_at and facts.at
    ),
    "attested a second too long ago": by_policy(
        attestation_max_age=lambda policy: policy.attestation_max_age + SECOND
    ),
    "not answered is no": by_facts(today_answers=unless_answered_no),
    "a yes can be taken back": by_facts(yes_today=lambda facts: ()),
    "one session more than planned": by_facts(number=lambda facts: facts.number - 1),
    "before its day": by_facts(scheduled_on=lambda facts: min(facts.scheduled_on, facts.today)),
    "any amount": by_policy(
        dose_bounds=lambda policy: dict.fromkeys(policy.dose_bounds, DoseBounds(min_mg=0, max_mg=1000))
    ),
    "a step a milligram longer": by_policy(
        dose_bounds=lambda policy: {
            route: replace(bounds, max_step_mg=bounds.max_step_mg and bounds.max_step_mg + 1)
            for route, bounds in policy.dose_bounds.items()
        }
    ),
    "any step unless known": by_facts(doses_before_mg=lambda facts: facts.doses_before_mg or ()),
    "a step from any dose before": by_facts(
        doses_before_mg=lambda facts: facts.doses_before_mg and (max(facts.doses_before_mg),)
    ),
    "any route": by_policy(
        dose_bounds=lambda policy: dict.fromkeys(Route, policy.dose_bounds[Route.SUBLINGUAL])
    ),
    "one reading is enough": by_policy(readings=lambda policy: replace(policy.readings, required=1)),
    "readings a second too old": by_policy(
        readings=lambda policy: replace(policy.readings, max_age=policy.readings.max_age + SECOND)
    ),
    "readings from afar count": of_readings(lambda facts, one: replace(one, taken_there=True)),
    "readings from afar do not refuse": of_readings(lambda facts, one: one if one.taken_there else None),
    "a clock far ahead is right": of_readings(
        lambda facts, one: replace(one, observed_at=min(one.observed_at, facts.at))
    ),
    "measured again until it fits": of_readings(measured_again_at_once),
    "systolic over the limit": by_limits("hold_above", "systolic_mmhg"),
    "diastolic over the limit": by_limits("hold_above", "diastolic_mmhg"),
    "heart rate over the limit": by_limits("hold_above", "heart_rate_bpm"),
    "systolic crisis from one more": by_limits("crisis_from", "systolic_mmhg"),
    "diastolic crisis from one more": by_limits("crisis_from", "diastolic_mmhg"),
    "a crisis is over in an hour": of_readings(
        lambda facts, one: one if one.observed_at >= facts.at - timedelta(hours=1) else None
    ),
    "an override is for whatever is measured": by_facts(overrides=signed_for_all),
    "a corrected reading can be signed for": of_readings(lambda facts, one: replace(one, is_corrected=False)),
    "other sessions do not matter": by_facts(readings_elsewhere=lambda facts: ()),
    "a day too early": lambda facts, policy: gate(
        replace(facts, plan=one_day_less(facts)),
        replace(policy, min_days_between=policy.min_days_between - 1),
    ),
    "only the plan spaces": by_policy(min_days_between=lambda policy: 1),
    "one dose more in a week": by_policy(
        max_doses_in_7_days=lambda policy: policy.max_doses_in_7_days and policy.max_doses_in_7_days + 1
    ),
    "a week of six days": by_facts(
        doses_at=lambda facts: facts.doses_at and tuple(one + timedelta(days=-1) for one in facts.doses_at)
    ),
    "no week known is none": by_facts(doses_at=lambda facts: facts.doses_at or ()),
    "days counted in UTC": by_facts(chart_timezone=lambda facts: "UTC"),
    "no dose known is none taken": by_facts(number=lambda facts: 1),
    "somewhere is somewhere": by_facts(place=anywhere),
    "there once": by_facts(place=lambda facts: facts.place and replace(facts.place, given_at=facts.at)),
    "served unless known": by_facts(
        place=lambda facts: facts.place and replace(facts.place, is_served=facts.place.is_served is not False)
    ),
    "any state": by_facts(place=lambda facts: facts.place and replace(facts.place, is_served=True)),
    "on call at the start": by_facts(on_call=on_call_at_the_start),
    "on call from the first of them to the last": by_facts(on_call=on_call_without_gaps),
    "on call until the timer ends": by_policy(observation=lambda policy: policy.timer),
    "on call but for the dose window": by_policy(dose_window=lambda policy: timedelta()),
    "the watch runs unless known": by_facts(watch_is_alive=lambda facts: facts.watch_is_alive is not False),
    "the watch ran": by_facts(watch_is_alive=lambda facts: facts.watch_is_alive is not None),
    "medicine unless known": by_facts(has_medicine=lambda facts: facts.has_medicine is not False),
    "medicine whatever is left": by_facts(has_medicine=lambda facts: facts.has_medicine is not None),
    "reviewed unless known": by_facts(open_reviews=lambda facts: facts.open_reviews or 0),
    "one review is none": by_facts(open_reviews=lambda facts: facts.open_reviews and facts.open_reviews - 1),
    "no task unless known": by_facts(open_safety_tasks=lambda facts: facts.open_safety_tasks or 0),
    "one task is none": by_facts(
        open_safety_tasks=lambda facts: facts.open_safety_tasks and facts.open_safety_tasks - 1
    ),
    "a gap a day longer": by_policy(max_gap_days=lambda policy: policy.max_gap_days + 1),
}


@cache
def refused_for_one_reason() -> list[tuple[StartFacts, SessionPolicy]]:
    return [(facts, policy) for facts, policy in cases(SEED, 16_000) if len(refusals(facts, policy)) == 1]


def releases_wrongly(asked: Gate) -> bool:
    return any(not asked(facts, policy) for facts, policy in refused_for_one_reason())


@pytest.mark.parametrize("name", WRONG)
def test_a_gate_that_is_wrong_is_seen(name: str) -> None:
    assert releases_wrongly(WRONG[name])


HOLDS = ("not_a_reading", "readings_too_old", "within_limits", "no_second_reading")


@pytest.mark.parametrize("code", HOLDS)
def test_an_override_that_holds_too_long_is_seen(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps one from holding is asked each time; where nobody asks it, a session starts wrongly."""
    asked = readings.override_faults

    def without(*named: UUID, **facts: Any) -> Iterator[Reason]:
        return (fault for fault in asked(*named, **facts) if fault.code != code)

    monkeypatch.setattr(readings, "override_faults", without)
    assert releases_wrongly(gate)


@pytest.mark.parametrize("check", start._CHECKS, ids=lambda check: str(check.__name__))
def test_a_check_taken_away_is_seen(check: start.Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "_CHECKS", tuple(other for other in start._CHECKS if other is not check))
    assert releases_wrongly(gate)


def test_the_gate_as_it_is_releases_none_of_them() -> None:
    assert len(refused_for_one_reason()) > 2_000
    assert not releases_wrongly(gate)
