"""The gate before the dose a second time, written from its description alone and not from its rule.

Where the description leaves something open, this refuses: a rule that starts where this refuses is wrong, or
says why not.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from sessions.policy import SessionPolicy
from sessions.rules import Reading, StartFacts
from tests.sessions.clocks import clock_of, days_to

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CLOCK_TOLERANCE = 2 * MINUTE


def refusals(facts: StartFacts, policy: SessionPolicy) -> set[str]:
    """Return the code of every reason against the start; none, and the session starts."""
    return {code for question in QUESTIONS for code in question(facts, policy)}


def standing(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    if facts.enrollment_is_active is not True:
        yield "enrollment_not_active"
    if facts.is_paused is not False:
        yield "paused"
    if facts.open_holds != 0:
        yield "on_hold"
    if facts.blocking_alerts != 0:
        yield "alert_open"


def plan(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    if facts.plan is None:
        yield "plan_missing"
    else:
        if facts.number > facts.plan.session_count:
            yield "all_sessions_used"
        allowed = policy.dose_bounds.get(facts.plan.route)
        if allowed is None or facts.plan.dose_mg < allowed.min_mg or facts.plan.dose_mg > allowed.max_mg:
            yield "plan_out_of_bounds"
        elif facts.doses_before_mg is None:
            yield "dose_rises_too_far"
        elif allowed.max_step_mg is not None and facts.doses_before_mg:
            *_, last = facts.doses_before_mg
            if facts.plan.dose_mg - last > allowed.max_step_mg:
                yield "dose_rises_too_far"
    if facts.scheduled_on > facts.today:
        yield "before_its_day"


def papers(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    if facts.missing_consents is None:
        yield "consent_unknown"
    elif facts.missing_consents:
        yield "consent_missing"
    if facts.clearance_faults is None:
        yield "clearance_unknown"
    else:
        yield from (fault.code for fault in facts.clearance_faults)
    if facts.outstanding_forms is None:
        yield "forms_unknown"
    elif facts.outstanding_forms:
        yield "form_outstanding"


def people(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    if facts.monitor_is_bound is not True:
        yield "monitor_missing"
    there = facts.monitor_attested_at
    if there is None or not recent(there, facts.at, policy.attestation_max_age):
        yield "monitor_not_present"
    if facts.today_answers is None:
        yield "today_not_answered"
        return
    if not recent(facts.today_answers.given_at, facts.at, policy.attestation_max_age):
        yield "today_answers_too_old"
    for question in policy.today_questions:
        said = facts.today_answers.answers.get(question.key)
        if said != "no" or facts.yes_today is None or question.key in facts.yes_today:
            yield f"today_{question.key}"


def enough_readings(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    if facts.readings is None:
        yield "readings_unknown"
        return
    taken = measurements([one for one in facts.readings if one.taken_there and has_pressure(one)])
    if len(taken) < policy.readings.required:
        yield "too_few_readings"
    elif not all(
        recent(measurement[0].observed_at, facts.at, policy.readings.max_age)
        for measurement in taken[: policy.readings.required]
    ):
        yield "readings_too_old"
    rates = measurements(
        [one for one in facts.readings if one.taken_there and one.heart_rate_bpm is not None]
    )
    if not rates:
        yield "heart_rate_missing"
    elif not recent(rates[0][0].observed_at, facts.at, policy.readings.max_age):
        yield "heart_rate_too_old"


def not_too_high(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    limits = policy.readings.hold_above
    signed_for = overruled(facts, policy)
    pressures = [one for one in counting(facts, policy, has_pressure) if one.id not in signed_for]
    if any(one.systolic_mmhg > limits.systolic_mmhg for one in pressures):  # type: ignore[operator]
        yield "systolic_too_high"
    if any(one.diastolic_mmhg > limits.diastolic_mmhg for one in pressures):  # type: ignore[operator]
        yield "diastolic_too_high"
    for one in counting(facts, policy, lambda one: one.heart_rate_bpm is not None):
        if one.heart_rate_bpm > limits.heart_rate_bpm:  # type: ignore[operator]
            yield "heart_rate_too_high"


def overruled(facts: StartFacts, policy: SessionPolicy) -> set[object]:
    """Return the readings that a clinician has signed for, where the signature still holds."""
    if facts.readings is None or "readings_unknown" in set(no_crisis(facts, policy)):
        return set()
    if "blood_pressure_crisis" in set(no_crisis(facts, policy)):
        return set()
    signed_for: set[object] = set()
    for signature in facts.overrides:
        high, again = (
            next((one for one in facts.readings if one.id == named), None)
            for named in (signature.first, signature.second)
        )
        if high is None or again is None:
            continue
        usable = all(
            one.taken_there
            and not one.is_corrected
            and has_pressure(one)
            and recent(one.observed_at, facts.at, policy.readings.max_age)
            for one in (high, again)
        )
        limits = policy.readings.hold_above
        if (
            usable
            and (high.systolic_mmhg > limits.systolic_mmhg or high.diastolic_mmhg > limits.diastolic_mmhg)  # type: ignore[operator]
            and high.observed_at + MINUTE <= again.observed_at
        ):
            signed_for |= {high.id, again.id}
    return signed_for


def no_crisis(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    if facts.readings_elsewhere is None:
        yield "readings_unknown"
    crisis = policy.readings.crisis_from
    for one in (*(facts.readings or ()), *(facts.readings_elsewhere or ())):
        if one.systolic_mmhg is None or one.diastolic_mmhg is None or one.observed_at < facts.at - DAY:
            continue
        if one.systolic_mmhg >= crisis.systolic_mmhg or one.diastolic_mmhg >= crisis.diastolic_mmhg:
            yield "blood_pressure_crisis"


def spacing(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    there = clock_of(facts.chart_timezone)
    if policy.max_doses_in_7_days is not None:
        # A dose today would be the last of a week that began six days ago.
        today = there.day(int(facts.at.timestamp() // 1))
        week = range(today - 6, today + 1)
        days = [there.day(int(dose.timestamp() // 1)) for dose in facts.doses_at or ()]
        if (
            facts.doses_at is None
            or len([day for day in days if day in week]) + 1 > policy.max_doses_in_7_days
        ):
            yield "too_many_in_a_week"
    if facts.last_dosed_at is None and facts.number > 1:
        # A later session than the first, and no dose before it.
        yield "last_dose_unknown"
    if facts.last_dosed_at is None or facts.plan is None:
        return
    now, dosed = (there.day(int(at.timestamp() // 1)) for at in (facts.at, facts.last_dosed_at))
    apart = max(policy.min_days_between, facts.plan.min_days_between)
    if now - dosed < apart or facts.at - facts.last_dosed_at < (apart - 1) * DAY:
        yield "too_soon"
    # Who signs a plan has looked at the patient.
    if now - max(dosed, days_to(facts.plan.signed_on)) > policy.max_gap_days:
        yield "gap_too_long"


def whereabouts(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    if facts.place is None:
        yield "place_missing"
        return
    if not recent(facts.place.given_at, facts.at, policy.attestation_max_age):
        yield "place_too_old"
    if facts.place.is_served is not True:
        yield "place_not_served"
    # From the start until nobody has to be watched any more; step by step, each as far as somebody goes.
    covered, end = facts.at, facts.at + policy.dose_window + max(policy.timer, policy.observation)
    while covered < end:
        until = [ends for begins, ends in facts.on_call or () if begins <= covered < ends]
        if not until:
            yield "nobody_on_call"
            return
        covered = max(until)


def escalation(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    if facts.watch_is_alive is not True:
        yield "watch_not_running"


def medicine(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    if facts.has_medicine is not True:
        yield "no_medicine"


def oversight(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    # Only a clinician who has signed for every session that is asked about lets the next one go on.
    if facts.open_reviews is None or facts.open_reviews > 0:
        yield "review_open"


def safety_work(facts: StartFacts, policy: SessionPolicy) -> Iterator[str]:
    # What was reported and nobody has looked at, and what is overdue: none, and known to be none.
    if not (isinstance(facts.open_safety_tasks, int) and facts.open_safety_tasks < 1):
        yield "safety_task_open"


def recent(moment: datetime, at: datetime, max_age: timedelta) -> bool:
    """Tell whether something is at most so old, and not from a clock that is wrong."""
    return -CLOCK_TOLERANCE <= at - moment <= max_age


def has_pressure(one: Reading) -> bool:
    return one.systolic_mmhg is not None and one.diastolic_mmhg is not None


def measurements(readings: Sequence[Reading]) -> list[list[Reading]]:
    """Return readings, newest first, in groups: less than a minute before the first of a group, it is its."""
    groups: list[list[Reading]] = []
    for one in sorted(readings, key=lambda one: one.observed_at, reverse=True):
        if groups and groups[-1][0].observed_at - one.observed_at < MINUTE:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def counting(facts: StartFacts, policy: SessionPolicy, has: Callable[[Reading], bool]) -> list[Reading]:
    """Return the fresh readings since the first of the last measurements that are required."""
    fresh = [
        one
        for one in facts.readings or ()
        if has(one) and facts.at - one.observed_at <= policy.readings.max_age
    ]
    last = measurements([one for one in fresh if one.taken_there])[: policy.readings.required]
    if len(last) < policy.readings.required:
        return fresh
    return [one for one in fresh if last[-1][0].observed_at - one.observed_at < MINUTE]


QUESTIONS: tuple[Callable[[StartFacts, SessionPolicy], Iterator[str]], ...] = (
    standing,
    plan,
    papers,
    people,
    enough_readings,
    not_too_high,
    no_crisis,
    spacing,
    whereabouts,
    escalation,
    medicine,
    oversight,
    safety_work,
)
