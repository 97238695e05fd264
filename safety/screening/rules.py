"""Screening: answers and a policy in, a decision with every reason out. Unknown is never no."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import chain
from typing import assert_never

from core.errors import InputError
from safety.screening.policy import (
    NO_ANSWER,
    AllOf,
    AnyOf,
    Bounds,
    ChoiceQuestion,
    Compare,
    Condition,
    Is,
    Leaf,
    Level,
    ListQuestion,
    Not,
    NumberQuestion,
    Operator,
    Policy,
    Quantity,
    Question,
    ReadingsQuestion,
    Reported,
    Rule,
    ThresholdStatus,
)

_MEASURES = ("systolic_mmhg", "diastolic_mmhg")
_MAX_KEY_SHOWN = 64


class Truth(StrEnum):
    """Kleene's three values."""

    TRUE = "true"
    """It holds."""
    FALSE = "false"
    """It does not hold."""
    UNKNOWN = "unknown"
    """The answers don't say."""


class Outcome(StrEnum):
    """What a screening comes to; none of them clears anybody: a clinician does."""

    ELIGIBLE = "eligible"
    """Every question that matters is answered and no rule objects."""
    NEEDS_REVIEW = "needs_review"
    """A clinician has to look at the reasons first."""
    INELIGIBLE = "ineligible"
    """At least one excluding rule holds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One blood pressure; the diastolic value is None where it could not be measured."""

    systolic_mmhg: float
    diastolic_mmhg: float | None


Answer = str | float | tuple[Reading, ...] | tuple[str, ...]
Answers = Mapping[str, Answer | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one question, or a quantity computed from it, said; `value` is None where nothing is known."""

    question: str
    quantity: Quantity | None
    value: Answer | None

    def as_json(self) -> dict[str, object]:
        """Return the finding as JSON values."""
        value: object = self.value
        if isinstance(self.value, tuple):
            value = [asdict(entry) if isinstance(entry, Reading) else entry for entry in self.value]
        return {"question": self.question, "quantity": self.quantity, "value": value}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule spoke. `level` is what it came to: an excluding rule that is unknown asks for review."""

    rule: str
    code: str
    level: Level
    certainty: Truth
    patient: str
    clinician: str
    found: tuple[Finding, ...]
    source: str
    threshold_status: ThresholdStatus | None

    def as_json(self) -> dict[str, object]:
        """Return the reason as JSON values."""
        return {
            "rule": self.rule,
            "code": self.code,
            "level": self.level,
            "certainty": self.certainty,
            "detail": {"patient": self.patient, "clinician": self.clinician},
            "found": [finding.as_json() for finding in self.found],
            "source": self.source,
            "threshold_status": self.threshold_status,
        }


@dataclass(frozen=True, slots=True)
class ScreeningDecision:
    """The outcome with every reason, in the policy's order, and the policy version that gave it.

    `missing` are the required questions without a usable answer.
    """

    policy_id: str
    policy_version: int
    outcome: Outcome
    reasons: tuple[Reason, ...]
    missing: tuple[str, ...]
    crisis: bool

    def as_json(self) -> dict[str, object]:
        """Return the decision as JSON values, equal for equal decisions."""
        return {
            "policy": {"id": self.policy_id, "version": self.policy_version},
            "outcome": self.outcome,
            "reasons": [reason.as_json() for reason in self.reasons],
            "missing": list(self.missing),
            "crisis": self.crisis,
        }


def screen(policy: Policy, answers: Mapping[str, object]) -> ScreeningDecision:
    """Decide what the answers come to under the policy.

    Missing, blank, declined and malformed answers are unknown. Ineligible if an excluding rule holds;
    else needs review if a reviewing rule holds or anything is unknown; else eligible.
    """
    known = {question.key: known_answer(question, answers.get(question.key)) for question in policy.questions}
    truths = [(rule, evaluate(rule.when, known)) for rule in policy.rules]
    spoke = [(rule, truth) for rule, truth in truths if _speaks(rule, truth)]
    reasons = tuple(_reason(rule, truth, policy, known, answers) for rule, truth in spoke)
    missing = tuple(q.key for q in policy.questions if q.required and known[q.key] is None)
    return ScreeningDecision(
        policy_id=policy.id,
        policy_version=policy.version,
        outcome=_outcome(reasons, missing),
        reasons=reasons,
        missing=missing,
        crisis=any(_calls_for_crisis_text(rule, truth, answers) for rule, truth in spoke),
    )


def _speaks(rule: Rule, truth: Truth) -> bool:
    """An unknown note tells nobody anything; everything else that isn't false does."""
    return truth == Truth.TRUE or (truth == Truth.UNKNOWN and rule.level != Level.NOTE)


def _outcome(reasons: tuple[Reason, ...], missing: tuple[str, ...]) -> Outcome:
    levels = {reason.level for reason in reasons}
    if Level.EXCLUDE in levels:
        return Outcome.INELIGIBLE
    return Outcome.NEEDS_REVIEW if Level.REVIEW in levels or missing else Outcome.ELIGIBLE


def _calls_for_crisis_text(rule: Rule, truth: Truth, answers: Mapping[str, object]) -> bool:
    """A person who was asked and would not say gets the text too; one who was never asked does not."""
    asked = any(not _is_blank(answers.get(leaf.question)) for leaf in rule.leaves)
    return rule.crisis and (truth == Truth.TRUE or asked)


def _reason(
    rule: Rule, truth: Truth, policy: Policy, known: Answers, answers: Mapping[str, object]
) -> Reason:
    patient, clinician = rule.patient, rule.clinician
    if truth == Truth.UNKNOWN:
        patient = _what_is_open(rule, policy, known)
        clinician = f"{patient} Open: {rule.clinician}"
    return Reason(
        rule=rule.id,
        code=rule.code,
        level=Level.REVIEW if truth == Truth.UNKNOWN else rule.level,
        certainty=truth,
        patient=patient,
        clinician=clinician,
        found=tuple(dict.fromkeys(_finding(leaf, known, answers) for leaf in rule.leaves)),
        source=rule.source,
        threshold_status=rule.threshold_status,
    )


def _what_is_open(rule: Rule, policy: Policy, known: Answers) -> str:
    """Name what was not answered, or what was answered in part (a diastolic nobody could measure)."""
    looked_at = {leaf.question for leaf in rule.leaves}
    asked = [question for question in policy.questions if question.key in looked_at]
    unanswered = [question.topic for question in asked if known[question.key] is None]
    if unanswered:
        return f"Not answered: {', '.join(unanswered)}."
    return f"Not complete: {', '.join(question.topic for question in asked)}."


def _finding(leaf: Leaf, known: Answers, answers: Mapping[str, object]) -> Finding:
    answer, said = known[leaf.question], answers.get(leaf.question)
    if isinstance(leaf, Compare) and leaf.quantity is not None:
        return Finding(leaf.question, leaf.quantity, _number(leaf, answer))
    if answer is None:
        return Finding(leaf.question, None, said if isinstance(said, str) and said in NO_ANSWER else None)
    return Finding(leaf.question, None, answer)


# --- three-valued logic ----------------------------------------------------------------------------------


def all_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's and: one false decides, else one unknown leaves it open."""
    found = set(truths)
    if Truth.FALSE in found:
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.TRUE


def any_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's or: one true decides, else one unknown leaves it open."""
    found = set(truths)
    if Truth.TRUE in found:
        return Truth.TRUE
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.FALSE


def negate(truth: Truth) -> Truth:
    """Kleene's not: unknown stays unknown."""
    if truth == Truth.UNKNOWN:
        return truth
    return Truth.FALSE if truth == Truth.TRUE else Truth.TRUE


def evaluate(condition: Condition, known: Answers) -> Truth:
    """Return whether the condition holds for these known answers; None is an answer nobody knows."""
    match condition:
        case AllOf(parts):
            return all_of(evaluate(part, known) for part in parts)
        case AnyOf(parts):
            return any_of(evaluate(part, known) for part in parts)
        case Not(part):
            return negate(evaluate(part, known))
        case Is() | Reported() | Compare():
            return _leaf_truth(condition, known[condition.question])
        case _:
            assert_never(condition)


def _leaf_truth(leaf: Leaf, answer: Answer | None) -> Truth:
    if answer is None:
        return Truth.UNKNOWN
    match leaf:
        case Is(_, value):
            return _truth(answer == value)
        case Reported():
            return _truth(answer != ())
        case Compare(_, _, operator, bound):
            number = _number(leaf, answer)
            if number is None:
                return Truth.UNKNOWN
            return _truth(number < bound if operator == Operator.BELOW else number >= bound)
        case _:
            assert_never(leaf)


def _truth(holds: bool) -> Truth:
    return Truth.TRUE if holds else Truth.FALSE


def _number(leaf: Compare, answer: Answer | None) -> float | None:
    """Return the number that is compared, None where it isn't known."""
    if isinstance(answer, tuple):
        readings = [reading for reading in answer if isinstance(reading, Reading)]
        return None if leaf.quantity is None else _QUANTITIES[leaf.quantity](readings)
    return answer if isinstance(answer, int | float) else None


def _systolic(readings: list[Reading]) -> list[float]:
    return [reading.systolic_mmhg for reading in readings]


def _diastolic(readings: list[Reading]) -> list[float]:
    return [reading.diastolic_mmhg for reading in readings if reading.diastolic_mmhg is not None]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


_QUANTITIES: Mapping[Quantity, Callable[[list[Reading]], float | None]] = {
    Quantity.COUNT: len,
    Quantity.MEAN_SYSTOLIC: lambda readings: _mean(_systolic(readings)),
    Quantity.MEAN_DIASTOLIC: lambda readings: _mean(_diastolic(readings)),
    Quantity.HIGHEST_SYSTOLIC: lambda readings: max(_systolic(readings), default=None),
    Quantity.HIGHEST_DIASTOLIC: lambda readings: max(_diastolic(readings), default=None),
}


# --- answers ---------------------------------------------------------------------------------------------


def validate_answers(policy: Policy, answers: object) -> list[InputError]:
    """Return every fault of form in the answers, with JSON pointers from the answers' own root.

    An answer left out, null, blank or declined is no fault: it is unknown, and screening says so.
    """
    if not isinstance(answers, Mapping):
        return [InputError("", "not_an_object", "Answers are an object, with a question's key for each.")]
    questions = {question.key: question for question in policy.questions}
    strangers = (
        InputError(_pointer("", str(key)), "unknown_question", "The policy has no such question.")
        for key in answers
        if key not in questions
    )
    faults = (_faults(questions[key], said) for key, said in answers.items() if key in questions)
    return list(chain(strangers, *faults))


def known_answer(question: Question, said: object) -> Answer | None:
    """Return what is known from an answer: None where it is missing, blank, declined or malformed."""
    if _is_unanswered(said) or any(True for _ in _faults(question, said)):
        return None
    if isinstance(question, ReadingsQuestion) and isinstance(said, list):
        return tuple(Reading(**reading) for reading in said) or None
    if isinstance(said, list):
        return tuple(said)
    return said if isinstance(said, str | int | float) else None


def _is_blank(said: object) -> bool:
    return said is None or (isinstance(said, str) and not said.strip())


def _is_unanswered(said: object) -> bool:
    return _is_blank(said) or (isinstance(said, str) and said in NO_ANSWER)


def _faults(question: Question, said: object) -> Iterator[InputError]:
    """Yield what is wrong with the form of one answer."""
    if _is_unanswered(said):
        return
    here = _pointer("", question.key)
    match question:
        case ChoiceQuestion(choices=choices):
            words = [choice.value for choice in choices]
            if said not in words:
                yield InputError(here, "not_a_choice", f"Choose one of: {', '.join(words)}.")
        case NumberQuestion(bounds=bounds, unit=unit):
            yield from _number_faults(said, bounds, here, unit=unit)
        case ReadingsQuestion():
            yield from _list_faults(said, here, most=question.max_readings)
            for index, reading in enumerate(said if isinstance(said, list) else ()):
                yield from _reading_faults(reading, question, _pointer(here, str(index)))
        case ListQuestion(max_characters=most):
            yield from _list_faults(said, here, most=question.max_items)
            for index, text in enumerate(said if isinstance(said, list) else ()):
                yield from _text_faults(text, _pointer(here, str(index)), most=most)


def _list_faults(said: object, here: str, *, most: int) -> Iterator[InputError]:
    if not isinstance(said, list):
        yield InputError(here, "not_a_list", "This answer is a list.")
    elif len(said) > most:
        yield InputError(here, "too_many", f"At most {most} entries.")


def _text_faults(text: object, here: str, *, most: int) -> Iterator[InputError]:
    if not isinstance(text, str) or not text.strip():
        yield InputError(here, "not_a_text", "Each entry is a text that is not blank.")
    elif len(text) > most:
        yield InputError(here, "too_long", f"At most {most} characters.")


def _number_faults(said: object, bounds: Bounds, here: str, *, unit: str) -> Iterator[InputError]:
    if isinstance(said, bool) or not isinstance(said, int | float):
        yield InputError(here, "not_a_number", f"This answer is a number in {unit}.")
    elif not bounds.hold(said):
        yield InputError(here, "implausible", f"From {bounds.minimum:g} to {bounds.maximum:g} {unit}.")


def _reading_faults(reading: object, question: ReadingsQuestion, here: str) -> Iterator[InputError]:
    if not isinstance(reading, dict) or set(reading) != set(_MEASURES):
        yield InputError(here, "not_a_reading", f"A reading has exactly {' and '.join(_MEASURES)}.")
        return
    systolic, diastolic = (reading[measure] for measure in _MEASURES)
    faults = list(_number_faults(systolic, question.systolic_mmhg, f"{here}/systolic_mmhg", unit="mmHg"))
    if diastolic is not None:
        faults += _number_faults(diastolic, question.diastolic_mmhg, f"{here}/diastolic_mmhg", unit="mmHg")
    if not faults and diastolic is not None and diastolic >= systolic:
        faults = [InputError(here, "implausible", "The upper value is higher than the lower one.")]
    yield from faults


def _pointer(parent: str, key: str) -> str:
    """Extend a JSON pointer (RFC 6901); a stranger's key is shown in part."""
    return f"{parent}/{key[:_MAX_KEY_SHOWN].replace('~', '~0').replace('/', '~1')}"
