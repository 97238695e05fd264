"""`bin/bench sessions`: what the watch reads and costs as the sessions of the past grow."""

import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from statistics import median
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone
from tqdm import tqdm

from core.acting import acting_as
from safety import services as safety
from sessions import services
from sessions.models import CheckInDeadline
from tests.bench.api import BENCH, clean
from tests.bench.measure import tell
from tests.bench.reading import bare, cpu_s, read_by
from tests.faults.crowd import live_sessions

SIZES = (1_000, 100_000, 1_000_000)
LIVE = 1_000
SILENT = 100
ROUNDS = 20
_tell = partial(tell, "sessions")


def run() -> int:
    """Print one JSON line for each size; progress goes to stderr."""
    with acting_as(BENCH):
        _run()
    return 0


def _run() -> None:
    clean()
    at = timezone.now()
    past = _one_of_the_past(at=at - timedelta(days=30))
    live = live_sessions(_patient("bob@example.org", "Bob Example"), [at + timedelta(hours=1)] * LIVE, at=at)
    there, small = 1, 0
    for size in SIZES:
        print(f"making {size} sessions of the past ...", file=sys.stderr)
        with bare(*(row._meta.db_table for row in past)), transaction.atomic():
            _copy(past, first=there + 1, last=size)
        there = size
        read = read_by(lambda: _sweep(at))
        costs, seconds = [], []
        for _ in tqdm(range(ROUNDS), desc=f"sweeps at {size}", file=sys.stderr):
            began, cpu_before = time.monotonic(), cpu_s()
            _sweep(at)
            costs.append(cpu_s() - cpu_before)
            seconds.append(time.monotonic() - began)
        small = small or read.buffers
        _tell(
            f"a sweep beside {size} sessions of the past, {LIVE} live",
            round(1000 * median(costs), 1),
            "CPU ms, watch and PostgreSQL",
            took_ms=round(1000 * median(seconds), 1),
            statements=read.statements,
            buffers=read.buffers,
            buffers_to_smallest=round(read.buffers / small, 2),
            rows=read.rows,
        )
    silent = [one.deadline.pk for one in live[:SILENT]]
    CheckInDeadline.objects.filter(pk__in=silent).update(due_at=at - timedelta(minutes=1))
    began, cpu_before = time.monotonic(), cpu_s()
    found = services.watch(at=at).check_ins_missed
    if found != SILENT:
        raise SystemExit(f"{found} of {SILENT} silences were heard")
    _tell(
        f"a sweep that hears {SILENT} silences",
        round(1000 * (cpu_s() - cpu_before)),
        "CPU ms, watch and PostgreSQL",
        took_ms=round(1000 * (time.monotonic() - began)),
    )


def _sweep(at: datetime) -> None:
    services.watch(at=at)
    safety.page_unacknowledged(at=at)


def _patient(email: str, name: str) -> Any:
    from tests import conftest

    return conftest.make_patient(email, name)


def _one_of_the_past(*, at: datetime) -> Sequence[Model]:
    """Run one session to its end; return its rows of which a session has one, or is content with one."""
    from tests import conftest
    from tests.sessions import stages

    conftest.make_clinician(conftest.make_user("ben@clinic.example", is_staff=True), "Ben Example", at=at)
    session = stages.reached(_patient("ada@example.org", "Ada Example"), "completed", at=at)
    deadline = CheckInDeadline.objects.filter(session=session).earliest("due_at")
    assert session.gate is not None
    return [session.enrollment, session, session.gate, deadline]


def _copy(rows: Sequence[Model], *, first: int, last: int) -> None:
    """Store rows again so often; where one of them names another, its copy names that one's."""
    own = {row.pk for row in rows}
    with connection.cursor() as cursor:
        for row in rows:
            names = [str(field.column) for field in row._meta.concrete_fields]
            taken = []
            for field in row._meta.concrete_fields:
                if isinstance(value := getattr(row, field.attname), UUID) and value in own:
                    taken.append(f"md5({field.column}::text || n)::uuid")
                elif (row._meta.model_name, field.column) == ("enrollment", "status"):
                    taken.append("'completed'")
                else:
                    taken.append(str(field.column))
            cursor.execute(
                f"INSERT INTO {row._meta.db_table} ({', '.join(names)}) SELECT {', '.join(taken)} "  # noqa: S608
                f"FROM {row._meta.db_table}, generate_series(%s, %s) AS n WHERE id = %s",
                [first, last, row.pk],
            )
