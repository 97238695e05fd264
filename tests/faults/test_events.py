"""Serious events are reported over HTTP while web, worker, beat and watchdog die.

Redis is emptied, for a while nobody is on call, and for a while no mail gets through: every event that was
taken has its hold, its alert and a page, and no step of the ladder is paged twice. The twin has a mail
provider that knows no keys, and pages arrive twice.
"""

import random
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any

import httpx
import pytest

from accounts.enums import Role
from accounts.models import Patient, RoleGrant
from accounts.sign_ins import SessionStore
from core import clock
from notifications.models import Delivery
from safety.models import AdverseEvent
from safety.queries import ladder_of
from tests.conftest import make_clinician, make_user, sign_in
from tests.faults.clinic import Clinic, Killer, Relay, insist, own_postgres, run_plan, wait_until
from tests.faults.crowd import people
from tests.figures import record

pytestmark = pytest.mark.django_db(transaction=True)
SEED = 5
CLIENTS = 6
BEGINS_IN_S = 2


@dataclass(frozen=True)
class Size:
    """How much happens, at which second."""

    people: int
    events: int
    over_s: float
    kills: int
    beat_kills: int
    flushed_s: tuple[float, ...]
    nobody_on_call_s: tuple[float, float] | None
    no_mail_s: tuple[float, float] | None
    processes: tuple[str, ...]
    waits_s: float
    knobs: dict[str, float] = field(default_factory=dict)


FULL = Size(
    people=50,
    events=1_000,
    over_s=150,
    kills=112,
    beat_kills=8,
    flushed_s=(20, 75, 130),
    nobody_on_call_s=(40, 60),
    no_mail_s=(80, 110),
    processes=("web:1", "worker:2", "beat:1", "watchdog:1"),
    waits_s=180,
)
QUICK = Size(
    people=4,
    events=24,
    over_s=4,
    kills=5,
    beat_kills=1,
    flushed_s=(2,),
    nobody_on_call_s=None,
    no_mail_s=None,
    processes=("web:1", "worker:1", "beat:1", "watchdog:1"),
    waits_s=40,
    knobs={"lease_s": 2, "watchdog_pause_s": 1, "concurrency": 1},
)


@dataclass
class Escalated:
    """What came of it."""

    killed: Counter[str]
    hit: Counter[str]
    reported: int
    stored_twice: int
    unescalated: int
    double_pages: int
    repeats_dropped: int
    asked_again: int


class Reporter:
    """Apps that report, and go on until they are told that it was taken."""

    def __init__(self, base_url: str, tokens: list[str]) -> None:
        self.base_url = base_url
        self.tokens = tokens
        self.taken: set[int] = set()
        self.asked_again = 0
        self.stop = Event()

    def report(self, number: int, *, after_s: float) -> None:
        """Report event `number` after a while; ask again, as an app does, until there is an answer."""
        if self.stop.wait(after_s):
            return
        headers = {
            "X-Session-Token": self.tokens[number % len(self.tokens)],
            "Idempotency-Key": f"event-{number}",
        }
        body = {"description": words(number), "is_serious": "yes"}
        while not self.stop.is_set():
            try:
                url = f"{self.base_url}/api/v1/adverse-events"
                answer = httpx.post(url, json=body, headers=headers, timeout=10)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == httpx.codes.CREATED:
                self.taken.add(number)
                return
            assert answer is None or answer.status_code >= 500, answer.text
            self.asked_again += 1
            sleep(0.3)


def words(number: int) -> str:
    """Say what happened."""
    return f"It happened, number {number}."


def token_of(patient: Patient) -> str:
    """Sign a patient's app in."""
    session = SessionStore()
    sign_in(session, patient.user)
    session.create()
    return str(session.session_key)


def happen(ada: Patient, clinic: Clinic, size: Size) -> Escalated:
    """Let it happen, and count what came of it."""
    chance = random.Random(SEED)  # noqa: S311
    clinic.start(*size.processes)
    base_url = f"http://127.0.0.1:{clinic.port}"
    reporter = Reporter(base_url, [token_of(patient) for patient in people(ada, size.people)])
    wait_until(partial(serves, base_url), "the API answers")
    plan: list[tuple[float, Callable[[], object]]] = [(at_s, clinic.flush_redis) for at_s in size.flushed_s]
    plan += spells(clinic, size)
    killers = [
        Killer(
            clinic,
            seed=SEED,
            times_s=[BEGINS_IN_S + chance.uniform(0, size.over_s) for _ in range(size.kills)],
            kinds=("web", "worker", "watchdog"),
            aimed=1,
        ),
        Killer(
            clinic,
            seed=SEED,
            times_s=[BEGINS_IN_S + chance.uniform(0, size.over_s) for _ in range(size.beat_kills)],
            kinds=("beat",),
            aimed=0,
        ),
    ]
    for killer in killers:
        killer.start()
    try:
        report_all(reporter, size, plan)
        wait_until(
            partial(all_paged, clinic.relay, size),
            "every event is paged for",
            within_s=size.waits_s,
            every_s=size.over_s / 50,
        )
    except AssertionError as late:  # counted, not hidden
        sys.stdout.write(f"{late}\n")
    finally:
        for killer in killers:
            killer.stop.set()
            killer.join()
    return count(clinic.relay, reporter, killers)


def spells(clinic: Clinic, size: Size) -> list[tuple[float, Callable[[], object]]]:
    """Return when nobody is on call, and when no mail gets through."""
    plan: list[tuple[float, Callable[[], object]]] = []
    if size.nobody_on_call_s is not None:
        from_s, until_s = size.nobody_on_call_s
        plan += [(from_s, partial(insist, partial(practise, until=clock.now())))]
        plan += [(until_s, partial(insist, partial(practise, until=None)))]
    if size.no_mail_s is not None:
        from_s, until_s = size.no_mail_s
        plan += [(from_s, partial(setattr, clinic.relay, "refuses", True))]
        plan += [(until_s, partial(setattr, clinic.relay, "refuses", False))]
    return plan


def practise(*, until: datetime | None) -> None:
    """Let every clinician practise until then; `None` is for good."""
    RoleGrant.objects.filter(role=Role.CLINICIAN).update(ends_at=until)


def report_all(reporter: Reporter, size: Size, plan: list[tuple[float, Callable[[], object]]]) -> None:
    """Report every event at its time, several at once, and let happen what is planned."""
    begins_at = clock.now() + timedelta(seconds=BEGINS_IN_S)
    pace_s = CLIENTS * size.over_s / size.events
    with ThreadPoolExecutor(CLIENTS) as pool:
        try:
            reports = [pool.submit(reporter.report, number, after_s=pace_s) for number in range(size.events)]
            run_plan(plan, begins_at=begins_at)
            for report in reports:
                report.result()
        except BaseException:
            reporter.stop.set()
            raise


def serves(base_url: str) -> bool:
    """Tell whether the API answers."""
    try:
        return httpx.get(f"{base_url}/api/v1/programs", timeout=5).is_success
    except httpx.TransportError:
        return False


def paged(relay: Relay) -> Counter[str]:
    """Return how often the relay passed on each message, by its key: `alert:<id>:<step>:<whom>`."""
    keys = {str(pk): key for pk, key in Delivery.objects.values_list("pk", "dedupe_key")}
    return Counter(keys[arrival.key] for arrival in relay.passed_on)


def unescalated(relay: Relay) -> list[AdverseEvent]:
    """Return the events without hold, alert or page."""
    alerts = {key.split(":")[1] for key in paged(relay) if key.startswith("alert:")}
    found = AdverseEvent.objects.select_related("hold", "alert")
    return [event for event in found if event.hold is None or str(event.alert_id) not in alerts]


def all_paged(relay: Relay, size: Size) -> bool:
    """Tell whether nothing is left to be paged for."""
    return AdverseEvent.objects.count() >= size.events and not unescalated(relay)


def count(relay: Relay, reporter: Reporter, killers: list[Killer]) -> Escalated:
    """Count by what the apps were told, what the relay passed on, and the rows."""
    stored = Counter(AdverseEvent.objects.values_list("description", flat=True))
    acknowledged_but_gone = {words(number) for number in reporter.taken} - set(stored)
    twice = sum(number - 1 for number in paged(relay).values())
    now = clock.now()
    for event in AdverseEvent.objects.select_related("alert"):
        due = sum(
            event.alert.opened_at + ladder_of(event.alert).since_opening(page) <= now for page in range(20)
        )
        twice += max(0, event.alert.pages_sent - due)
    return Escalated(
        killed=sum((killer.killed for killer in killers), Counter()),
        hit=sum((killer.hit for killer in killers), Counter()),
        reported=len(reporter.taken),
        stored_twice=stored.total() - len(stored),
        unescalated=len(unescalated(relay)) + len(acknowledged_but_gone),
        double_pages=twice,
        repeats_dropped=len(relay.dropped),
        asked_again=reporter.asked_again,
    )


@pytest.fixture
def second_clinician(ada: Patient, at: Any) -> None:
    """Somebody besides Ben, so that the ladder has a second step."""
    make_clinician(make_user("eve@clinic.example", is_staff=True), "Eve Example", at=at)


def test_quick_serious_events_are_escalated_while_processes_die(
    ada: Patient, second_clinician: None, tmp_path: Path
) -> None:
    with Relay(seed=SEED) as relay, Clinic(tmp_path, relay, knobs=QUICK.knobs) as clinic:
        came = happen(ada, clinic, QUICK)
    sys.stdout.write(f"{came}\n")
    assert came.reported == QUICK.events
    assert (came.stored_twice, came.unescalated, came.double_pages) == (0, 0, 0)
    assert came.hit.total() >= QUICK.kills / 2


@pytest.mark.full
def test_with_a_provider_that_knows_no_keys_pages_arrive_twice(ada: Patient, tmp_path: Path) -> None:
    """The twin: the same path, the same repeats, and nobody to drop them."""
    relay = Relay(seed=SEED, knows_keys=False, stalls=0.3)
    with relay, Clinic(tmp_path, relay, knobs=QUICK.knobs) as clinic:
        came = happen(ada, clinic, QUICK)
    sys.stdout.write(f"{came}\n")
    assert came.unescalated == 0
    assert came.double_pages > 0


@pytest.mark.full
def test_serious_events_are_escalated_while_processes_die(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with own_postgres(tmp_path / "postgres") as postgres, Relay(seed=SEED) as relay:
        ada = request.getfixturevalue("ada")
        request.getfixturevalue("second_clinician")
        with Clinic(tmp_path, relay, postgres=postgres, knobs=FULL.knobs) as clinic:
            came = happen(ada, clinic, FULL)
    sys.stdout.write(f"{came}\n")
    record("events.serious", came.reported, seed=SEED)
    record("events.kills", came.hit.total(), seed=SEED)
    record("events.unescalated", came.unescalated, seed=SEED)
    record("events.double_pages", came.double_pages, seed=SEED)
    assert came.stored_twice == 0
