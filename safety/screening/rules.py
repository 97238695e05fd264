"""Screening: answers, health facts and a policy in, a decision with every reason out. Unknown is never no."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple

from safety.screening.answers import is_blank
from safety.screening.findings import Finder, Finding, topic_of
from safety.screening.health import NOTHING_KNOWN, HealthFacts
from safety.screening.logic import Truth
from safety.screening.looking import Seen, plan_of
from safety.screening.policy import NO_ANSWER, Answered, Leaf, Level, Policy, Rule, ThresholdStatus


class Outcome(StrEnum):
    """What a screening comes to; none of them clears anybody: a clinician does."""

    ELIGIBLE = "eligible"
    """Every question that matters is answered and no rule objects."""
    NEEDS_REVIEW = "needs_review"
    """A clinician has to look at the reasons first."""
    INCOMPLETE = "incomplete"
    """Nothing excludes so far, and questions that matter were not answered at all."""
    INELIGIBLE = "ineligible"
    """At least one excluding rule holds."""


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

    `missing` are the required questions without a usable answer; from format 2 on those that matter.
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision without its words: the rules that spoke, in the policy's order."""

    outcome: Outcome
    spoke: tuple[tuple[Rule, Truth], ...]
    missing: tuple[str, ...]
    crisis: bool


def screen(
    policy: Policy, answers: Mapping[str, object], facts: HealthFacts = NOTHING_KNOWN
) -> ScreeningDecision:
    """Decide what answers and health facts come to under the policy, with every reason.

    Missing, blank, declined and malformed answers are unknown, and so is what nobody recorded or could read.
    Ineligible if an excluding rule holds; else incomplete (from format 2 on) if a question that matters was
    not answered at all; else needs review if any other rule that decides holds or is unknown; else eligible.
    """
    plan = plan_of(policy)
    seen = plan.look(answers, facts)
    verdict = verdict_of(policy, seen, answers)
    finder = Finder(policy, plan, answers, facts)
    return ScreeningDecision(
        policy_id=policy.id,
        policy_version=policy.version,
        outcome=verdict.outcome,
        reasons=tuple(_reason(rule, truth, policy, seen, finder) for rule, truth in verdict.spoke),
        missing=verdict.missing,
        crisis=verdict.crisis,
    )


def decide(policy: Policy, answers: Mapping[str, object], facts: HealthFacts = NOTHING_KNOWN) -> Verdict:
    """Decide the same as `screen`, without a word about it."""
    return verdict_of(policy, plan_of(policy).look(answers, facts), answers)


def verdict_of(policy: Policy, seen: Seen, answers: Mapping[str, object]) -> Verdict:
    """Decide on what was seen."""
    found = _judge(policy, seen.true, seen.open, seen.unread)
    missing = _missing(policy, seen.unanswered, found.open_questions) if seen.unanswered else ()
    # A person who was asked and would not say gets the crisis text too; one who was never asked does not.
    crisis = found.crisis or any(not is_blank(answers.get(key)) for key in found.crisis_if_asked)
    return Verdict(_outcome(policy, found, missing, answers), found.spoke, missing, crisis)


class _Judged(NamedTuple):
    """What the rules made of what was seen, but for the answers' wording."""

    spoke: tuple[tuple[Rule, Truth], ...]
    open_questions: int
    excludes: bool
    decides: bool
    crisis: bool
    crisis_if_asked: tuple[str, ...]


@lru_cache(maxsize=8192)
def _judge(policy: Policy, true: int, left_open: int, unread: int) -> _Judged:
    """Apply the rules; what was seen of one person is often seen of the next, and says of nobody who."""
    plan, seen = plan_of(policy), Seen(true, left_open, unread, 0)
    spoke = tuple((each, truth) for each in plan.rules if (truth := each.told(seen)) is not Truth.FALSE)
    certain = [each.rule for each, truth in spoke if truth is Truth.TRUE]
    unsure = [each for each, truth in spoke if truth is Truth.UNKNOWN]
    crisis_open = (leaf for each in unsure if each.rule.crisis for leaf in each.rule.leaves)
    return _Judged(
        spoke=tuple((each.rule, truth) for each, truth in spoke),
        open_questions=reduce(or_, (each.questions for each in unsure), 0),
        excludes=any(rule.level is Level.EXCLUDE for rule in certain),
        decides=any(each.rule.level is not Level.NOTE for each, _ in spoke),
        crisis=any(rule.crisis for rule in certain),
        crisis_if_asked=tuple(
            leaf.question for leaf in crisis_open if isinstance(leaf, Answered) and plan.is_open(leaf, seen)
        ),
    )


def _missing(policy: Policy, unanswered: int, open_questions: int) -> tuple[str, ...]:
    """Return the required questions without a known answer; from format 2 on, if a rule still needs them."""
    if policy.format > 1:
        unanswered &= open_questions
    return tuple(
        question.key
        for place, question in enumerate(policy.questions)
        if question.required and unanswered >> place & 1
    )


def _outcome(
    policy: Policy, found: _Judged, missing: tuple[str, ...], answers: Mapping[str, object]
) -> Outcome:
    if found.excludes:
        return Outcome.INELIGIBLE
    if policy.format > 1 and any(answers.get(key) not in _DECLINED for key in missing):
        return Outcome.INCOMPLETE
    return Outcome.NEEDS_REVIEW if found.decides or missing else Outcome.ELIGIBLE


_DECLINED = tuple(NO_ANSWER)


def _reason(rule: Rule, truth: Truth, policy: Policy, seen: Seen, finder: Finder) -> Reason:
    patient, clinician = rule.patient, rule.clinician
    if truth is Truth.UNKNOWN:
        patient = _what_is_open(rule, policy, seen)
        clinician = f"{patient} Open: {rule.clinician}"
    return Reason(
        rule=rule.id,
        code=rule.code,
        level=Level.REVIEW if truth is Truth.UNKNOWN else rule.level,
        certainty=truth,
        patient=patient,
        clinician=clinician,
        found=tuple(dict.fromkeys(finder.find(leaf) for leaf in _telling(rule, truth, policy, seen))),
        source=rule.source,
        threshold_status=rule.threshold_status,
    )


def _telling(rule: Rule, truth: Truth, policy: Policy, seen: Seen) -> tuple[Leaf, ...]:
    """Return the leaves that made a rule speak; all of them in format 1, and where no single one did."""
    bits, wanted = plan_of(policy).bits, seen.true if truth is Truth.TRUE else seen.open
    telling = tuple(leaf for leaf in rule.leaves if policy.format > 1 and bits[leaf] & wanted)
    return telling or rule.leaves


def _what_is_open(rule: Rule, policy: Policy, seen: Seen) -> str:
    """Name what was not answered, or what is known in part (a diastolic nobody could measure)."""
    plan = plan_of(policy)
    leaves = [leaf for leaf in rule.leaves if plan.is_open(leaf, seen)]
    unanswered = [
        leaf for leaf in leaves if isinstance(leaf, Answered) and plan.places[leaf.question] & seen.unanswered
    ]
    topics = dict.fromkeys(topic_of(leaf, policy) for leaf in unanswered or leaves)
    return f"{'Not answered' if unanswered else 'Not complete'}: {', '.join(topics)}."
