"""What a request asks of the database."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

TELLING = "SELECT set_config('rekindle."
ABOUT_TRANSACTIONS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
"""A transaction's own words. In tests, where one transaction holds the whole request, who acts is told by a
statement; when serving it travels with BEGIN (`core.postgresql`)."""


def of(captured: CaptureQueriesContext) -> list[str]:
    """Return the statements that read or wrote something."""
    return [sql for sql in everything(captured) if not sql.startswith(ABOUT_TRANSACTIONS)]


def everything(captured: CaptureQueriesContext) -> list[str]:
    """Return every statement, where transactions begin and end too."""
    queries = (_bare(query["sql"]) for query in captured.captured_queries)
    return [sql for sql in queries if sql]


def _bare(sql: str) -> str:
    """Return a statement without what says in front of it who acts."""
    return sql.partition(";")[2] if sql.startswith(TELLING) else sql


def asked(call: Callable[[], Any]) -> list[str]:
    """Return what a request asks of the database; it must succeed."""
    with CaptureQueriesContext(connection) as captured:
        answer = call()
    assert answer.status_code in (200, 201), answer.content
    return of(captured)
