"""What answers to an instrument mean: valid or not, complete or not, worth what, urgent or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from assessments.enums import AnswerProblemCode, NoScoreReason, ScoreMethod
from assessments.instruments import CrisisRule, Instrument, Item, Scale

_THOUSANDTH = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class AnswerProblem:
    """One answer that cannot be taken: which item, what kind of fault, and a sentence."""

    item: str
    code: AnswerProblemCode
    detail: str


class InvalidAnswersError(ValueError):
    """Answers reached a rule without having been validated; `problems` has each fault."""

    def __init__(self, problems: tuple[AnswerProblem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{problem.item}: {problem.detail}" for problem in problems))


@dataclass(frozen=True, slots=True)
class ScaleScore:
    """One scale's result; a `value` of None always comes with a `reason` and is never nought.

    A sum is an int; a mean a Decimal rounded half up to three places. `band` is found before rounding.
    `missing` names the unanswered items in the scale's order; `complete` says that there are none.
    """

    key: str
    value: int | Decimal | None
    band: str | None
    answered: int
    missing: tuple[str, ...]
    complete: bool
    reason: NoScoreReason | None


@dataclass(frozen=True, slots=True)
class Scores:
    """The results of one set of answers, with the instrument version they were made with."""

    instrument: str
    version: str
    scales: tuple[ScaleScore, ...]

    def scale(self, key: str) -> ScaleScore:
        """Return one scale's result. Raises KeyError for one the instrument does not have."""
        for result in self.scales:
            if result.key == key:
                return result
        raise KeyError(key)


@dataclass(frozen=True, slots=True)
class CrisisFlag:
    """An answer that somebody has to act on now: the rule's code, the item, what was answered, and why."""

    code: str
    item: str
    answer: int
    at_least: int
    source: str


def validate_answers(instrument: Instrument, answers: Mapping[str, object]) -> list[AnswerProblem]:
    """Return every fault of the answers given, in their order; an unanswered item is an absent key.

    Null is refused: an item is answered or it isn't there, and a gap must never pass for nought.
    """
    found = (_answer_problem(instrument, key, answer) for key, answer in answers.items())
    return [problem for problem in found if problem is not None]


def score(instrument: Instrument, answers: Mapping[str, int]) -> Scores:
    """Return the value, band and gaps of every scale.

    PHQ-9 and GAD-7 have no total while any item is missing. Their manual's tradition (one or two gaps
    filled with the mean of the rest) was not verified, an independent implementation (CamCOPS) treats
    any gap as incomplete, and filling in PHQ-9's item on self-harm would invent a safety answer.
    CBI scales are the mean of what was answered from 3, 4 and 3 items up (PUMA form; the client scale's
    minimum is not verified); the client scale has no value for people without client contact.

    Raises InvalidAnswersError for answers that `validate_answers` would refuse.
    """
    problems = validate_answers(instrument, answers)
    if problems:
        raise InvalidAnswersError(tuple(problems))
    return Scores(
        instrument=instrument.code,
        version=instrument.version,
        scales=tuple(_scale_score(scale, answers) for scale in instrument.scales),
    )


def crisis_flags(instrument: Instrument, answers: Mapping[str, int]) -> tuple[CrisisFlag, ...]:
    """Return a flag for each crisis rule that these answers meet, complete or not.

    Looks at nothing but the rule's own item: a half-filled form fires as a finished one does, and no
    total, band or other answer can calm it (PHQ-9 item 9 from 1; source in the instrument's file).
    """
    return tuple(
        CrisisFlag(rule.code, rule.item, answers[rule.item], rule.at_least, rule.source)
        for rule in instrument.crisis
        if rule.item in answers and answers[rule.item] >= rule.at_least
    )


def may_speak_of_crisis(instrument: Instrument, body: object) -> bool:
    """Tell whether anything in a request's body may be an answer that somebody has to act on now.

    In any form: a number as text, an item in capitals, an answer outside `answers`, or one that is none of
    the choices. Only a choice below the rule's own, or a way to write nothing or nought, is taken for a no.
    """
    if not isinstance(body, Mapping):
        return False
    inner = body.get("answers")
    said = [*body.items(), *(inner.items() if isinstance(inner, Mapping) else ())]
    return any(
        key.strip().lower() == rule.item.lower() and _may_meet(instrument, rule, answer)
        for rule in instrument.crisis
        for key, answer in said
    )


def _may_meet(instrument: Instrument, rule: CrisisRule, answer: object) -> bool:
    if type(answer) is int and answer in instrument.items[rule.item].values:
        return answer >= rule.at_least
    return answer not in (None, 0, "0", "")


def missing_required(instrument: Instrument, answers: Mapping[str, int]) -> tuple[str, ...]:
    """Return the items still needed before the answers can be submitted, in the order of asking.

    Needed are: the gaps of every applicable scale that has no value yet, the question that decides
    whether a scale applies, and an item asked only above a total (PHQ-9's on daily life: above 0) once
    the answers so far add up to more than that.
    """
    needed: set[str] = set()
    for scale in instrument.scales:
        if scale.applies_when is not None:
            needed.add(scale.applies_when.item)
        if _no_score_reason(scale, answers) is NoScoreReason.TOO_FEW_ANSWERED:
            needed.update(item.key for item in scale.items)
    needed.update(item.key for item in instrument.items.values() if _is_asked(instrument, item, answers))
    return tuple(key for key in instrument.items if key in needed and key not in answers)


def _answer_problem(instrument: Instrument, key: str, answer: object) -> AnswerProblem | None:
    item = instrument.items.get(key)
    if item is None:
        return AnswerProblem(key, AnswerProblemCode.UNKNOWN_ITEM, f"{instrument.title} has no such item.")
    # Not isinstance: true and false are ints to Python, and no answers.
    if type(answer) is not int:
        return AnswerProblem(key, AnswerProblemCode.NOT_A_WHOLE_NUMBER, "An answer has to be a whole number.")
    if answer not in item.values:
        allowed = ", ".join(map(str, item.values))
        return AnswerProblem(key, AnswerProblemCode.NOT_ALLOWED, f"An answer has to be one of {allowed}.")
    return None


def _scale_score(scale: Scale, answers: Mapping[str, int]) -> ScaleScore:
    missing = tuple(item.key for item in scale.items if item.key not in answers)
    reason = _no_score_reason(scale, answers)
    exact = _exact_value(scale, answers) if reason is None else None
    return ScaleScore(
        key=scale.key,
        value=None if exact is None else _rounded(exact),
        band=None if exact is None else _band(scale, exact),
        answered=len(scale.items) - len(missing),
        missing=missing,
        complete=not missing,
        reason=reason,
    )


def _no_score_reason(scale: Scale, answers: Mapping[str, int]) -> NoScoreReason | None:
    gate = scale.applies_when
    if gate is not None and gate.item not in answers:
        return NoScoreReason.APPLICABILITY_UNKNOWN
    if gate is not None and answers[gate.item] < gate.at_least:
        return NoScoreReason.NOT_APPLICABLE
    if sum(item.key in answers for item in scale.items) < scale.minimum.answered:
        return NoScoreReason.TOO_FEW_ANSWERED
    return None


def _exact_value(scale: Scale, answers: Mapping[str, int]) -> int | Fraction:
    parts = [item.contribution(answers[item.key]) for item in scale.items if item.key in answers]
    return sum(parts) if scale.method is ScoreMethod.SUM else Fraction(sum(parts), len(parts))


def _rounded(exact: int | Fraction) -> int | Decimal:
    if isinstance(exact, int):
        return exact
    return (Decimal(exact.numerator) / exact.denominator).quantize(_THOUSANDTH, rounding=ROUND_HALF_UP)


def _band(scale: Scale, exact: int | Fraction) -> str | None:
    return next((band.label for band in reversed(scale.bands) if exact >= band.lower), None)


def _is_asked(instrument: Instrument, item: Item, answers: Mapping[str, int]) -> bool:
    """Tell whether a conditional item is due; answers only add up, so a partial sum can decide it early."""
    if item.asked_when is None:
        return False
    return _exact_value(instrument.scale(item.asked_when.scale), answers) > item.asked_when.above
