"""The gate before the dose: whether a session may start, with every reason why not."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.errors import Reason
from programs.enums import Route
from safety.roster.rules import Span, gaps
from sessions.policy import DoseBounds, SessionPolicy
from sessions.rules.readings import (
    Override,
    Reading,
    Readings,
    enough_faults,
    level_faults,
    relied_on,
)
from sessions.rules.times import far_enough, in_the_week, is_fresh, local_day


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What the plan in force says, and the day it was signed, in the zone of the patient's chart."""

    route: Route
    dose_mg: Decimal
    session_count: int
    min_days_between: int
    signed_on: date


@dataclass(frozen=True, slots=True)
class TodayAnswers:
    """How the patient says they are today: yes, no or unknown to each question's key."""

    answers: Mapping[str, str]
    given_at: datetime


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """Where the patient says they are: a state's letters, whether the clinic serves it, and since when."""

    state: str
    is_served: bool | None
    given_at: datetime


@dataclass(frozen=True, slots=True)
class StartFacts:
    """Everything the gate asks. Null means not known, and what is not known refuses.

    `today` and `scheduled_on` are days where the session is. `chart_timezone` is the patient's own: how
    far apart doses are, how many there are in a week, and how long ago the plan was signed, is asked
    there, whatever zone each was booked in. `yes_today` are the questions answered with yes on this day,
    whatever was answered since and in whichever session, that no clinician overruled. `readings` are this
    session's, oldest first; `readings_elsewhere` those of the patient's others that may still be a day's
    crisis. `overrides` are what clinicians signed for some of this session's, whether or not it still
    holds. `monitor_attested_at` is when the monitor whose link is alive said to be there. `on_call` is
    when somebody is on call who may practise in the state of `place`; `watch_is_alive`, whether the
    watchdog is. `has_medicine` says that the ordered dose is in stock, and in date to the end of the dose
    window, as far as a ledger is kept. `open_reviews` are the sessions before this one that a clinician
    has to read and sign first; `open_safety_tasks`, what was reported and no clinician has looked at, and
    what is overdue to find out about an event. `doses_at` are all those of at least the last seven days,
    by whatever route and in whatever program; `doses_before_mg` those taken by the plan's route, the last
    one last, each no more than was ordered.
    """

    at: datetime
    today: date
    scheduled_on: date
    number: int
    enrollment_is_active: bool | None
    is_paused: bool | None
    plan: PlanFacts | None
    missing_consents: tuple[str, ...] | None
    clearance_faults: tuple[Reason, ...] | None
    open_holds: int | None
    blocking_alerts: int | None
    outstanding_forms: tuple[str, ...] | None
    monitor_is_bound: bool | None
    monitor_attested_at: datetime | None
    today_answers: TodayAnswers | None
    yes_today: tuple[str, ...] | None
    readings: tuple[Reading, ...] | None
    readings_elsewhere: tuple[Reading, ...] | None
    overrides: tuple[Override, ...]
    chart_timezone: str
    last_dosed_at: datetime | None
    doses_at: tuple[datetime, ...] | None
    place: PlaceFacts | None
    on_call: tuple[Span, ...] | None
    watch_is_alive: bool | None
    has_medicine: bool | None
    open_reviews: int | None
    open_safety_tasks: int | None
    doses_before_mg: tuple[Decimal, ...] | None


@dataclass(frozen=True, slots=True)
class StartDecision:
    """The gate's answer: allowed only if there is no reason against it.

    `overrides` are those without which a blood pressure would be a reason too.
    """

    reasons: tuple[Reason, ...]
    overrides: tuple[Override, ...] = ()

    @property
    def allowed(self) -> bool:
        """Tell whether the session may start."""
        return not self.reasons


_MONITOR_MAY_KNOW = frozenset(
    {
        "before_its_day",
        "monitor_missing",
        "monitor_not_present",
        "too_few_readings",
        "readings_too_old",
        "heart_rate_missing",
        "heart_rate_too_old",
        "heart_rate_too_high",
        "systolic_too_high",
        "diastolic_too_high",
        "blood_pressure_crisis",
        "dose_window_over",
        "no_dose_again",
        "other_route",
        "other_amount",
        "nobody_on_call",
        "watch_not_running",
    }
)
"""What a monitor sees and does themselves; every other reason belongs to the patient's chart."""
SOMETHING_ELSE = Reason(
    "something_else", "Something else has to be settled first. The patient's app says what."
)

Check = Callable[[StartFacts, SessionPolicy], Iterator[Reason]]
NOT_ACTIVE = Reason("enrollment_not_active", "The program is not active.")
PAUSED = Reason("paused", "You have paused. Say that you want to go on first.")
ON_HOLD = Reason("on_hold", "Treatment is on hold. Your clinician will tell you when it goes on.")
ALERT_OPEN = Reason("alert_open", "A clinician has to look at something first.")
NO_MONITOR = Reason("monitor_missing", "Nobody holds the monitor's link.")
NOT_WATCHED = Reason(
    "watch_not_running", "Our own watch over sessions is not running. Wait a minute and try again."
)


def decide_start(facts: StartFacts, policy: SessionPolicy) -> StartDecision:
    """Decide whether a session may start; every question is asked, whatever the others say."""
    reasons = tuple(reason for check in _CHECKS for reason in check(facts, policy))
    return StartDecision(reasons, relied_on(_measured(facts, policy), policy, overrides=facts.overrides))


def for_monitor(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return reasons as a monitor may read them: what belongs to the chart is only said to be there."""
    given = tuple(reasons)
    known = tuple(reason for reason in given if reason.code in _MONITOR_MAY_KNOW)
    return known if len(known) == len(given) else (*known, SOMETHING_ELSE)


def _enrollment(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:  # noqa: ARG001 - a Check
    if facts.enrollment_is_active is not True:
        yield NOT_ACTIVE
    if facts.is_paused is not False:
        yield PAUSED


def _plan(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:
    """Ask for a plan with a session left, and for a dose that today's policy would let be ordered."""
    if facts.plan is None:
        yield Reason("plan_missing", "There is no signed plan.")
        return
    bounds = policy.dose_bounds.get(facts.plan.route)
    if bounds is None or not bounds.min_mg <= facts.plan.dose_mg <= bounds.max_mg:
        yield Reason("plan_out_of_bounds", "Your plan has to be looked at again. Ask your clinician.")
    elif _rises_too_far(facts.plan.dose_mg, facts.doses_before_mg, bounds):
        detail = "The dose rises by more than one step from your last one. Ask your clinician."
        yield Reason("dose_rises_too_far", detail)
    if facts.number > facts.plan.session_count:
        yield Reason("all_sessions_used", f"The plan has {facts.plan.session_count} sessions.")


def _rises_too_far(dose_mg: Decimal, doses_before_mg: tuple[Decimal, ...] | None, bounds: DoseBounds) -> bool:
    """Tell whether a dose is more than a step above the last one; not to know the last one is too far."""
    if doses_before_mg is None:
        return True
    if bounds.max_step_mg is None or not doses_before_mg:
        return False
    return dose_mg > doses_before_mg[-1] + bounds.max_step_mg


def _consents(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:  # noqa: ARG001 - a Check
    return consent_reasons(facts.missing_consents)


def consent_reasons(missing: tuple[str, ...] | None) -> Iterator[Reason]:
    """Return what is not agreed to; not to know is wrong too."""
    if missing is None:
        yield Reason("consent_unknown", "It is not known what was agreed to.")
    for kind in missing or ():
        yield Reason("consent_missing", f"Not agreed to in its present version: {kind}.")


def _clearance(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:  # noqa: ARG001 - a Check
    return clearance_reasons(facts.clearance_faults)


def clearance_reasons(faults: tuple[Reason, ...] | None) -> Iterator[Reason]:
    """Return what is wrong with the clearance; not to know is wrong too."""
    if faults is None:
        yield Reason("clearance_unknown", "It is not known whether the clearance holds.")
    yield from faults or ()


def _safety(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:  # noqa: ARG001 - a Check
    if facts.open_holds != 0:
        yield ON_HOLD
    if facts.blocking_alerts != 0:
        yield ALERT_OPEN


def _forms(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:  # noqa: ARG001 - a Check
    if facts.outstanding_forms is None:
        yield Reason("forms_unknown", "It is not known which forms are due.")
    for name in facts.outstanding_forms or ():
        yield Reason("form_outstanding", f"Still to fill in: {name}.")


def _monitor(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:
    if facts.monitor_is_bound is not True:
        yield NO_MONITOR
    if not is_fresh(facts.monitor_attested_at, facts.at, policy.attestation_max_age):
        yield Reason("monitor_not_present", "The monitor has not said that they are there now.")


def _today(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:
    """Ask for a "no" to every question. A yes stands for its day: one taken back by a second tap could cost
    more than a day. Only a clinician's signature takes a mistaken one away.
    """
    given, yes_today = facts.today_answers, facts.yes_today
    if given is None:
        yield Reason("today_not_answered", "Today's questions are not answered.")
        return
    if not is_fresh(given.given_at, facts.at, policy.attestation_max_age):
        yield Reason("today_answers_too_old", "Answer today's questions again.")
    for question in policy.today_questions:
        if given.answers.get(question.key) != "no" or yes_today is None or question.key in yes_today:
            yield Reason(f"today_{question.key}", f"No session today: {question.topic}, or not known.")


def _readings(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:
    if facts.readings is not None:
        yield from enough_faults(facts.readings, policy, at=facts.at)
    yield from level_faults(_measured(facts, policy), policy, overrides=facts.overrides)


def _measured(facts: StartFacts, policy: SessionPolicy) -> Readings:
    fresh_from = facts.at - policy.readings.max_age
    return Readings(facts.readings, facts.readings_elsewhere, at=facts.at, fresh_from=fresh_from)


def _spacing(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:
    if facts.today < facts.scheduled_on:
        yield Reason("before_its_day", f"This session is booked for {facts.scheduled_on.isoformat()}.")
    last, zone = facts.last_dosed_at, ZoneInfo(facts.chart_timezone)
    yield from week_fault(facts.at, doses_at=facts.doses_at, zone=zone, most=policy.max_doses_in_7_days)
    if last is None and facts.number > 1:
        yield Reason("last_dose_unknown", "It is not known when the last dose was.")
    if last is None or facts.plan is None:
        return
    least = max(policy.min_days_between, facts.plan.min_days_between)
    yield from spacing_fault(facts.at, last_dosed_at=last, zone=zone, days=least)
    # A plan signed after the last dose is the clinician's check-in that a long gap asks for.
    seen_on = max(local_day(last, zone), facts.plan.signed_on)
    if local_day(facts.at, zone) - seen_on > timedelta(days=policy.max_gap_days):
        yield Reason("gap_too_long", "It has been long. Your clinician has to sign the plan again first.")


def week_fault(
    moment: datetime, *, doses_at: Iterable[datetime] | None, zone: ZoneInfo, most: int | None
) -> Iterator[Reason]:
    """Give the one reason for which a dose would be one too many in seven days; not to know them is too."""
    if most is not None and (doses_at is None or in_the_week(moment, doses_at=doses_at, zone=zone) >= most):
        yield Reason("too_many_in_a_week", f"There are at most {most} sessions in 7 days.")


def spacing_fault(
    moment: datetime, *, last_dosed_at: datetime | None, zone: ZoneInfo, days: int
) -> Iterator[Reason]:
    """Give the one reason for which a dose is too near to the last one, wherever that was taken."""
    if last_dosed_at and not far_enough(moment, last_dosed_at=last_dosed_at, zone=zone, days=days):
        yield Reason("too_soon", f"Sessions are at least {days} days apart.")


def _place(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:
    """Ask where to send help: today, from there, and in a state where the clinic treats."""
    place = facts.place
    if place is None:
        yield Reason("place_missing", "Say where you are today, so that help can find you.")
        return
    if not is_fresh(place.given_at, facts.at, policy.attestation_max_age):
        yield Reason("place_too_old", "Say again where you are.")
    if place.is_served is not True:
        yield Reason("place_not_served", "We cannot treat you in the state where you are. Call us.")


def _on_call(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:
    """Ask for a clinician on call for that place as long as the session may be watched.

    Without a place there is nothing to ask; that refuses by itself.
    """
    if facts.place is None:
        return
    ends_at = facts.at + policy.watched_at_most
    if facts.on_call is None or gaps(facts.on_call, starts_at=facts.at, ends_at=ends_at):
        detail = "No clinician is on call for the whole session. Choose another time, or call us."
        yield Reason("nobody_on_call", detail)


def _watched(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:  # noqa: ARG001 - a Check
    if facts.watch_is_alive is not True:
        yield NOT_WATCHED


def _medicine(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:  # noqa: ARG001 - a Check
    if facts.has_medicine is not True:
        yield Reason("no_medicine", "There is no full dose in date on record. Ask your clinician.")


def _reviews(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:  # noqa: ARG001 - a Check
    if facts.open_reviews != 0:
        detail = "Your clinician looks at an earlier session first. Call us if this takes too long."
        yield Reason("review_open", detail)


def _safety_tasks(facts: StartFacts, policy: SessionPolicy) -> Iterator[Reason]:  # noqa: ARG001 - a Check
    if facts.open_safety_tasks != 0:
        detail = "Your clinician looks at what was reported first. Call us if this takes too long."
        yield Reason("safety_task_open", detail)


_CHECKS: tuple[Check, ...] = (
    _enrollment,
    _plan,
    _consents,
    _clearance,
    _safety,
    _forms,
    _monitor,
    _today,
    _readings,
    _spacing,
    _place,
    _on_call,
    _watched,
    _medicine,
    _reviews,
    _safety_tasks,
)
