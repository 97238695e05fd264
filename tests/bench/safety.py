"""`bin/bench safety`: how soon a serious event's first page leaves, alone and behind a heap of other work."""

import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from statistics import median, quantiles
from uuid import uuid4

import httpx
from django.utils import timezone
from tqdm import tqdm

from accounts.models import Patient
from core.acting import acting_as
from core.actors import Actor
from notifications import services as notifications
from notifications.enums import DeliveryStatus, MessageKind
from notifications.models import Delivery
from safety import services
from safety.enums import Grade
from safety.services import EventReport
from tests.bench import floor
from tests.bench.api import BENCH, REQUESTS, ROUNDS, clean
from tests.bench.measure import Request, Round, measure, serve, tell, token_of
from tests.faults.crowd import people

SERIOUS = 100
HEAP = 10_000
PATIENCE_S = 300
_tell = partial(tell, "safety")


def run() -> int:
    """Print one JSON line for each case; progress goes to stderr."""
    with acting_as(BENCH):
        _run()
    return 0


def _run() -> None:
    clean()
    floor.make_table()
    patients = _people()
    _reports(patients[0])
    _settle()
    with _workers():
        _pages("idle", patients[:SERIOUS], wanted_s=5)
        _heap(patients)
        _pages(
            f"behind {HEAP} reminders and {HEAP} junk events", patients[SERIOUS : 2 * SERIOUS], wanted_s=60
        )


def _people() -> list[Patient]:
    from tests import conftest, steps

    at = timezone.now()
    conftest.make_clinician(conftest.make_user("ben@clinic.example", is_staff=True), "Ben Example", at=at)
    like = conftest.make_patient("ada@example.org", "Ada Example")
    steps.active(like, at=at)
    return people(like, HEAP)


def _reports(patient: Patient) -> None:
    """Measure the CPU of reporting an event beside the floor's."""
    results: dict[str, list[Round]] = {"ours": [], "floor": []}
    requests = {"ours": _report, "floor": lambda: ("POST", "/floor", {"n": 1}, {})}
    with serve() as (base_url, server):
        client = httpx.Client(base_url=base_url, timeout=60, verify=ssl.create_default_context())
        client.headers["X-Session-Token"] = token_of(patient.user)
        for number in tqdm(range(2 * (ROUNDS + 1)), desc="reports", file=sys.stderr):
            kind = ("ours", "floor")[number % 2]
            measured = measure(client, server, requests[kind], REQUESTS)
            if number > 1:
                results[kind].append(measured)
    ours, base = (median(one.cpu_ms for one in results[kind]) for kind in ("ours", "floor"))
    unit = "CPU ms per request, application and PostgreSQL"
    _tell(
        "report an event",
        round(ours, 2),
        unit,
        baseline=round(base, 2),
        ratio=round(ours / base, 2),
        wanted=3,
    )


def _report() -> Request:
    body = {"description": "A headache since noon.", "is_serious": "no", "grade": 1}
    return "POST", "/api/v1/adverse-events", body, {"Idempotency-Key": str(uuid4())}


def _settle() -> None:
    """Let nothing that was written so far wait for the workers."""
    Delivery.objects.filter(status=DeliveryStatus.DUE).update(
        status=DeliveryStatus.CANCELLED, finished_at=timezone.now()
    )


@contextmanager
def _workers() -> Iterator[None]:
    """Run the clinic's own worker, beat and watchdog."""
    commands = [
        ["celery", "-A", "config", "worker", "-Q", "default", "--loglevel", "WARNING", "--concurrency", "2"],
        ["celery", "-A", "config", "beat", "--loglevel", "WARNING", "--pidfile="],
    ]
    started = [subprocess.Popen([sys.executable, "-m", *command]) for command in commands]
    started.append(subprocess.Popen([sys.executable, "manage.py", "watchdog"]))
    try:
        time.sleep(15)
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(timeout=60)


def _heap(patients: list[Patient]) -> None:
    at = timezone.now()
    for person in tqdm(patients, desc="heap", file=sys.stderr):
        notifications.schedule(
            MessageKind.ASSESSMENT_DUE,
            dedupe_key=f"heap:{person.pk}",
            user=person.user,
            due_at=at,
            expires_at=at + timedelta(days=1),
        )
        report = EventReport(description="junk", is_serious=False, grade=Grade.MILD)
        services.report_event(person.pk, report=report, actor=Actor.person(person.user_id), at=at)


def _pages(case: str, patients: list[Patient], *, wanted_s: float) -> None:
    """Report one serious event after another; see when each one's first page was handed over."""
    reported: dict[str, float] = {}
    for person in tqdm(patients, desc=case, file=sys.stderr):
        report = EventReport(description="An ambulance came.", is_serious=True)
        event = services.report_event(
            person.pk, report=report, actor=Actor.person(person.user_id), at=timezone.now()
        )
        reported[f"alert:{event.alert_id}:0:"] = time.time()
        time.sleep(0.2)
    delays = [_first_page(key, committed) for key, committed in reported.items()]
    cuts = quantiles(delays, n=100)
    _tell(
        f"first page of a serious event, {case}",
        round(cuts[98], 2),
        "s from commit to handed over, p99",
        p50=round(median(delays), 2),
        wanted=wanted_s,
        events=len(delays),
    )


def _first_page(key: str, committed: float) -> float:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        pages = Delivery.objects.filter(dedupe_key__startswith=key, status=DeliveryStatus.SENT)
        if (first := pages.order_by("finished_at").first()) is not None and first.finished_at:
            return first.finished_at.timestamp() - committed
        time.sleep(1)
    raise SystemExit(f"no page of {key} left within {PATIENCE_S} s")
