"""A connection that is handed from one person's request to the next carries nothing over."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from psycopg_pool import ConnectionPool

from accounts.models import Patient
from core.acting import Acting
from core.actors import Actor
from tests.conftest import make_patient
from tests.core import pgbouncer
from tests.figures import record

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 40
THREADS = 8
CONNECTIONS = 4
NOBODY_IN = 10
"""One request in so many comes from nobody: it has to see nothing, whoever had the connection before."""

Begin = Callable[[psycopg.Connection[Any], str], None]


def as_served(connection: psycopg.Connection[Any], who: str) -> None:
    """Begin as `core.postgresql` does: who acts, for this transaction."""
    connection.execute(f"BEGIN;{who}" if who else "BEGIN")


def for_the_session(connection: psycopg.Connection[Any], who: str) -> None:
    """The guard taken away: who acts, until somebody says otherwise."""
    connection.execute(f"BEGIN;{who.replace(', true)', ', false)')}" if who else "BEGIN")


@contextmanager
def pool() -> Iterator[ConnectionPool[Any]]:
    """The pool that an application keeps."""
    with pool_at(connection.settings_dict) as made:
        yield made


def pool_at(server: dict[str, Any]) -> ConnectionPool[Any]:
    info = psycopg.conninfo.make_conninfo(
        host=server["HOST"],
        port=server["PORT"],
        dbname=server["NAME"],
        user=server["USER"],
        password=server["PASSWORD"],
    )
    options = {"autocommit": True, "prepare_threshold": None}
    return ConnectionPool(info, min_size=CONNECTIONS, max_size=CONNECTIONS, kwargs=options, open=True)


def read(made: ConnectionPool[Any], begin: Begin, person: Patient | None) -> int:
    """Read the charts that one request sees; return how many of them are somebody else's."""
    who = "" if person is None else Acting(Actor.person(person.user_id)).sql
    own = set() if person is None else {person.pk}
    with made.connection() as taken:
        begin(taken, who)
        seen: set[UUID] = {row[0] for row in taken.execute("SELECT id FROM accounts_patient").fetchall()}
        taken.execute("COMMIT")
    assert own <= seen
    return len(seen - own)


def foreign_rows(made: ConnectionPool[Any], begin: Begin, *, requests: int, seed: int) -> int:
    chance = random.Random(seed)  # noqa: S311
    people = [make_patient(f"p{number}@example.org", f"Person {number}") for number in range(PEOPLE)]
    senders = [None if chance.randrange(NOBODY_IN) == 0 else chance.choice(people) for _ in range(requests)]
    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(lambda person: read(made, begin, person), senders))


def test_nobody_sees_somebody_elses_rows() -> None:
    with pool() as made:
        assert foreign_rows(made, as_served, requests=2_000, seed=1) == 0


def test_twin_said_for_the_session_the_next_one_sees_them() -> None:
    with pool() as made:
        assert foreign_rows(made, for_the_session, requests=2_000, seed=1) > 0


@pytest.mark.full
@pytest.mark.parametrize("pooler", [pool, pgbouncer.pool], ids=["psycopg_pool", "pgbouncer"])
def test_a_hundred_thousand_requests(pooler: Callable[[], Any]) -> None:
    seed, requests = random.SystemRandom().randint(1, 10**6), 100_000
    with pooler() as made:
        found = foreign_rows(made, as_served, requests=requests, seed=seed)
    record("rls.requests", requests, seed=seed)
    record("rls.foreign_rows", found, seed=seed)


@pytest.mark.full
@pytest.mark.parametrize("pooler", [pool, pgbouncer.pool], ids=["psycopg_pool", "pgbouncer"])
def test_twin_of_a_hundred_thousand(pooler: Callable[[], Any]) -> None:
    with pooler() as made:
        found = foreign_rows(made, for_the_session, requests=5_000, seed=1)
    record("rls.foreign_rows_guard_off", found, seed=1)
