"""The lines of the audit trail that no change leaves: who looked at which chart, and who was refused what."""

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from core.acting import who_acts
from core.actors import Actor, ActorKind

logger = logging.getLogger(__name__)
_WHERE_WRITTEN = "WHERE current_setting('transaction_read_only') = 'off'"
"""A database that takes no writes is asked for none: not one statement more, and no transaction broken."""


def looked_at(*charts: UUID, what: str) -> None:
    """Write down that whoever acts is shown these charts: one line for each, and why they may.

    To be called last: other writers of those charts wait until the transaction ends. One statement.
    """
    if charts:
        with connection.cursor() as cursor:
            cursor.execute("SELECT guard.looked(%s::uuid[], %s, '')", [list(charts), what])


def looked_in_emergency(chart: UUID, *, what: str, named: UUID) -> None:
    """Write down a look as `looked_at` does; where the database takes no writes, as a line of the log.

    For the one thing that must be shown all the same, the emergency packet: a look that is noted elsewhere is
    less harm than help that knows nothing. The line says who looked, at which page, and `named`, the id that
    was asked for; nothing of anybody's health.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT guard.looked(%s::uuid[], %s, '') {_WHERE_WRITTEN}", [[chart], what])
        if not cursor.rowcount:
            logger.error(
                "Not in the audit trail, the database is read-only: %s saw %s %s", who_acts(), what, named
            )


def refused(*, what: str, status: int, **more: str) -> None:
    """Write down that whoever acts was refused; outside of what is rolled back, or it is lost with it.

    Where the database takes no writes, as a line of the log: a refusal stays one.
    """
    body = json.dumps({"status": status, **more})
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT guard.refused(%s, %s) {_WHERE_WRITTEN}", [what, body])
        if not cursor.rowcount:
            logger.error(
                "Not in the audit trail, the database is read-only: %s, %s %s", who_acts(), what, status
            )


@dataclass(frozen=True, slots=True)
class Look:
    """That somebody was shown a chart: its number in the chart's history, when, who, which page, and why."""

    number: int
    at: datetime
    actor: Actor
    what: str
    why: str


def looks_at(
    chart: UUID, *, but_of: Actor | None = None, before: int | None = None, limit: int | None = None
) -> list[Look]:
    """Return who was shown a chart, newest first, up to `limit` of those numbered below `before`.

    Without those of `but_of`. Who may not see the chart gets none.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT seq, at, actor, subject, body FROM guard.event
            WHERE chain = %(chain)s AND act = 'look' AND actor <> %(but_of)s
            AND (%(before)s::bigint IS NULL OR seq < %(before)s) ORDER BY seq DESC LIMIT %(limit)s
            """,
            {"chain": f"chart:{chart}", "but_of": str(but_of or ""), "before": before, "limit": limit},
        )
        return [
            Look(number=number, at=at, actor=_actor(actor), what=what, why=json.loads(body)["why"])
            for number, at, actor, what, body in cursor.fetchall()
        ]


def _actor(written: str) -> Actor:
    kind, _, name = written.partition(":")
    return Actor(ActorKind(kind), name)
