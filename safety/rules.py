"""What this room decides beside a screening policy: reviews, clearances, who is paged when, seriousness."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from core.errors import InputError
from core.errors import Reason as RefusalReason
from programs.enums import EnrollmentEvent, EnrollmentStatus
from safety.enums import AlertStatus, FitOutcome, ReviewOutcome
from safety.identity.rules import IdentityFacts, identity_faults
from safety.overrides.rules import Term
from safety.screening.answers import validate_answers
from safety.screening.findings import Finding
from safety.screening.health import NOTHING_KNOWN, HealthFacts, facts_from_json
from safety.screening.logic import Truth
from safety.screening.policy import Answered, Level, Policy, Rule
from safety.screening.rules import Outcome, Reason, ScreeningDecision, decide, screen

# --- screening -------------------------------------------------------------------------------------------

AGE = "age_years"
"""The one question that the chart answers: from the birth date, in the patient's own time zone."""

ANOTHER_AGE = "age_beside_chart"
"""What speaks where another age was answered than the chart gives: our own, not the policy's."""

FACTS = "facts"
"""The health facts that a screening was decided on, in the stored decision."""

BIRTH_ON = "birth_on"
"""The birth date that a screening was decided with, beside the age in the stored decision."""

SCREENED_IN = (
    EnrollmentStatus.SCREENING,
    EnrollmentStatus.AWAITING_PLAN,
    EnrollmentStatus.AWAITING_CONSENT,
    EnrollmentStatus.ACTIVE,
)
"""At first, and whenever something has changed, for as long as a program is open."""


def age_on(birth_on: date, *, today: date) -> int:
    """Return the age in whole years on `today`; who was born on 29 February has a birthday on 1 March."""
    return today.year - birth_on.year - ((today.month, today.day) < (birth_on.month, birth_on.day))


def answer_faults(policy: Policy, answers: object) -> list[InputError]:
    """Return every fault of form in `answers`, with JSON pointers from the body that they came in."""
    return [replace(fault, pointer=f"/answers{fault.pointer}") for fault in validate_answers(policy, answers)]


def may_speak_of_suicide(policy: Policy, body: object) -> bool:
    """Tell whether anything in a request's body may be an answer that calls for the crisis text.

    Each is looked at by itself, in `answers` or beside it, in any form: in capitals, true for yes, or none of
    the choices. Only a plain no, or a way to write nothing, is taken for a no.
    """
    if not isinstance(body, Mapping):
        return False
    inner = body.get("answers")
    said = [*body.items(), *(inner.items() if isinstance(inner, Mapping) else ())]
    rules = [rule for rule in policy.rules if rule.crisis]
    asked = {leaf.question for rule in rules for leaf in rule.leaves if isinstance(leaf, Answered)}
    return any(_may_call(policy, key.strip().lower(), answer, asked) for key, answer in said)


def _may_call(policy: Policy, key: str, answer: object, asked: Collection[str]) -> bool:
    if key not in asked or answer in (None, False, 0, "", "0"):
        return False
    plain = {key: answer.strip().lower() if isinstance(answer, str) else answer}
    return bool(validate_answers(policy, plain)) or screen(policy, plain).crisis


def is_adult(policy: Policy, *, age_years: int) -> bool:
    """Tell whether no rule of the policy excludes somebody for their age alone."""
    decision = screen(policy, {AGE: age_years})
    return not any(reason.level == Level.EXCLUDE for reason in decision.reasons)


def decide_screening(
    policy: Policy, answers: Mapping[str, object], *, age_years: int, facts: HealthFacts = NOTHING_KNOWN
) -> ScreeningDecision:
    """Decide by the policy, with the age that the chart gives and what is known of somebody's health.

    Whatever was answered, the chart's age counts; where a different one was answered, a clinician looks.
    """
    decision = screen(policy, {**answers, AGE: age_years}, facts)
    said = answers.get(AGE)
    if not isinstance(said, int | float) or not _says_another_age(answers, age_years):
        return decision
    differs = Reason(
        rule=ANOTHER_AGE,
        code="age_differs_from_chart",
        level=Level.REVIEW,
        certainty=Truth.TRUE,
        patient="The age you gave and your birth date do not fit together.",
        clinician="The age answered differs from the birth date on the chart; find out which is right.",
        found=(Finding(AGE, None, said), Finding("age_by_birth_date", None, age_years)),
        source="Proposed default: of two answers to one question, nobody knows which is right",
        threshold_status=None,
    )
    outcome = _with_another_age(decision.outcome)
    return replace(decision, outcome=outcome, reasons=(*decision.reasons, differs))


@dataclass(frozen=True, slots=True)
class Brief:
    """A decision without its words: the outcome, and which rules spoke with which certainty."""

    outcome: str
    spoke: frozenset[tuple[str, str]]


def decide_in_brief(
    policy: Policy, answers: Mapping[str, object], *, age_years: int, facts: HealthFacts
) -> Brief:
    """Decide what `decide_screening` decides, without a word about it: many times as fast."""
    verdict = decide(policy, {**answers, AGE: age_years}, facts)
    spoke = {(rule.id, truth.value) for rule, truth in verdict.spoke}
    if not _says_another_age(answers, age_years):
        return Brief(verdict.outcome.value, frozenset(spoke))
    outcome = _with_another_age(verdict.outcome)
    return Brief(outcome.value, frozenset({*spoke, (ANOTHER_AGE, Truth.TRUE.value)}))


def _says_another_age(answers: Mapping[str, object], age_years: int) -> bool:
    said = answers.get(AGE)
    return isinstance(said, int | float) and int(said) != age_years


def _with_another_age(outcome: Outcome) -> Outcome:
    return Outcome.NEEDS_REVIEW if outcome == Outcome.ELIGIBLE else outcome


def pinned_facts(stored: Mapping[str, Any]) -> HealthFacts:
    """Return the health facts that a stored decision was made on: none before there were any."""
    return facts_from_json(stored[FACTS]) if FACTS in stored else NOTHING_KNOWN


def replay(policy: Policy, answers: Mapping[str, object], stored: Mapping[str, Any]) -> list[str]:
    """Decide once more on the pinned input of a stored decision; return the parts that come out otherwise.

    The words for patient and clinician are no part of it: they name the clinic's telephone of that day.
    """
    age_years = stored["chart"][AGE]
    again = decide_screening(policy, answers, age_years=age_years, facts=pinned_facts(stored))
    recomputed = json.loads(json.dumps(again.as_json()))
    return [part for part, value in recomputed.items() if stored.get(part) != value]


def fit(outcome: Outcome) -> FitOutcome:
    """Return what an outcome means for somebody who has told us no name."""
    return _FIT[outcome]


_FIT = {
    Outcome.ELIGIBLE: FitOutcome.MAY_BE_SUITABLE,
    Outcome.NEEDS_REVIEW: FitOutcome.NEEDS_A_CLINICIAN,
    Outcome.INCOMPLETE: FitOutcome.NEEDS_A_CLINICIAN,
    Outcome.INELIGIBLE: FitOutcome.NOT_SUITABLE,
}

# --- review and clearance --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Advice:
    """What somebody who is declined can do instead, and from which day on they may ask again."""

    instead: str = ""
    ask_again_on: date | None = None


NO_ADVICE = Advice()


def advice_faults(outcome: ReviewOutcome, advice: Advice, *, today: date) -> list[InputError]:
    """Return what is wrong with advice: only who is declined gets any, and a day to ask again is to come."""
    faults = []
    if outcome != ReviewOutcome.DECLINED and advice != NO_ADVICE:
        faults.append(InputError("/outcome", "not_declined", "Advice is for who is declined."))
    if advice.ask_again_on is not None and advice.ask_again_on <= today:
        faults.append(InputError("/ask_again_on", "not_to_come", "Give a day that is to come."))
    return faults


def review_event(status: EnrollmentStatus, outcome: ReviewOutcome) -> EnrollmentEvent | None:
    """Return how a review moves an enrollment: a first one decides, a later one can only end it."""
    if outcome == ReviewOutcome.DECLINED:
        in_treatment = status == EnrollmentStatus.ACTIVE
        return EnrollmentEvent.DISCONTINUED if in_treatment else EnrollmentEvent.DECLINED
    waits = status in (EnrollmentStatus.AWAITING_PLAN, EnrollmentStatus.AWAITING_CONSENT)
    return None if waits or status == EnrollmentStatus.ACTIVE else EnrollmentEvent.ACCEPTED


@dataclass(frozen=True)
class Course:
    """What the room above knows of a treatment: the last dose, and how long without one a clearance lasts."""

    last_dosed_at: datetime | None = None
    lasts: timedelta | None = None


@dataclass(frozen=True)
class ClearanceFacts:
    """What is known of an enrollment's latest screening, and of what came after its review.

    `decides_the_same`: the policy in force would say of the same answers what was reviewed. `is_intact`:
    answers and decision still hash to what was stored, and to what the reviewer signed.
    `is_chart_unchanged`: the birth date on the chart is the one that the age was reckoned from.
    `is_profile_unchanged`: so is everything in the health profile, measurements and questionnaires aside;
    `record_objects`: of those, one now excludes, or speaks of suicide, that did not then. After the review
    came, by `events_since`, something that went wrong and was serious, moderate or worse, or of unknown
    strength; by `suicidality_since`, an answer that spoke of suicide; by `route_since`, a plan by another
    route.
    `identity` is who they are, as far as that is settled; `joined_since`: since they answered somebody found
    that another chart is theirs too. `is_excluded`: the policy excludes them, and no second clinician signed
    against that, or none may; `override`: for how long two have.
    `authority_ends_at` is when the law that lets us prescribe ends, `None` where none is signed.
    """

    screening_id: UUID
    policy_version: int
    decides_the_same: bool
    is_intact: bool
    is_chart_unchanged: bool
    is_profile_unchanged: bool
    record_objects: bool
    events_since: bool
    suicidality_since: bool
    route_since: bool
    identity: IdentityFacts
    joined_since: bool
    is_excluded: bool
    override: Term | None
    review: ReviewOutcome | None
    reviewed_at: datetime | None
    authority_ends_at: datetime | None


@dataclass(frozen=True)
class Clearance:
    """Whether somebody may be dosed as far as their health goes, until when, and every reason why not."""

    valid: bool
    reasons: tuple[RefusalReason, ...]
    screening_id: UUID | None
    policy_version: int | None
    expires_at: datetime | None = None


def decide_clearance(facts: ClearanceFacts | None, course: Course, *, at: datetime) -> Clearance:
    """Decide from the latest screening, `None` where there is none: only a reviewed, accepted one clears."""
    if facts is None:
        missing = RefusalReason("not_screened", "The health questions have not been answered.")
        return Clearance(valid=False, reasons=(missing,), screening_id=None, policy_version=None)
    expires_at = _expires_at(facts, course)
    override_ends_at = _override_ends_at(facts.override)
    holds = {
        "not_reviewed": facts.review is None,
        "declined": facts.review == ReviewOutcome.DECLINED,
        "policy_changed": not facts.decides_the_same,
        "answers_changed": not facts.is_intact,
        "chart_changed": not facts.is_chart_unchanged,
        "profile_changed": not facts.is_profile_unchanged,
        "record_objects": facts.record_objects,
        "adverse_event": facts.events_since,
        "suicidality": facts.suicidality_since,
        "route_changed": facts.route_since,
        "charts_joined": facts.joined_since,
        "excluded": facts.review == ReviewOutcome.ACCEPTED and facts.is_excluded,
        "override_ended": override_ends_at is not None and at >= override_ends_at,
        "expired": expires_at is not None and at >= expires_at,
        "no_authority": not has_authority(facts.authority_ends_at, at=at),
    }
    void = (RefusalReason(code, _VOID_BECAUSE[code]) for code, why in holds.items() if why)
    reasons = (*identity_faults(facts.identity), *void)
    return Clearance(
        valid=not reasons,
        reasons=reasons,
        screening_id=facts.screening_id,
        policy_version=facts.policy_version,
        expires_at=min(
            (end for end in (expires_at, override_ends_at, facts.authority_ends_at) if end), default=None
        ),
    )


def _override_ends_at(override: Term | None) -> datetime | None:
    """Return from when on an override clears nobody: the patient answers anew, and that may be its end."""
    if override is None:
        return None
    return datetime.combine(min(override.screen_again_on, override.ends_on), time.min, tzinfo=UTC)


def has_authority(ends_at: datetime | None, *, at: datetime) -> bool:
    """Tell whether the law lets us prescribe at `at`; where nobody has signed by which, it does not."""
    return ends_at is not None and at < ends_at


_VOID_BECAUSE = {
    "not_reviewed": "A clinician has not yet decided on the latest answers.",
    "declined": "A clinician decided against it.",
    "policy_changed": "The policy has changed since; answer once more.",
    "answers_changed": "What is stored is not what was answered and signed.",
    "chart_changed": "The birth date has changed since; answer once more.",
    "profile_changed": "Your health has changed since. Answer the health questions once more.",
    "record_objects": "Something measured since speaks against it. Your clinician will look at it with you.",
    "adverse_event": "Something went wrong since. Answer the health questions once more.",
    "suicidality": "Something you told us comes first. Your clinician will speak with you.",
    "route_changed": "The medicine is to be taken another way now. Answer the health questions once more.",
    "excluded": "Something you told us rules this out for now. Your clinician will speak with you.",
    "override_ended": "It is time to ask again. Answer the health questions once more.",
    "charts_joined": "Two records of you became one. Answer the health questions once more.",
    "expired": "It has been too long. Answer the health questions once more.",
    "no_authority": "The law asks for a visit in person first. Call us, and we tell you how.",
}


def _expires_at(facts: ClearanceFacts, course: Course) -> datetime | None:
    """Return when a clearance ends: so long after the last dose, or after the review if that came later."""
    if facts.reviewed_at is None or course.lasts is None:
        return None
    last = facts.reviewed_at if course.last_dosed_at is None else max(facts.reviewed_at, course.last_dosed_at)
    return last + course.lasts


def decides_the_same(policy: Policy, answers: Mapping[str, object], decided: Mapping[str, Any]) -> bool:
    """Tell whether a policy says of stored answers what was said then: no other outcome, no new reason.

    Answers that the policy can't read are not the same.
    """
    if validate_answers(policy, answers):
        return False
    age_years = decided["chart"][AGE]
    now = decide_screening(policy, answers, age_years=age_years, facts=pinned_facts(decided))
    then = {(reason["rule"], reason["level"], reason["certainty"]) for reason in decided["reasons"]}
    said = {(reason.rule, reason.level.value, reason.certainty.value) for reason in now.reasons}
    return now.outcome.value == decided["outcome"] and said <= then


def objects_now(
    policy: Policy, answers: Mapping[str, object], decided: Mapping[str, Any], *, measured: HealthFacts
) -> bool:
    """Tell whether what was measured or asked by `measured.at` speaks against somebody who was decided on.

    Against them speaks a rule that did not by what was on record then, and that excludes, asks for another
    day, or calls for the crisis text; what was accepted with open eyes is not new. Milder ones wait for the
    next screening: whether a reading will do for a session is asked at its own gate.
    """
    if policy.format == 1 or validate_answers(policy, answers):
        return False
    said = {**answers, AGE: decided["chart"][AGE]}
    pinned = pinned_facts(decided)
    facts = replace(pinned, at=measured.at, vitals=measured.vitals, instruments=measured.instruments)
    then = {(rule.id, truth) for rule, truth in decide(policy, said, pinned).spoke}
    spoke = decide(policy, said, facts).spoke
    return any(_is_grave(rule, truth) for rule, truth in spoke if (rule.id, truth) not in then)


def _is_grave(rule: Rule, truth: Truth) -> bool:
    return rule.crisis or (truth is Truth.TRUE and rule.level in (Level.EXCLUDE, Level.HOLD_TODAY))


# --- alerts ----------------------------------------------------------------------------------------------

_NEXT_ALERT_STATUS: Mapping[AlertStatus, AlertStatus] = {
    AlertStatus.OPEN: AlertStatus.ACKNOWLEDGED,
    AlertStatus.ACKNOWLEDGED: AlertStatus.CLOSED,
}


def alert_may_become(status: AlertStatus, after: AlertStatus) -> bool:
    """Tell whether an alert moves from `status` to `after`: each step once, none skipped."""
    return _NEXT_ALERT_STATUS.get(status) == after
