"""What answers to an instrument mean: valid or not, complete or not, worth what, urgent or not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import NamedTuple

from assessments.enums import AnswerProblemCode, LicenceClass, NoScoreReason, ScoreMethod
from assessments.instruments import CrisisRule, Finding, Instrument, Item, Scale, Slot
from assessments.instruments.definition import Condition, Level
from safety.screening.health import InstrumentFact

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


class ScaleScore(NamedTuple):
    """One scale's result; a `value` of None always comes with a `reason` and is never nought.

    A sum or a count is an int; a mean a Decimal rounded half up to three places. `band` is found before
    rounding. `missing` names the unanswered items in the scale's order; `complete` says that there are none.
    """

    key: str
    value: int | Decimal | None
    band: str | None
    answered: int
    missing: tuple[str, ...]
    complete: bool
    reason: NoScoreReason | None


class FindingResult(NamedTuple):
    """The highest label that the answers reach so far; None while they decide nothing.

    `complete` says that no answer still to come could raise it.
    """

    key: str
    label: str | None
    complete: bool


class Scores(NamedTuple):
    """The results of one set of answers, with the instrument version they were made with."""

    instrument: str
    version: str
    scales: tuple[ScaleScore, ...]
    findings: tuple[FindingResult, ...] = ()

    def finding(self, key: str) -> FindingResult:
        """Return one finding's result. Raises KeyError for one the instrument does not have."""
        for result in self.findings:
            if result.key == key:
                return result
        raise KeyError(key)

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
    items = instrument.items
    problems = []
    for key, answer in answers.items():
        item = items.get(key)
        # Not isinstance: true and false are ints to Python, and no answers.
        if item is None or type(answer) is not int or answer not in item.answers.values:
            problems.append(_answer_problem(instrument, item, key, answer))
    return problems


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
    scales = tuple([_scale_score(scale, answers) for scale in instrument.scales])
    return Scores(
        instrument=instrument.code,
        version=instrument.version,
        scales=scales,
        findings=tuple([_found(instrument, each, scales, answers) for each in instrument.findings]),
    )


def exact_values(instrument: Instrument, answers: Mapping[str, int]) -> dict[str, Fraction]:
    """Return the values of the scales that have one, not rounded: what is compared with a number is exact.

    Raises InvalidAnswersError for answers that `validate_answers` would refuse.
    """
    problems = validate_answers(instrument, answers)
    if problems:
        raise InvalidAnswersError(tuple(problems))
    scored = {scale.key: _scale_score(scale, answers) for scale in instrument.scales}
    return {
        scale.key: Fraction(_exact_value(scale, answers))
        for scale in instrument.scales
        if scored[scale.key].reason is None
    }


def licence_refusal(instrument: Instrument | Slot, *, permitted: Collection[str]) -> str | None:
    """Return why its licence forbids a paid program to ask this instrument, or None where it may.

    A slot has nothing to ask until its licensed file is there, whoever permits it.

    `permitted` has the codes whose holders gave the clinic their permission.
    """
    licence = instrument.licence
    ask_first = licence.kind in (LicenceClass.NON_COMMERCIAL, LicenceClass.PERMISSION)
    if not ask_first or instrument.code in permitted:
        return _unfilled(instrument) if isinstance(instrument, Slot) else None
    return f"{instrument.title} needs the permission of {licence.holder}. {licence.note}"


def _unfilled(slot: Slot) -> str:
    return f"The items and the key of {slot.title} are not here: {slot.licence.holder} licenses them."


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


OFFLINE_CONFLICTS: Mapping[str, str] = {
    "changed_meanwhile": "This form was changed on another device. Look at both, then send it again.",
    "submitted_before": "This form was sent in before with other answers. Call us if these are right.",
    "not_open": "This form was not open when you filled it in. Call us if it matters to you.",
}
"""Why a form that was filled in without a connection does not count, in words for the patient."""


@dataclass(frozen=True, slots=True)
class OfflineFacts:
    """What decides whether such a form counts.

    `stored` are the answers here, `sent` those of the form, `is_same_version` that nothing was saved here
    since the app read it. `could_be_answered`: it was open when it was filled in.
    """

    stored: Mapping[str, int]
    sent: Mapping[str, int]
    is_same_version: bool
    is_submitted: bool
    could_be_answered: bool


def offline_conflict(facts: OfflineFacts) -> str:
    """Return why a form that was filled in without a connection does not count, or nothing where it does.

    What was saved here meanwhile is no conflict as long as the form says the same: an app's own draft, whose
    answer was lost.
    """
    if facts.is_submitted:
        return "" if facts.stored == facts.sent else "submitted_before"
    if not facts.could_be_answered:
        return "not_open"
    is_contained = facts.stored.items() <= facts.sent.items()
    return "" if facts.is_same_version or is_contained else "changed_meanwhile"


def facts_for_screening(
    instrument: Instrument, answers: Mapping[str, int], *, taken_at: datetime
) -> list[InstrumentFact]:
    """Return what a screening may ask of a form: its scales, its findings, the answers that call for help.

    A scale or finding that the answers don't decide has no value: it was asked, and is not known.
    """
    scores = score(instrument, answers)
    found: dict[str, float | str | None] = {
        result.key: None if result.value is None else float(result.value) for result in scores.scales
    }
    for finding in scores.findings:
        found[_CALLED.get((instrument.code, finding.key), finding.key)] = finding.label
    found |= {rule.item: float(answers[rule.item]) for rule in instrument.crisis if rule.item in answers}
    return [InstrumentFact(instrument.code, name, value, taken_at) for name, value in found.items()]


_CALLED = {("cssrs", "risk"): "triage"}
"""What screening policies call a result that the instrument's own file calls otherwise."""


def missing_required(instrument: Instrument, answers: Mapping[str, int]) -> tuple[str, ...]:
    """Return the items still needed before the answers can be submitted, in the order of asking.

    Needed are: the gaps of every applicable scale that has no value yet, the question that decides
    whether a scale applies, the items of a finding, and an item asked only above a total or an answer
    (PHQ-9's on daily life: above 0) once the answers so far come to more than that.
    """
    needed: set[str] = set()
    for scale in instrument.scales:
        if scale.applies_when is not None:
            needed.add(scale.applies_when.item)
        if _scale_score(scale, answers).reason is NoScoreReason.TOO_FEW_ANSWERED:
            needed.update(item.key for item in scale.items)
    needed.update(key for key in _keys_of_findings(instrument) if instrument.items[key].asked_when is None)
    needed.update(item.key for item in instrument.items.values() if _is_asked(instrument, item, answers))
    return tuple(key for key in instrument.items if key in needed and key not in answers)


def answered_though_skipped(
    instrument: Instrument, answers: Mapping[str, int], *, among: Collection[str]
) -> list[AnswerProblem]:
    """Return a fault for each of the items `among` which is answered, though the other answers skip it.

    Undecided is not skipped. An answer that somebody has to act on is none: it counts, whatever else says no.
    """
    heard = {flag.item for flag in crisis_flags(instrument, answers)}
    return [
        AnswerProblem(key, AnswerProblemCode.NOT_ASKED, "This is not asked after the other answers.")
        for key, item in instrument.items.items()
        if key in among and key in answers and key not in heard and _is_left_out(instrument, item, answers)
    ]


def _is_left_out(instrument: Instrument, item: Item, answers: Mapping[str, int]) -> bool:
    """Tell whether an item is skipped, by its own condition or because no scale that it is in applies."""
    gates = [scale.applies_when for scale in instrument.scales if item in scale.items]
    shut = [gate is not None and answers.get(gate.item, gate.at_least) < gate.at_least for gate in gates]
    return _is_skipped(instrument, item, answers) or (bool(shut) and all(shut))


def _answer_problem(instrument: Instrument, item: Item | None, key: str, answer: object) -> AnswerProblem:
    if item is None:
        return AnswerProblem(key, AnswerProblemCode.UNKNOWN_ITEM, f"{instrument.title} has no such item.")
    if type(answer) is not int:
        return AnswerProblem(key, AnswerProblemCode.NOT_A_WHOLE_NUMBER, "An answer has to be a whole number.")
    allowed = ", ".join(map(str, item.values))
    return AnswerProblem(key, AnswerProblemCode.NOT_ALLOWED, f"An answer has to be one of {allowed}.")


def _scale_score(scale: Scale, answers: Mapping[str, int]) -> ScaleScore:
    missing = tuple([key for key, _ in scale.parts if key not in answers])
    reason = _no_score_reason(scale, answers, answered=len(scale.parts) - len(missing))
    exact = _exact_value(scale, answers) if reason is None else None
    return ScaleScore(
        key=scale.key,
        value=None if exact is None else _rounded(exact),
        band=None if exact is None else _band(scale, exact),
        answered=len(scale.parts) - len(missing),
        missing=missing,
        complete=not missing,
        reason=reason,
    )


def _no_score_reason(scale: Scale, answers: Mapping[str, int], *, answered: int) -> NoScoreReason | None:
    gate = scale.applies_when
    if gate is not None and gate.item not in answers:
        return NoScoreReason.APPLICABILITY_UNKNOWN
    if gate is not None and answers[gate.item] < gate.at_least:
        return NoScoreReason.NOT_APPLICABLE if gate.otherwise is None else None
    if answered < scale.minimum.answered:
        return NoScoreReason.TOO_FEW_ANSWERED
    return None


def _exact_value(scale: Scale, answers: Mapping[str, int]) -> int | Fraction:
    gate = scale.applies_when
    if gate is not None and gate.otherwise is not None and answers[gate.item] < gate.at_least:
        return gate.otherwise
    parts = [
        answers[key] if mirror is None else mirror - answers[key]
        for key, mirror in scale.parts
        if key in answers
    ]
    if scale.counts_from is not None:
        return sum([part >= scale.counts_from for part in parts])
    return sum(parts) if scale.method is ScoreMethod.SUM else Fraction(sum(parts), len(parts))


def _rounded(exact: int | Fraction) -> int | Decimal:
    if isinstance(exact, int):
        return exact
    return (Decimal(exact.numerator) / exact.denominator).quantize(_THOUSANDTH, rounding=ROUND_HALF_UP)


def _band(scale: Scale, exact: int | Fraction) -> str | None:
    label = None
    for band in scale.bands:
        if exact < band.lower:
            break
        label = band.label
    return label


def _is_asked(instrument: Instrument, item: Item, answers: Mapping[str, int]) -> bool:
    """Tell whether a conditional item is due; answers only add up, so a partial sum can decide it early."""
    when = item.asked_when
    return when is not None and sum(answers.get(key, 0) for key in instrument.deciding(when)) > when.above


def _is_skipped(instrument: Instrument, item: Item, answers: Mapping[str, int]) -> bool:
    """Tell whether a conditional item is not going to be asked: all that decides is answered, too low."""
    when = item.asked_when
    if when is None or any(key not in answers for key in instrument.deciding(when)):
        return False
    return not _is_asked(instrument, item, answers)


def _keys_of_findings(instrument: Instrument) -> set[str]:
    levels = [level for finding in instrument.findings for level in finding.levels]
    return {condition.item for level in levels for condition in level.conditions if condition.item}


def _found(
    instrument: Instrument, finding: Finding, scales: tuple[ScaleScore, ...], answers: Mapping[str, int]
) -> FindingResult:
    met = [_is_met(instrument, level, scales, answers) for level in finding.levels]
    highest = max((n for n, each in enumerate(met) if each), default=-1)
    label = finding.levels[highest].label if highest >= 0 else finding.lowest
    above = zip(finding.levels[highest + 1 :], met[highest + 1 :], strict=True)
    complete = not any(each is None and level.label != label for level, each in above)
    return FindingResult(finding.key, label if complete or highest >= 0 else None, complete)


def _is_met(
    instrument: Instrument, level: Level, scales: tuple[ScaleScore, ...], answers: Mapping[str, int]
) -> bool | None:
    """Tell whether a level is reached; None where answers still to come decide."""
    each = [_holds(instrument, condition, scales, answers) for condition in level.conditions]
    decisive = not level.every
    if decisive in each:
        return decisive
    return None if None in each else level.every


def _holds(
    instrument: Instrument, condition: Condition, scales: tuple[ScaleScore, ...], answers: Mapping[str, int]
) -> bool | None:
    if condition.item is None:
        result = next(result for result in scales if result.key == condition.scale)
        if result.value is None:
            return False if result.reason is NoScoreReason.NOT_APPLICABLE else None
        return result.value >= condition.at_least
    answer = answers.get(condition.item)
    if answer is not None:
        return answer >= condition.at_least
    if _is_skipped(instrument, instrument.items[condition.item], answers):
        return False
    return True if condition.unanswered_counts else None
