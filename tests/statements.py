"""What a request asks of the database."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

TELLING = "SELECT set_config('rekindle."
"""How it is told who acts. When serving that travels with BEGIN (`core.postgresql`); in a test's transaction
it is a statement of its own."""


def of(captured: CaptureQueriesContext) -> list[str]:
    """Return the statements that read or wrote something."""
    return [sql for sql in with_transactions(captured) if sql not in ("BEGIN", "COMMIT")]


def with_transactions(captured: CaptureQueriesContext) -> list[str]:
    """Return them with where a transaction of the request's own begins and ends.

    Where the test's transaction holds the whole request it has none, but savepoints, which don't count.
    """
    queries = (_bare(query["sql"]) for query in captured.captured_queries)
    return [sql for sql in queries if sql and not sql.startswith(("SAVEPOINT", "RELEASE"))]


def _bare(sql: str) -> str:
    """Return a statement without what says in front of it who acts."""
    return sql.partition(";")[2] if sql.startswith(TELLING) else sql


def asked(call: Callable[[], Any]) -> list[str]:
    """Return what a request asks of the database; it must succeed."""
    with CaptureQueriesContext(connection) as captured:
        answer = call()
    assert answer.status_code in (200, 201), answer.content
    return of(captured)
