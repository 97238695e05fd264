"""`bin/bench reminders`: what a tick reads and costs as the rows kept grow, and how fast messages leave."""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from statistics import median

import django
import psutil
from django.db import connection, connections
from django.utils import timezone
from tqdm import tqdm

from accounts.models import Patient
from core.acting import acting_as
from notifications import services
from notifications.enums import DeliveryStatus, MessageKind
from notifications.models import Delivery
from tests.bench.api import BENCH, clean
from tests.bench.measure import tell
from tests.bench.reading import bare, cpu_s, read_by

SIZES = (10_000, 1_000_000)
DUE = 1_000
ROUNDS = 3
SENDERS = 2
TABLE = "notifications_delivery"
LATER = f"""
    INSERT INTO {TABLE} (id, dedupe_key, kind, channel, user_id, payload, due_at, expires_at, status, fence,
        outcome)
    SELECT gen_random_uuid(), 'later:' || n, 'news', 'email', %(user)s, '', %(at)s + n * interval '1 second',
        %(at)s + n * interval '1 second' + interval '1 day', 'due', 0, ''
    FROM generate_series(%(first)s, %(last)s) AS n
"""  # noqa: S608
_tell = partial(tell, "reminders")


def run() -> int:
    """Print one JSON line for each size, and one for how fast messages leave; progress goes to stderr."""
    with acting_as(BENCH):
        _run()
    return 0


def _run() -> None:
    clean()
    at, everybody = _noon(), _people()
    memory = psutil.Process()
    small, there = 0.0, 0
    for size in SIZES:
        _fill(everybody[0], first=there + 1, last=size, at=at + timedelta(days=365))
        there = size
        before = memory.memory_info().rss
        empty = read_by(lambda: services.deliver_due(at=at, limit=1))
        costs, seconds = [], []
        for number in tqdm(range(ROUNDS), desc=f"ticks at {size} rows", file=sys.stderr):
            day = at + timedelta(days=number + 1)
            _make_due(everybody, f"{size}:{number}", at=day)
            began, cpu_before = time.monotonic(), cpu_s()
            if services.deliver_due(at=day, limit=10 * DUE) != DUE:
                raise SystemExit("not all of them left")
            costs.append(cpu_s() - cpu_before)
            seconds.append(time.monotonic() - began)
        small = small or median(costs)
        _tell(
            f"a tick at {size} rows to come",
            round(median(costs), 2),
            "CPU s of a tick with 1,000 due, sender and PostgreSQL",
            ratio_to_smallest=round(median(costs) / small, 2),
            empty_tick_buffers=empty.buffers,
            empty_tick_statements=empty.statements,
            sent_per_s=round(DUE / median(seconds)),
            memory_grew_mb=round((memory.memory_info().rss - before) / 1e6, 1),
        )
    _claims(everybody, at=at + timedelta(days=30))
    _senders(everybody, at=at + timedelta(days=60))


def _noon() -> datetime:
    """Return an hour at which nobody's quiet hours keep anything back."""
    return timezone.now().replace(hour=17, minute=0, second=0, microsecond=0)


def _people() -> Sequence[Patient]:
    from tests import conftest, steps
    from tests.faults.crowd import people

    at = timezone.now()
    conftest.make_clinician(conftest.make_user("ben@clinic.example", is_staff=True), "Ben Example", at=at)
    like = conftest.make_patient("ada@example.org", "Ada Example")
    steps.active(like, at=at)
    # What the first steps had to say stays out of the counting.
    Delivery.objects.filter(status=DeliveryStatus.DUE).update(status=DeliveryStatus.CANCELLED, finished_at=at)
    return people(like, DUE)


def _fill(like: Patient, *, first: int, last: int, at: datetime) -> None:
    print(f"making rows {first} to {last} ...", file=sys.stderr)
    with bare(TABLE), connection.cursor() as cursor:
        cursor.execute(LATER, {"user": like.user_id, "at": at, "first": first, "last": last})


def _make_due(everybody: Sequence[Patient], name: str, *, at: datetime) -> None:
    for person in everybody:
        services.schedule(
            MessageKind.ASSESSMENT_DUE,
            dedupe_key=f"due:{name}:{person.pk}",
            user=person.user,
            due_at=at,
            expires_at=at + timedelta(days=1),
        )


def _claims(everybody: Sequence[Patient], *, at: datetime) -> None:
    """Measure the claim alone, each its own commit, as the worker makes it."""
    _make_due(everybody, "claims", at=at)
    began = time.monotonic()
    while services._claim(at=at) is not None:
        pass
    took_s = time.monotonic() - began
    Delivery.objects.filter(status=DeliveryStatus.LEASED).update(
        status=DeliveryStatus.CANCELLED, leased_until=None, finished_at=at
    )
    _tell("claim", round(DUE / took_s), "claims per s of one worker", wanted=5_000)


def _senders(everybody: Sequence[Patient], *, at: datetime) -> None:
    """Measure so many processes that send at once, into a provider that takes everything at once."""
    _make_due(everybody, "senders", at=at)
    connections.close_all()
    with ProcessPoolExecutor(SENDERS, mp_context=get_context("spawn"), initializer=django.setup) as pool:
        list(pool.map(_ready, range(SENDERS)))
        began = time.monotonic()
        sent = sum(pool.map(_send, [at] * SENDERS))
        took_s = time.monotonic() - began
    if sent != DUE:
        raise SystemExit(f"{sent} of {DUE} left")
    _tell("send", round(DUE / took_s), f"messages per s of {SENDERS} processes", wanted=2_000)


def _ready(_: int) -> int:
    time.sleep(1)
    return Delivery.objects.filter(status=DeliveryStatus.LEASED).count()


def _send(at: datetime) -> int:
    with acting_as(BENCH):
        return services.deliver_due(at=at, limit=10 * DUE)
