"""Why a screening came to what it came to: the whole tree of what was asked, found and decided, as JSON."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from safety.screening.clinical import ClinicalLeaf, Listed, Measured, OneOf, Unrecognised
from safety.screening.findings import Finder, topic_of
from safety.screening.health import NOTHING_KNOWN, HealthFacts
from safety.screening.logic import Truth, all_of, any_of, negate
from safety.screening.looking import Plan, Seen, plan_of
from safety.screening.policy import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Is,
    Leaf,
    Level,
    Not,
    Policy,
    Reported,
    Rule,
)
from safety.screening.rules import Outcome, Verdict, verdict_of

_Grow = Callable[[Seen, Finder], dict[str, Any]]
"""From what was seen to one node of the tree, with everything under it."""


def explain(
    policy: Policy, answers: Mapping[str, object], facts: HealthFacts = NOTHING_KNOWN
) -> dict[str, Any]:
    """Return the tree behind a decision, in JSON values, equal for equal input.

    For every rule of the policy: whether it holds, whether it spoke, and its condition as a tree with the
    truth of each node; at each leaf what was looked for, what was found, and where that came from.
    `decided_by` names the rules that made the outcome: none where nobody objected.
    """
    plan = plan_of(policy)
    seen = plan.look(answers, facts)
    verdict = verdict_of(policy, seen, answers)
    finder = Finder(policy, plan, answers, facts)
    spoke = {rule.id for rule, _ in verdict.spoke}
    return {
        "policy": {"id": policy.id, "version": policy.version},
        "outcome": verdict.outcome,
        "decided_by": _decided_by(verdict),
        "missing": list(verdict.missing),
        "crisis": verdict.crisis,
        "rules": [_rule(rule, grow(seen, finder), spoke) for rule, grow in _trees(policy)],
    }


def _decided_by(verdict: Verdict) -> list[str]:
    if verdict.outcome == Outcome.INELIGIBLE:
        excluding = (rule for rule, truth in verdict.spoke if truth is Truth.TRUE)
        return [rule.id for rule in excluding if rule.level is Level.EXCLUDE]
    if verdict.outcome == Outcome.ELIGIBLE:
        return []
    return [rule.id for rule, _ in verdict.spoke if rule.level is not Level.NOTE]


def _rule(rule: Rule, when: dict[str, Any], spoke: set[str]) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "level": rule.level,
        "truth": when["truth"],
        "spoke": rule.id in spoke,
        "source": rule.source,
        "when": when,
    }


@lru_cache(maxsize=16)
def _trees(policy: Policy) -> tuple[tuple[Rule, _Grow], ...]:
    """Return how each rule's tree grows; worked out once for each policy."""
    plan = plan_of(policy)
    return tuple((rule, _tree(rule.when, policy, plan)) for rule in policy.rules)


def _tree(condition: Condition, policy: Policy, plan: Plan) -> _Grow:
    match condition:
        case AllOf(parts):
            return _branch("all", [_tree(part, policy, plan) for part in parts], all_of)
        case AnyOf(parts):
            return _branch("any", [_tree(part, policy, plan) for part in parts], any_of)
        case Not(part):
            return _branch("not", [_tree(part, policy, plan)], lambda truths: negate(*truths))
        case _:
            return _leaf(condition, policy, plan)


def _branch(word: str, parts: list[_Grow], combine: Callable[[list[Truth]], Truth]) -> _Grow:
    def grow(seen: Seen, finder: Finder) -> dict[str, Any]:
        grown = [part(seen, finder) for part in parts]
        return {"truth": combine([part["truth"] for part in grown]), word: grown}

    return grow


def _leaf(leaf: Leaf, policy: Policy, plan: Plan) -> _Grow:
    bit = plan.bits[leaf]
    about, wanted = topic_of(leaf, policy), _wanted(leaf, policy)
    section = leaf.section if isinstance(leaf, Listed | Unrecognised) else None
    # Most of a tree: nothing of that kind on record, and a word among those that one can choose.
    of_list = {"about": about, "wanted": wanted, "question": section, "quantity": None, "origin": "record"}
    word = leaf.question if isinstance(leaf, Is) else None
    of_word = {"about": about, "wanted": wanted, "question": word, "quantity": None, "origin": "answers"}

    def grow(seen: Seen, finder: Finder) -> dict[str, Any]:
        truth = Truth.TRUE if seen.true & bit else Truth.UNKNOWN if seen.open & bit else Truth.FALSE
        if word is not None:
            return {**of_word, "truth": truth, "value": finder.said(word)}
        if section is not None and truth is Truth.FALSE:
            return {**of_list, "truth": truth, "value": finder.nothing_in(section)}
        found = finder.find(leaf)
        return {"truth": truth, "about": about, "wanted": wanted, **found.as_json(), "origin": found.origin}

    return grow


def _wanted(leaf: Leaf, policy: Policy) -> str:
    """Return what a leaf looks for in a clinician's words."""
    if isinstance(leaf, Is):
        return f"answered {leaf.value}"
    if isinstance(leaf, Reported):
        return "something listed"
    if isinstance(leaf, Compare):
        return f"{leaf.quantity or 'the number'} {_compared(leaf.operator, leaf.bound)}"
    return _wanted_on_record(leaf, policy)


def _wanted_on_record(leaf: ClinicalLeaf, policy: Policy) -> str:
    if isinstance(leaf, Listed):
        states = f" ({' or '.join(leaf.statuses)})" if leaf.statuses else ""
        return f"{policy.concepts[leaf.concept].name}{states}"
    if isinstance(leaf, Unrecognised):
        return "an entry that nobody could read"
    if isinstance(leaf, OneOf):
        return " or ".join(leaf.words)
    age = f"at most {leaf.max_age_days} days old"
    what = leaf.vital if isinstance(leaf, Measured) else f"{leaf.instrument} {leaf.result}"
    if leaf.operator is not None:
        return f"{what} {_compared(leaf.operator, leaf.bound)}, {age}"
    word = None if isinstance(leaf, Measured) else leaf.word
    return f"{what} {'on record' if word is None else f'is {word}'}, {age}"


def _compared(operator: str, bound: float) -> str:
    return f"{operator.replace('_', ' ')} {bound:g}"
