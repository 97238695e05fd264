"""What PostgreSQL reads for an act: the plans of its statements, and the pages that they touch."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import psycopg
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core.database import as_owner
from tests.statements import of


@dataclass(frozen=True)
class Read:
    """Pages of tables and indexes that were touched, in memory or not, and rows that a plan's steps gave."""

    statements: int
    buffers: int
    rows: int


def read_by(act: Callable[[], object]) -> Read:
    """Do something, and count what its reading statements read, asked once more with their plans."""
    with CaptureQueriesContext(connection) as captured:
        act()
    statements = [sql for sql in of(captured) if sql.startswith("SELECT")]
    buffers = rows = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql.replace('%', '%%')}", [])
            answer = cursor.fetchone()[0]
            (plan,) = answer if isinstance(answer, list) else json.loads(answer)
            top = plan["Plan"]
            buffers += top["Shared Hit Blocks"] + top["Shared Read Blocks"]
            rows += _rows(top)
    return Read(len(statements), buffers, rows)


def _rows(step: dict[str, object]) -> int:
    below = step.get("Plans", [])
    assert isinstance(below, list)
    own = float(str(step["Actual Rows"])) + float(str(step.get("Rows Removed by Filter", 0)))
    return round(own) + sum(_rows(each) for each in below)


def cpu_s() -> float:
    """Return the CPU seconds that this process and every one of PostgreSQL's have used so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        postmaster = psutil.Process(cursor.fetchone()[0]).parent()
    assert postmaster is not None
    servers = [postmaster, *postmaster.children(recursive=True)]
    return time.process_time() + sum(sum(process.cpu_times()[:2]) for process in servers)


@contextmanager
def bare(*tables: str) -> Iterator[None]:
    """Fill tables with what triggers of ours would only slow down: rows like those that are there."""
    with as_owner(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    with as_owner():
        connection.ensure_connection()
        # Ours says with each statement who acts; a vacuum has to be a statement by itself.
        plain = psycopg.Cursor(connection.connection)
        for table in tables:
            plain.execute(f"VACUUM ANALYZE {table}")
