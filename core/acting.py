"""Who acts now, told to the database with every transaction: its walls and its audit trail go by it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from django.db import connection
from psycopg.pq import TransactionStatus

from core.actors import Actor, ActorKind, ServiceName

_PLAIN = re.compile(r"[a-z]+:[a-z0-9_-]+")

VISITOR = Actor.service(ServiceName.VISITOR)
"""Somebody who has not signed in: they see no chart, and what they do (sign up) is done by our front door."""


@dataclass(frozen=True)
class Acting:
    """Who acts, and whether the walls between charts are open to them."""

    actor: Actor
    sees_all_charts: bool = False

    def __post_init__(self) -> None:
        """Refuse a name that could be read as SQL; ids of users and links are UUIDs."""
        if not _PLAIN.fullmatch(str(self.actor)):
            raise ValueError(f"not an actor: {self.actor!r}")

    @property
    def sql(self) -> str:
        """Return the statement that tells it to the present transaction, and to no other.

        Local to the transaction: a connection that a pooler hands to somebody else carries nothing over.
        """
        sees = "all" if self.sees_all_charts else ""
        return (
            f"SELECT set_config('rekindle.actor', '{self.actor}', true),"
            f" set_config('rekindle.sees', '{sees}', true)"
        )


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


def current() -> Acting | None:
    """Return who acts in this thread; `None` means that no chart can be read and nothing changed."""
    return _acting.get()


def who_acts() -> Actor:
    """Return who acts in this thread; raises `LookupError` where nobody does."""
    acting = _acting.get()
    if acting is None:
        raise LookupError("nobody acts here")
    return acting.actor


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Let `actor` act inside the block: people and links see what is theirs, our own processes all charts."""
    is_process = actor.kind == ActorKind.SERVICE and actor != VISITOR
    with _set(Acting(actor, sees_all_charts=is_process)):
        yield


@contextmanager
def seeing_all_charts() -> Iterator[None]:
    """Open the walls for what the system does on somebody's behalf, as in finding whom to call.

    They stay the actor. Raises `LookupError` where nobody acts.
    """
    acting = _acting.get()
    if acting is None:
        raise LookupError("nobody acts here")
    with _set(replace(acting, sees_all_charts=True)):
        yield


@contextmanager
def _set(acting: Acting) -> Iterator[None]:
    before = _acting.get()
    token = _acting.set(acting)
    _tell(acting, after=before)
    try:
        yield
    finally:
        _acting.reset(token)
        _tell(before, after=acting)


def _tell(acting: Acting | None, *, after: Acting | None) -> None:
    """Tell a transaction that is open already; one that has failed forgets by being rolled back."""
    if acting in (None, after) or connection.connection is None or not connection.in_atomic_block:
        return
    if connection.needs_rollback:
        return
    if connection.connection.info.transaction_status == TransactionStatus.INTRANS:
        with connection.cursor() as cursor:
            cursor.execute(acting.sql)
