"""The screening against a second one, plainly written, and against itself with a rule changed."""

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random
from typing import Any

import django
import pytest

from safety.screening.health import HealthFacts
from safety.screening.logic import Truth
from safety.screening.policy import EXAMPLES, Policy, PolicyError, example_policy, parse_policy
from safety.screening.rules import decide, screen
from tests.figures import record
from tests.safety.screening_oracle import OPEN, YES, Oracle
from tests.safety.screening_people import READINGS, anybody, with_one_finding

SEED = 20261122
CASES = 100_000
PIECE = 2_500
Document = dict[str, Any]
Person = tuple[dict[str, Any], HealthFacts]


def decided(policy: Policy, answers: dict[str, Any], facts: HealthFacts) -> dict[str, Any]:
    """What the clinic's own screening says, in the oracle's words."""
    verdict = decide(policy, answers, facts)
    spoke = {rule.id: YES if truth is Truth.TRUE else OPEN for rule, truth in verdict.spoke}
    missing, crisis = list(verdict.missing), verdict.crisis
    return {"outcome": verdict.outcome, "spoke": spoke, "missing": missing, "crisis": crisis}


def differences(seed: int, count: int, version: int = 2) -> list[Person]:
    """Return the people of whom the two do not say the same."""
    document = example_policy(version)
    policy, rng = parse_policy(document), Random(seed)  # noqa: S311
    people = (anybody(policy, rng) for _ in range(count))
    return [one for one in people if decided(policy, *one) != Oracle(document, *one).decide()]


@pytest.mark.parametrize("version", EXAMPLES)
def test_both_screenings_say_the_same(version: int) -> None:
    assert differences(SEED, 120, version) == []


@pytest.mark.full
def test_both_screenings_say_the_same_of_a_hundred_thousand() -> None:
    seeds = range(SEED, SEED + CASES // PIECE)
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=django.setup) as pool:
        found = list(pool.map(differences, seeds, [PIECE] * len(seeds)))
    record("screening.oracle_cases", PIECE * len(found), seed=SEED)
    record("screening.oracle_differences", sum(map(len, found)), seed=SEED)


def test_with_words_or_without_a_decision_is_the_same() -> None:
    policy, rng = parse_policy(example_policy()), Random(SEED)  # noqa: S311
    for answers, facts in (anybody(policy, rng) for _ in range(100)):
        whole, short = screen(policy, answers, facts), decide(policy, answers, facts)
        assert (whole.outcome, whole.missing, whole.crisis) == (short.outcome, short.missing, short.crisis)
        said = [(reason.rule, reason.certainty) for reason in whole.reasons]
        assert said == [(rule.id, truth) for rule, truth in short.spoke]


# --- planted mutations -----------------------------------------------------------------------------------


def leaves(when: Document) -> Iterator[Document]:
    parts = when.get("all") or when.get("any") or ([when["not"]] if "not" in when else None)
    if parts is None:
        yield when
    for part in parts or ():
        yield from leaves(part)


def weaken(rule: Document) -> None:
    rule["level"] = {"exclude": "review", "review": "note", "hold_today": "note", "note": "review"}[
        rule["level"]
    ]


def turn(rule: Document) -> None:
    rule["when"] = {"not": rule["when"]}


def tighten(rule: Document) -> None:
    rule["when"]["all"] = rule["when"].pop("any")


def forget_first(rule: Document) -> None:
    rule["when"]["any"].pop(0)


def forget_last(rule: Document) -> None:
    rule["when"]["any"].pop()


def shift(rule: Document) -> None:
    leaf = next(leaf for leaf in leaves(rule["when"]) if "at_least" in leaf or "below" in leaf)
    key = "at_least" if "at_least" in leaf else "below"
    leaf[key] += 1


def swap(rule: Document) -> None:
    leaf = next(leaf for leaf in leaves(rule["when"]) if "at_least" in leaf or "below" in leaf)
    old, new = ("at_least", "below") if "at_least" in leaf else ("below", "at_least")
    leaf[new] = leaf.pop(old)


def other_status(rule: Document) -> None:
    leaf = next(leaf for leaf in leaves(rule["when"]) if "status" in leaf)
    leaf["status"] = ["resolved"] if leaf["status"] == ["active"] else ["active"]


def any_status(rule: Document) -> None:
    del next(leaf for leaf in leaves(rule["when"]) if "status" in leaf)["status"]


def older(rule: Document) -> None:
    for leaf in leaves(rule["when"]):
        if "max_age_days" in leaf:
            leaf["max_age_days"] -= 1
            return
    raise StopIteration


MUTATIONS: list[Callable[[Document], None]] = [
    weaken,
    turn,
    tighten,
    forget_first,
    forget_last,
    shift,
    swap,
    other_status,
    any_status,
    older,
]


def mutants(*, every: int = 1) -> Iterator[tuple[str, Policy]]:
    """Yield the policy with one rule changed: every change that still makes a policy, or each `every`th."""
    example = example_policy()
    changes = [(index, mutate) for index in range(len(example["rules"])) for mutate in MUTATIONS]
    for index, mutate in changes[::every]:
        document = copy.deepcopy(example)
        try:
            mutate(document["rules"][index])
            yield f"{example['rules'][index]['id']}: {mutate.__name__}", parse_policy(document)
        except (KeyError, IndexError, StopIteration, PolicyError):
            continue  # there is nothing to change so, or what comes of it is no policy


def survivors(found: Iterator[tuple[str, Policy]], people: int) -> tuple[int, list[str]]:
    """Return how many mutants the oracle catches, and which it doesn't."""
    document, rng = example_policy(), Random(SEED)  # noqa: S311
    policy = parse_policy(document)
    # Most who are met at random have several findings, behind which one of them hides.
    met = [*with_one_finding(policy), *(anybody(policy, rng) for _ in range(people))]
    right = [Oracle(document, *one).decide() for one in met]
    caught, missed = 0, []
    for name, mutant in found:
        if any(decided(mutant, *one) != said for one, said in zip(met, right, strict=True)):
            caught += 1
        else:
            missed.append(name)
    return caught, missed


@pytest.mark.parametrize("version", EXAMPLES)
def test_both_say_the_same_of_who_has_one_finding(version: int) -> None:
    document = example_policy(version)
    policy = parse_policy(document)
    people = list(with_one_finding(policy))
    assert len(people) > len(READINGS)
    assert [one for one in people if decided(policy, *one) != Oracle(document, *one).decide()] == []


def test_the_oracle_catches_planted_mutations() -> None:
    caught, _ = survivors(mutants(every=19), 150)
    assert caught >= 5


@pytest.mark.full
def test_the_oracle_catches_every_planted_mutation() -> None:
    caught, missed = survivors(mutants(), 3_000)
    record("screening.mutants_caught", caught, seed=SEED)
    print(f"{caught} caught, missed: {missed}")
    assert missed == []
