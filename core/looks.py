"""The lines of the audit trail that no change leaves: who looked at which chart, and who was refused what."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from core.actors import Actor, ActorKind


def looked_at(*charts: UUID, what: str) -> None:
    """Write down that whoever acts is shown these charts: one line for each, and why they may.

    To be called last: other writers of those charts wait until the transaction ends. One statement.
    """
    if charts:
        with connection.cursor() as cursor:
            cursor.execute("SELECT guard.looked(%s::uuid[], %s, '')", [list(charts), what])


def refused(*, what: str, status: int, **more: str) -> None:
    """Write down that whoever acts was refused; outside of what is rolled back, or it is lost with it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.refused(%s, %s)", [what, json.dumps({"status": status, **more})])


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
