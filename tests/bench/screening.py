"""`bin/bench screening`: people decided a second by the pure rules, and what a request and a dry run cost."""

import json
import ssl
import sys
import time
from collections.abc import Callable
from functools import partial
from random import Random
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
import psutil
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from core.acting import acting_as
from programs.models import Enrollment
from safety.dry_run import changes, summary
from safety.models import Screening
from safety.screening.explanation import explain
from safety.screening.health import HealthFacts
from safety.screening.policy import Policy, example_policy, parse_policy
from safety.screening.rules import decide, screen
from tests.bench import floor
from tests.bench.api import BENCH, REQUESTS, clean
from tests.bench.measure import Request, Round, measure, serve, tell, token_of
from tests.bench.reading import bare
from tests.safety.screening_people import anybody
from tests.steps import HEALTHY

PEOPLE = 2_000
SCREENED = 100_000
ROUNDS = 5
SEED = 20261122
WANTED = {"decide": 20_000, "decide with every reason": None, "decide with the whole tree": 2_000}
Decide = Callable[[Policy, dict[str, Any], HealthFacts], object]
Person = tuple[dict[str, Any], HealthFacts]
_tell = partial(tell, "screening")


def run() -> int:
    """Print one JSON line for each case; progress goes to stderr."""
    _decisions()
    with acting_as(BENCH):
        clean()
        floor.make_table()
        enrollment = _enrollment()
        _requests(enrollment)
        _dry_run(enrollment)
    return 0


def _decisions() -> None:
    """Measure people a second of CPU, beside reading their answers as JSON."""
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
    base = median(found.pop("floor"))
    for name, values in found.items():
        line = {
            "bench": "screening",
            "case": name,
            "value": round(median(values)),
            "unit": "people/s of CPU",
            "baseline": round(base),
            "ratio": round(median(values) / base, 4),
            "wanted": WANTED[name],
            "rules": len(policy.rules),
            "people": PEOPLE,
            "runs": len(values),
        }
        print(json.dumps(line))


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


def _enrollment() -> Enrollment:
    from tests import conftest, steps

    at = timezone.now()
    conftest.make_clinician(conftest.make_user("ben@clinic.example", is_staff=True), "Ben Example", at=at)
    return steps.enrolled(conftest.make_patient("ada@example.org", "Ada Example"), at=at)


def _requests(enrollment: Enrollment) -> None:
    """Measure the CPU of one screening, asked, decided and stored, beside the floor's."""
    path = f"/api/v1/enrollments/{enrollment.pk}/screenings"

    def screened() -> Request:
        return "POST", path, {"answers": HEALTHY}, {"Idempotency-Key": str(uuid4())}

    requests = {"ours": screened, "floor": lambda: ("POST", "/floor", {"n": 1}, {})}
    results: dict[str, list[Round]] = {name: [] for name in requests}
    with serve() as (base_url, server):
        client = httpx.Client(base_url=base_url, timeout=60, verify=ssl.create_default_context())
        client.headers["X-Session-Token"] = token_of(enrollment.patient.user)
        for number in tqdm(range(ROUNDS + 1), desc="requests", file=sys.stderr):
            for name, request in requests.items():
                measured = measure(client, server, request, REQUESTS)
                results[name] += [measured] if number else []
    ours, base = (median(one.cpu_ms for one in results[name]) for name in requests)
    unit, ratio = "CPU ms per request, application and PostgreSQL", round(ours / base, 2)
    _tell("one screening by HTTP", round(ours, 2), unit, baseline=round(base, 2), ratio=ratio, wanted=3)


def _dry_run(enrollment: Enrollment) -> None:
    """Measure a draft held against everybody who was ever screened."""
    from tests.safety.test_dry_run import draft, stored

    rows = stored(enrollment, timezone.now(), PEOPLE)
    table, columns = (
        Screening._meta.db_table,
        [str(field.column) for field in Screening._meta.concrete_fields],
    )
    taken = ["gen_random_uuid()" if column == "id" else column for column in columns]
    with bare(table), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(taken)} "  # noqa: S608
            f"FROM {table}, generate_series(2, %s) WHERE id = ANY(%s)",
            [SCREENED // PEOPLE, [row.pk for row in rows]],
        )
    policy, memory = parse_policy(draft(glaucoma="exclude")), psutil.Process()
    before, began = memory.memory_info().rss, time.monotonic()
    found = summary(tqdm(changes(policy), total=SCREENED, desc="dry run", file=sys.stderr))
    took_s = time.monotonic() - began
    _tell(
        f"dry run of {found.total} screenings",
        round(took_s, 1),
        "s",
        wanted=60,
        memory_grew_mb=round((memory.memory_info().rss - before) / 1e6, 1),
        changes=sum(found.moves.values()),
    )
