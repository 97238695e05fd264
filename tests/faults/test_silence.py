"""Monitors fall silent while workers and watchdog die, Redis is gone and PostgreSQL restarts.

Every silence is heard, each step is taken once, and nobody is called about who answered. The twins take one
guard away: without the watchdog nobody hears a silence while Redis is gone.
"""

import random
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import inf
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F

from accounts.models import Patient
from core import clock
from notifications.models import Delivery
from safety.models import Alert
from safety.queries import ladder_of
from sessions.models import CheckInDeadline
from tests.conftest import make_clinician, make_user
from tests.faults.clinic import Clinic, Killer, Relay, insist, own_postgres, run_plan, wait_until
from tests.faults.crowd import Live, live_sessions
from tests.figures import record
from tests.sessions import stages

pytestmark = pytest.mark.django_db(transaction=True)
SEED = 6
BEGINS_IN_S = 5


@dataclass(frozen=True)
class Size:
    """How much happens, at which second from the first deadline on."""

    sessions: int
    silent: int
    over_s: float
    kills: int
    flushed_s: Sequence[float]
    redis_away_s: tuple[float, float]
    restarts_s: Sequence[float]
    answered_early_s: tuple[float, float] = (20, 60)
    waits_s: float = 60
    processes: tuple[str, ...] = ("worker:2", "beat:1", "watchdog:1")
    knobs: dict[str, float] = field(default_factory=dict)


FULL = Size(
    sessions=1_000,
    silent=100,
    over_s=400,
    kills=60,
    flushed_s=(10, 370),
    redis_away_s=(30, 330),
    restarts_s=(80, 200, 360),
)
QUICK = Size(
    sessions=24,
    silent=8,
    over_s=6,
    kills=4,
    flushed_s=(1,),
    redis_away_s=(2, 5),
    restarts_s=(3.5,),
    answered_early_s=(1, 4),
    processes=("worker:1", "beat:1", "watchdog:1"),
    knobs={"lease_s": 2, "watchdog_pause_s": 1, "concurrency": 1},
)
DEAF = Size(
    sessions=6,
    silent=6,
    over_s=2,
    kills=0,
    flushed_s=(),
    redis_away_s=(-2, inf),
    restarts_s=(),
    waits_s=12,
    processes=("worker:1", "beat:1"),
    knobs={"concurrency": 1},
)


@dataclass
class Heard:
    """What came of it."""

    silent: int
    kills: Counter[str]
    hit: Counter[str]
    missed: int
    doubled: int
    false_alarms: int
    repeats: int
    marked_s: list[float]
    called_s: list[float]


def happen(ada: Patient, clinic: Clinic, size: Size) -> Heard:
    """Let it happen, and count what came of it."""
    chance = random.Random(SEED)  # noqa: S311
    clinic.start(*size.processes)
    due_s = [size.over_s * (number + chance.random()) / size.sessions for number in range(size.sessions)]
    lives, begins_at = begin(ada, due_s)
    silent = set(chance.sample(range(size.sessions), size.silent))
    told = Told()
    plan = [(at_s, clinic.flush_redis) for at_s in size.flushed_s]
    plan += [(at_s, clinic.restart_postgres) for at_s in size.restarts_s]
    plan += [(size.redis_away_s[0], clinic.kill_redis)]
    plan += [(size.redis_away_s[1], clinic.start_redis)] if size.redis_away_s[1] < inf else []
    for number, live in enumerate(lives):
        if number not in silent:
            early_s = chance.uniform(*size.answered_early_s)
            due_at = begins_at + timedelta(seconds=due_s[number])
            word = partial(answer, live, due_at, told)
            plan.append((due_s[number] - early_s, partial(insist, word)))
    plan.append((size.over_s, lambda: None))
    killer = Killer(
        clinic,
        seed=SEED,
        times_s=[BEGINS_IN_S + chance.uniform(0, size.over_s) for _ in range(size.kills)],
        kinds=("worker", "watchdog"),
    )
    killer.start()
    try:
        run_plan(plan, begins_at=begins_at)
    finally:
        killer.stop.set()
        killer.join()
    return count(clinic.relay, lives, told, killer, waits_s=size.waits_s)


def begin(ada: Patient, due_s: Sequence[float]) -> tuple[list[Live], datetime]:
    """Write down the sessions, then let their deadlines begin in a moment, however long the writing took."""
    at = clock.now()
    far_at = at + timedelta(hours=1)
    lives = live_sessions(ada, [far_at + timedelta(seconds=each_s) for each_s in due_s], at=at)
    begins_at = clock.now() + timedelta(seconds=BEGINS_IN_S)
    moved = CheckInDeadline.objects.filter(due_at__gte=far_at, waived_at=None)
    moved.update(due_at=F("due_at") - (far_at - begins_at))
    return lives, begins_at


@dataclass
class Told:
    """Whose word was taken before their deadline, and whose was on its way when it passed: either may be."""

    in_time: set[UUID] = field(default_factory=set)
    on_its_way: set[UUID] = field(default_factory=set)


def answer(live: Live, due_at: datetime, told: Told) -> None:
    """The monitor says that all is well."""
    if clock.now() <= due_at:
        told.on_its_way.add(live.deadline.pk)
    stages.tap(live.session, live.monitor, at=clock.now())
    if clock.now() < due_at:
        told.in_time.add(live.deadline.pk)


def count(relay: Relay, lives: list[Live], told: Told, killer: Killer, *, waits_s: float) -> Heard:
    """Wait until every silence has led to a call or its time is up; count.

    Who came to answer only after the deadline was silent too.
    """
    quiet = [live for live in lives if live.deadline.pk not in told.in_time | told.on_its_way]
    ids = [live.deadline.pk for live in quiet]

    def all_called() -> bool:
        return len(first_calls(relay, quiet)) == len(quiet)

    with suppress(AssertionError):  # counted, not hidden
        wait_until(all_called, "every silence has led to a call", within_s=waits_s, every_s=0.5)
    deadlines = {row.pk: row for row in CheckInDeadline.objects.all()}
    calls = first_calls(relay, quiet)
    marked = [deadlines[pk].missed_at for pk in ids]
    return Heard(
        silent=len(quiet),
        kills=killer.killed,
        hit=killer.hit,
        missed=len(quiet) - len(calls),
        doubled=doubled(relay),
        false_alarms=sum(deadlines[pk].met_at is None for pk in told.in_time),
        repeats=len(relay.dropped),
        marked_s=[
            (moment - deadlines[pk].due_at).total_seconds()
            for pk, moment in zip(ids, marked, strict=True)
            if moment is not None
        ],
        called_s=[(calls[pk] - deadlines[pk].due_at).total_seconds() for pk in calls],
    )


def first_calls(relay: Relay, quiet: list[Live]) -> dict[Any, datetime]:
    """Return when the relay took the first message about each silence, by the deadline's id."""
    alert_of = {
        row.pk: row.alert_id
        for row in CheckInDeadline.objects.filter(pk__in=[it.deadline.pk for it in quiet])
    }
    taken: dict[str, datetime] = {}
    keys = {str(pk): key for pk, key in Delivery.objects.values_list("pk", "dedupe_key")}
    for arrival in relay.passed_on:
        about = ":".join(keys.get(arrival.key, "").split(":")[:2])
        taken[about] = min(taken.get(about, arrival.taken_at), arrival.taken_at)
    found = {}
    for pk, alert_id in alert_of.items():
        moments = [taken[about] for about in (f"check-in:{pk}", f"alert:{alert_id}") if about in taken]
        if moments:
            found[pk] = min(moments)
    return found


def doubled(relay: Relay) -> int:
    """Count what was done twice: a second alert of a session, a step before its time, a message passed on."""
    alerts = Counter(Alert.objects.values_list("source", flat=True))
    twice = sum(number - 1 for number in alerts.values())
    keys = {str(pk): key for pk, key in Delivery.objects.values_list("pk", "dedupe_key")}
    messages = Counter(keys[arrival.key] for arrival in relay.passed_on)
    twice += sum(number - 1 for number in messages.values())
    now = clock.now()
    for alert in Alert.objects.all():
        due = sum(alert.opened_at + ladder_of(alert).since_opening(page) <= now for page in range(20))
        twice += max(0, alert.pages_sent - due)
    return twice


def show(heard: Heard) -> None:
    """Print what came of it."""
    sys.stdout.write(
        f"{heard.kills.total()} kills {dict(heard.kills)}, {heard.hit.total()} hit work in hand; "
        f"{heard.silent} silent, {heard.missed} missed, {heard.doubled} doubled, "
        f"{heard.false_alarms} called though they answered, "
        f"{heard.repeats} repeats dropped by the relay; "
        f"marked p99 {p99(heard.marked_s):.1f} s, worst {max(heard.marked_s, default=0):.1f} s; "
        f"first call p99 {p99(heard.called_s):.1f} s, worst {max(heard.called_s, default=0):.1f} s\n"
    )


def p99(values: list[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else sum(values)


@pytest.fixture
def second_clinician(ada: Patient, at: datetime) -> None:
    """Somebody besides Ben, so that the ladder has a second step."""
    make_clinician(make_user("eve@clinic.example", is_staff=True), "Eve Example", at=at)


def test_quick_silences_are_heard_while_processes_die(
    ada: Patient, second_clinician: None, tmp_path: Path
) -> None:
    with Relay(seed=SEED) as relay, Clinic(tmp_path, relay, knobs=QUICK.knobs) as clinic:
        heard = happen(ada, clinic, QUICK)
    show(heard)
    assert (heard.missed, heard.doubled, heard.false_alarms) == (0, 0, 0)
    assert heard.kills.total() == QUICK.kills


@pytest.mark.full
def test_without_the_watchdog_nobody_hears_a_silence_while_redis_is_gone(
    ada: Patient, tmp_path: Path
) -> None:
    """The twin: the same path with only the second detector taken away."""
    with Relay(seed=SEED) as relay, Clinic(tmp_path, relay, knobs=DEAF.knobs) as clinic:
        heard = happen(ada, clinic, DEAF)
    show(heard)
    assert heard.missed == DEAF.silent


@pytest.mark.full
def test_silences_are_heard_while_processes_die(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    with own_postgres(tmp_path / "postgres") as postgres, Relay(seed=SEED) as relay:
        request.getfixturevalue("second_clinician")
        with Clinic(tmp_path, relay, postgres=postgres, knobs=FULL.knobs) as clinic:
            heard = happen(Patient.objects.get(legal_name="Ada Example"), clinic, FULL)
        show(heard)
    record("silence.sessions", FULL.sessions, seed=SEED)
    record("silence.kills", heard.kills.total(), seed=SEED)
    record("silence.missed", heard.missed, seed=SEED)
    record("silence.doubled", heard.doubled, seed=SEED)
    record("silence.p99_s", round(p99(heard.called_s), 1), seed=SEED)
    assert heard.false_alarms == 0
