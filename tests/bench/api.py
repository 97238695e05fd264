"""`bin/bench api`: what a request costs, in alternated rounds with the floor of the same run."""

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import import_module
from itertools import count
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

import httpx
import psutil
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from tqdm import tqdm

from accounts.models import User
from assessments.models import Assessment
from core.database import as_owner
from programs.models import Enrollment
from sessions.models import TreatmentSession
from tests.bench import floor
from tests.statements import of

ROUNDS = 5
REQUESTS = 200
WARM_UP = 50
CLIENTS = 4
GAD7 = {f"gad7_{number}": number % 4 for number in range(1, 8)}

Request = tuple[str, str, dict[str, Any] | None, dict[str, str]]


@dataclass
class Case:
    """One operation of ours beside the floor's: each call makes the next request."""

    name: str
    ours: Callable[[], Request]
    floor: Callable[[], Request]
    results: dict[str, list["Round"]] = field(default_factory=lambda: {"ours": [], "floor": []})


@dataclass(frozen=True)
class Round:
    """What one round cost: CPU of application and PostgreSQL, time, WAL."""

    cpu_ms: float
    per_s: float
    p50_ms: float
    p95_ms: float
    wal_bytes: float


def run() -> int:
    """Measure every case and print one JSON line each; progress goes to stderr."""
    call_command("migrate", verbosity=0)
    with as_owner():
        call_command("flush", verbosity=0, interactive=False)
    call_command("load_catalogue", stdout=sys.stderr)
    floor.make_table()
    token, cases = _prepare()
    with _server() as (base_url, server):
        client = httpx.Client(base_url=base_url, timeout=60, verify=ssl.create_default_context())
        client.headers["X-Session-Token"] = token
        rounds = [(case, kind) for _ in range(ROUNDS + 1) for case in cases for kind in ("ours", "floor")]
        for number, (case, kind) in enumerate(tqdm(rounds, desc="rounds")):
            warming = number < 2 * len(cases)
            measured = _round(client, server, getattr(case, kind), WARM_UP if warming else REQUESTS)
            if not warming:
                case.results[kind].append(measured)
    for case in cases:
        print(json.dumps(_line(case, token)))
    return 0


def _prepare() -> tuple[str, list[Case]]:
    """Make somebody in treatment, with a form for every request to come."""
    from tests import conftest, steps

    at = timezone.now()
    conftest.make_clinician(conftest.make_user("ben@clinic.example", is_staff=True), "Ben Example", at=at)
    enrollment = steps.active(conftest.make_patient("ada@example.org", "Ada Example"), at=at)
    session = TreatmentSession.objects.create(
        enrollment=enrollment, number=1, scheduled_at=at + timedelta(days=2), timezone="America/New_York"
    )
    forms = iter(_forms(enrollment))
    return _token(enrollment.patient.user), _cases(enrollment, session, forms)


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


def _token(user: User) -> str:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


@contextmanager
def _server() -> Iterator[tuple[str, psutil.Process]]:
    """Serve on a free port, with the clinic's own server and as many workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "tests.bench.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "2", "--worker-class", "gthread", "--threads", "4", "--log-level", "warning"]
    process = subprocess.Popen(command, env=os.environ | {"DEMO": ""}, stdin=subprocess.DEVNULL)
    base_url = f"http://127.0.0.1:{port}"
    try:
        _await(base_url)
        yield base_url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(base_url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{base_url}/api/v1/programs", timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit("the server did not come up")


def _round(
    client: httpx.Client, server: psutil.Process, next_request: Callable[[], Request], requests: int
) -> Round:
    prepared = [next_request() for _ in range(requests)]
    cpu_before, wal_before, began = _cpu_s(server), _wal(), time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        times_ms = list(pool.map(lambda request: _timed(client, request), prepared))
    took_s = time.monotonic() - began
    cpu_ms, wal_bytes = 1000 * (_cpu_s(server) - cpu_before) / requests, (_wal() - wal_before) / requests
    cuts = quantiles(times_ms, n=20)
    return Round(cpu_ms, requests / took_s, median(times_ms), cuts[18], wal_bytes)


def _timed(client: httpx.Client, request: Request) -> float:
    method, path, body, headers = request
    began = time.monotonic()
    answer = client.request(method, path, json=body, headers=headers)
    if answer.status_code not in (200, 201):
        raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
    return 1000 * (time.monotonic() - began)


def _cpu_s(server: psutil.Process) -> float:
    """Return the CPU seconds used so far by the web workers and by every process of PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        own = psutil.Process(cursor.fetchone()[0])
    postmaster = own.parent()
    assert postmaster is not None
    watched = [server, *server.children(recursive=True), postmaster, *postmaster.children(recursive=True)]
    # What this connection uses is ours, not the application's.
    return sum(sum(process.cpu_times()[:2]) for process in watched if process.pid != own.pid)


def _wal() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
        return int(cursor.fetchone()[0])


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
