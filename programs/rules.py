from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.errors import InputError, Reason
from programs.enums import EnrollmentEvent as Event
from programs.enums import EnrollmentStatus as Status
from programs.enums import Route

TRANSITIONS: Mapping[tuple[Status, Event], Status] = {
    (Status.SCREENING, Event.DECLINED): Status.DECLINED,
    (Status.SCREENING, Event.ACCEPTED): Status.AWAITING_PLAN,
    (Status.AWAITING_PLAN, Event.PLAN_SIGNED): Status.AWAITING_CONSENT,
    (Status.AWAITING_CONSENT, Event.CONSENTED): Status.ACTIVE,
    (Status.ACTIVE, Event.PLAN_SIGNED): Status.ACTIVE,
    (Status.ACTIVE, Event.COMPLETED): Status.COMPLETED,
    (Status.ACTIVE, Event.DISCONTINUED): Status.DISCONTINUED,
    (Status.SCREENING, Event.WITHDRAWN): Status.WITHDRAWN,
    (Status.AWAITING_PLAN, Event.DECLINED): Status.DECLINED,
    (Status.AWAITING_CONSENT, Event.DECLINED): Status.DECLINED,
    (Status.AWAITING_PLAN, Event.WITHDRAWN): Status.WITHDRAWN,
    (Status.AWAITING_CONSENT, Event.WITHDRAWN): Status.WITHDRAWN,
    (Status.ACTIVE, Event.WITHDRAWN): Status.WITHDRAWN,
}


def next_status(status: Status, event: Event) -> Status | None:
    """Return where `event` leads from `status`, or `None` if it leads nowhere."""
    return TRANSITIONS.get((status, event))


@dataclass(frozen=True)
class DoseBounds:
    """The amounts in mg that a route's plan may order, from the session policy in force."""

    min_mg: Decimal
    max_mg: Decimal


@dataclass(frozen=True)
class PlanFacts:
    """What a plan asks for, beside what it may ask for."""

    route: Route
    dose_mg: Decimal
    session_count: int
    min_days_between: int
    program_session_count: int
    policy_min_days_between: int
    bounds: DoseBounds | None


def plan_faults(facts: PlanFacts) -> list[Reason]:
    """Return everything that makes a plan unacceptable; a route without bounds in the policy is one."""
    faults = []
    if facts.session_count > facts.program_session_count:
        detail = f"The program has {facts.program_session_count} sessions, the plan {facts.session_count}."
        faults.append(Reason("too_many_sessions", detail))
    if facts.min_days_between < facts.policy_min_days_between:
        detail = f"Sessions are at least {facts.policy_min_days_between} days apart."
        faults.append(Reason("too_close_together", detail))
    if facts.bounds is None:
        faults.append(Reason("route_without_bounds", f"The policy in force has no bounds for {facts.route}."))
    elif not facts.bounds.min_mg <= facts.dose_mg <= facts.bounds.max_mg:
        detail = f"A {facts.route} dose is {facts.bounds.min_mg} to {facts.bounds.max_mg} mg."
        faults.append(Reason("dose_out_of_bounds", detail))
    return faults


@dataclass(frozen=True)
class Question:
    """A question about a text, with the choice that is right and why."""

    key: str
    choices: tuple[str, ...]
    right: str
    because: str


@dataclass(frozen=True)
class Comprehension:
    """What answers to a text's questions came to; `wrong` keeps the questions' order."""

    right_count: int
    passed: bool
    wrong: tuple[Question, ...]


def questions(content: Mapping[str, Any]) -> tuple[Question, ...]:
    """Return the questions that stand in a document's content; most texts have none."""
    return tuple(
        Question(
            key=question["key"],
            choices=tuple(choice["key"] for choice in question["choices"]),
            right=question["right"],
            because=question["because"],
        )
        for question in content.get("questions", [])
    )


def answer_faults(asked: Sequence[Question], answers: Mapping[str, str]) -> list[InputError]:
    """Return what does not fit: a question without an answer, an answer without its question or choice."""
    choices = {question.key: question.choices for question in asked}
    wrong_keys = [key for key in answers if key not in choices]
    faults = [InputError(f"/answers/{key}", "unknown_question", "This is not asked.") for key in wrong_keys]
    for key, offered in choices.items():
        if answers.get(key) not in offered:
            faults.append(InputError(f"/answers/{key}", "unknown_choice", "Choose one of the answers."))
    return faults


def comprehension(content: Mapping[str, Any], answers: Mapping[str, str]) -> Comprehension:
    """Score answers to a text's questions: passed with as many right ones as the text itself asks for."""
    asked = questions(content)
    wrong = tuple(question for question in asked if answers[question.key] != question.right)
    right_count = len(asked) - len(wrong)
    return Comprehension(right_count, passed=right_count >= content.get("right_to_pass", 0), wrong=wrong)
