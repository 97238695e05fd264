"""`bin/bench api`: what a request costs, in alternated rounds with the floor of the same run."""

import json
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tqdm import tqdm

from assessments.models import Assessment
from core.acting import acting_as
from core.actors import Actor, ActorKind
from core.database import as_owner
from programs.models import Enrollment
from sessions.models import TreatmentSession
from tests.bench import floor
from tests.bench.measure import Request, Round, measure, serve, token_of
from tests.policies import let_hold
from tests.statements import of

BENCH = Actor(ActorKind.SERVICE, "bench")
ROUNDS = 5
REQUESTS = 200
WARM_UP = 50
GAD7 = {f"gad7_{number}": number % 4 for number in range(1, 8)}


@dataclass
class Case:
    """One operation of ours beside the floor's: each call makes the next request."""

    name: str
    ours: Callable[[], Request]
    floor: Callable[[], Request]
    results: dict[str, list[Round]] = field(default_factory=lambda: {"ours": [], "floor": []})


def run() -> int:
    """Measure every case and print one JSON line each; progress goes to stderr."""
    with acting_as(BENCH):
        return _run()


def clean() -> None:
    """Empty the bench's database, but for the catalogue."""
    call_command("migrate", verbosity=0)
    with as_owner():
        call_command("flush", verbosity=0, interactive=False)
    call_command("load_catalogue", stdout=sys.stderr)
    let_hold()


def _run() -> int:
    clean()
    floor.make_table()
    token, cases = prepare()
    with serve() as (base_url, server):
        client = httpx.Client(base_url=base_url, timeout=60, verify=ssl.create_default_context())
        client.headers["X-Session-Token"] = token
        rounds = [(case, kind) for _ in range(ROUNDS + 1) for case in cases for kind in ("ours", "floor")]
        for number, (case, kind) in enumerate(tqdm(rounds, desc="rounds")):
            warming = number < 2 * len(cases)
            measured = measure(client, server, getattr(case, kind), WARM_UP if warming else REQUESTS)
            if not warming:
                case.results[kind].append(measured)
    for case in cases:
        print(json.dumps(_line(case, token)))
    return 0


def prepare() -> tuple[str, list[Case]]:
    """Make somebody in treatment, with a form for every request to come."""
    from tests import conftest, steps

    at = timezone.now()
    conftest.make_clinician(conftest.make_user("ben@clinic.example", is_staff=True), "Ben Example", at=at)
    enrollment = steps.active(conftest.make_patient("ada@example.org", "Ada Example"), at=at)
    session = TreatmentSession.objects.create(
        enrollment=enrollment, number=1, scheduled_at=at + timedelta(days=2), timezone="America/New_York"
    )
    forms = iter(_forms(enrollment))
    return token_of(enrollment.patient.user), _cases(enrollment, session, forms)


def _forms(enrollment: Enrollment) -> list[str]:
    """Make open, answered forms, each for a time point of its own: only one can be submitted a request."""
    model = Assessment.objects.get(enrollment=enrollment, instrument="gad7")
    wanted = WARM_UP + ROUNDS * REQUESTS + 10
    same = {name: getattr(model, name) for name in ("opens_at", "due_at", "closes_at", "instrument_version")}
    made = Assessment.objects.bulk_create(
        Assessment(enrollment=enrollment, instrument="gad7", after_session=number, answers=GAD7, **same)
        for number in range(1, wanted + 1)
    )
    return [str(form.pk) for form in made]


def _cases(enrollment: Enrollment, session: TreatmentSession, forms: Iterator[str]) -> list[Case]:
    device, numbers = str(uuid4()), count(1)

    def observation() -> Request:
        body = {
            "client_id": device,
            "client_seq": next(numbers),
            "observed_at": timezone.now().isoformat(),
            "kind": "blood_pressure",
            "systolic_mmhg": 120,
            "diastolic_mmhg": 80,
        }
        return "POST", f"/api/v1/sessions/{session.pk}/observations", body, {}

    def submit() -> Request:
        return "POST", f"/api/v1/assessments/{next(forms)}/submit", {}, {"Idempotency-Key": str(uuid4())}

    def write() -> Request:
        return "POST", "/floor", GAD7, {}

    timeline = f"/api/v1/enrollments/{enrollment.pk}/timeline?limit=20"
    return [
        Case("submit an assessment", submit, write),
        Case("add an observation", observation, write),
        Case(
            "read a session",
            lambda: ("GET", f"/api/v1/sessions/{session.pk}", None, {}),
            lambda: ("GET", "/floor/7", None, {}),
        ),
        Case(
            "list 20 of a timeline",
            lambda: ("GET", timeline, None, {}),
            lambda: ("GET", "/floor", None, {}),
        ),
    ]


def _statements(next_request: Callable[[], Request], token: str) -> int:
    """Count the statements of one request; they do not jitter."""
    method, path, body, headers = next_request()
    client = Client(headers={"X-Session-Token": token} | headers, SERVER_NAME="127.0.0.1")
    with CaptureQueriesContext(connection) as captured:
        answer = client.generic(
            method, path, json.dumps(body) if body is not None else "", "application/json"
        )
    if answer.status_code not in (200, 201):
        raise SystemExit(f"{method} {path}: {answer.status_code}")
    return len(of(captured))


def _line(case: Case, token: str) -> dict[str, Any]:
    ours, base = (
        {name: median(getattr(one, name) for one in case.results[kind]) for name in Round.__annotations__}
        for kind in ("ours", "floor")
    )
    shown = {f"{name}": round(value, 2) for name, value in ours.items()}
    shown |= {f"floor_{name}": round(value, 2) for name, value in base.items()}
    return {
        "bench": "api",
        "case": case.name,
        "value": round(ours["cpu_ms"], 2),
        "unit": "CPU ms per request, application and PostgreSQL",
        "baseline": round(base["cpu_ms"], 2),
        "ratio": round(ours["cpu_ms"] / base["cpu_ms"], 2),
        "runs": ROUNDS,
        "requests_per_run": REQUESTS,
        "statements": _statements(case.ours, token),
        "floor_statements": _statements(case.floor, token),
        **shown,
    }
