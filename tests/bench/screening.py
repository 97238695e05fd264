"""`bin/bench screening`: how many people the pure rules decide a second on one core."""

import json
import sys
import time
from collections.abc import Callable
from random import Random
from statistics import median
from typing import Any

from tqdm import tqdm

from safety.screening.explanation import explain
from safety.screening.health import HealthFacts
from safety.screening.policy import Policy, example_policy, parse_policy
from safety.screening.rules import decide, screen
from tests.safety.screening_people import anybody

PEOPLE = 2_000
ROUNDS = 5
SEED = 20261122
WANTED = {"decide": 20_000, "decide with every reason": None, "decide with the whole tree": 2_000}
Decide = Callable[[Policy, dict[str, Any], HealthFacts], object]
Person = tuple[dict[str, Any], HealthFacts]


def run() -> int:
    """Print one JSON object for each case: people a second of CPU, beside reading their answers as JSON."""
    policy, rng = parse_policy(example_policy()), Random(SEED)  # noqa: S311
    people = [anybody(policy, rng) for _ in range(PEOPLE)]
    cases: dict[str, Decide] = dict(zip(WANTED, (decide, screen, explain), strict=True))
    found: dict[str, list[float]] = {name: [] for name in (*cases, "floor")}
    texts = [json.dumps(answers) for answers, _ in people]
    for number in tqdm(range(ROUNDS + 1), desc="rounds", file=sys.stderr):
        measured = {name: _per_s(case, policy, people) for name, case in cases.items()}
        measured["floor"] = _floor_per_s(texts)
        for name, value in measured.items() if number else ():
            found[name].append(value)
    floor = median(found.pop("floor"))
    for name, values in found.items():
        line = {
            "bench": "screening",
            "case": name,
            "value": round(median(values)),
            "unit": "people/s of CPU",
            "baseline": round(floor),
            "ratio": round(median(values) / floor, 4),
            "wanted": WANTED[name],
            "rules": len(policy.rules),
            "people": PEOPLE,
            "runs": len(values),
        }
        print(json.dumps(line))
    return 0


def _per_s(case: Decide, policy: Policy, people: list[Person]) -> float:
    began = time.process_time()
    for answers, facts in people:
        case(policy, answers, facts)
    return len(people) / (time.process_time() - began)


def _floor_per_s(texts: list[str]) -> float:
    """Return how many people's answers are merely read a second: what the machine is worth just now."""
    began = time.process_time()
    for text in texts:
        json.loads(text)
    return len(texts) / (time.process_time() - began)
