"""Whether a policy that is new here makes sense: codes that exist, and rules that can both hold and not."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product
from math import inf, nextafter
from typing import Any, cast

from safety.screening.clinical import VITAL_BOUNDS, Bounds, Measured
from safety.screening.logic import Truth, evaluate, truth_of
from safety.screening.policy import (
    Answered,
    ChoiceQuestion,
    Compare,
    Is,
    Leaf,
    NumberQuestion,
    Policy,
    ReadingsQuestion,
    Rule,
    parse_policy,
    quantity_bounds,
    rule_faults,
)
from safety.screening.tables import PolicyError
from safety.screening.terminology import icd_10_cm

_MOST_CASES = 20_000


def vet(policy: Policy) -> None:
    """Raise PolicyError for a code that doesn't exist, and for a rule that nobody, or everybody, meets."""
    for fault in _insane(policy):
        raise fault


def faults(content: Mapping[str, object]) -> list[PolicyError]:
    """Return everything that keeps a policy from coming in, as far as it can be told at once; none: it may.

    Where rules can't be read by themselves, nothing is said of how they fit together.
    """
    try:
        found = rule_faults(content)
        return found or list(_insane(parse_policy(content)))
    except PolicyError as fault:
        return [fault]


def _insane(policy: Policy) -> Iterator[PolicyError]:
    for index, concept in enumerate(policy.concepts.values()):
        codes = [code for group in concept.groups for code in (*group.codes, *group.but_not)]
        for code in codes:
            if len(code) > 1 and icd_10_cm(code) is None:
                yield PolicyError(f"concepts[{index}].icd10cm", f"no ICD-10-CM code begins with {code}")
    for index, rule in enumerate(policy.rules):
        try:
            found = {evaluate(rule.when, _finder(case)) for case in _cases(rule, policy)}
        except PolicyError as fault:
            yield fault
            continue
        if Truth.TRUE not in found:
            yield PolicyError(f"rules[{index}].when", "can never hold, whatever is answered")
        if Truth.FALSE not in found:
            yield PolicyError(f"rules[{index}].when", "always holds, whatever is answered")


def _cases(rule: Rule, policy: Policy) -> Iterator[Mapping[object, Any]]:
    """Yield every combination of what the rule's leaves can tell apart, each by its dial."""
    dials: dict[object, list[Any]] = {}
    for leaf in rule.leaves:
        dials.setdefault(_dial(leaf), []).extend(_positions(leaf, policy))
    positions = [list(dict.fromkeys(values)) for values in dials.values()]
    cases = list(islice(product(*positions), _MOST_CASES + 1))
    if len(cases) > _MOST_CASES:
        raise PolicyError(
            f"rules[{policy.rules.index(rule)}].when", "looks at too much at once to be checked"
        )
    return (dict(zip(dials, case, strict=True)) for case in cases)


def _dial(leaf: Leaf) -> object:
    """Return what a leaf looks at, the same for leaves that look at the same."""
    if isinstance(leaf, Answered):
        return leaf.question, leaf.quantity if isinstance(leaf, Compare) else None
    return leaf.vital if isinstance(leaf, Measured) and leaf.operator is not None else leaf


def _positions(leaf: Leaf, policy: Policy) -> list[Any]:
    """Return what there is for a leaf to tell apart: a question's words, or the ends of a number's ranges."""
    if isinstance(leaf, Is):
        question = next(each for each in policy.questions if each.key == leaf.question)
        return [choice.value for choice in question.choices] if isinstance(question, ChoiceQuestion) else []
    if isinstance(leaf, Compare):
        return _ends(leaf.bound, _bounds_of(leaf, policy))
    if isinstance(leaf, Measured) and leaf.operator is not None:
        return _ends(leaf.bound, VITAL_BOUNDS[leaf.vital])
    return [True, False]


def _bounds_of(leaf: Compare, policy: Policy) -> Bounds:
    question = next(each for each in policy.questions if each.key == leaf.question)
    if leaf.quantity is not None and isinstance(question, ReadingsQuestion):
        return quantity_bounds(leaf.quantity, question)
    return cast("NumberQuestion", question).bounds


def _ends(bound: float, plausible: Bounds) -> list[float]:
    ends = (plausible.minimum, nextafter(bound, -inf), bound, plausible.maximum)
    return [end for end in ends if plausible.hold(end)]


def _finder(case: Mapping[object, Any]) -> Callable[[Leaf], Truth]:
    def found(leaf: Leaf) -> Truth:
        value = case[_dial(leaf)]
        if isinstance(leaf, Is):
            return truth_of(value == leaf.value)
        if isinstance(leaf, Compare | Measured) and leaf.operator is not None:
            return truth_of(leaf.operator.holds(value, leaf.bound))
        return truth_of(value)

    return found
