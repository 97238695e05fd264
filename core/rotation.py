"""Gives every encrypted value the first key, while the clinic runs."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import connection, models, transaction
from psycopg.sql import SQL, Identifier

from core.encryption import current_head, reseal

BATCH = 500
"""Rows a transaction: short enough that nobody who writes one of them waits long."""


@dataclass(frozen=True)
class Column:
    """One encrypted column of ours: every binary one is."""

    table: str
    key: str
    name: str

    def place(self, row_id: object) -> str:
        """Return what a value of this column is bound to in one row."""
        return f"{self.table}.{self.name}:{row_id}"


def encrypted_columns() -> list[Column]:
    """Return every encrypted column of our rooms' tables."""
    return [
        Column(table=model._meta.db_table, key=str(model._meta.pk.column), name=str(field.column))
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.BinaryField)
    ]


def rotate(column: Column) -> Iterator[int]:
    """Encrypt a column's values anew under the first key; yield how many, batch by batch.

    Each batch is one transaction, and only what is not under the first key is looked at, so it can be ended
    and begun again at any moment. A row that somebody writes meanwhile keeps what they wrote, which is under
    the first key already. Raises `core.encryption.Undecipherable` for a value that no key opens.
    """
    while True:
        with transaction.atomic():
            done = _rotate_batch(column)
        if not done:
            return
        yield done


def remaining(column: Column) -> int:
    """Return how many values of a column are not under the first key."""
    with connection.cursor() as cursor:
        cursor.execute(_query("SELECT count(*) FROM {table} WHERE {stale}", column), {"head": current_head()})
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _rotate_batch(column: Column) -> int:
    chosen = "SELECT {key}, {name} FROM {table} WHERE {stale} ORDER BY {key} LIMIT {batch} FOR UPDATE"
    with connection.cursor() as cursor:
        cursor.execute(_query(chosen, column), {"head": current_head()})
        rows = cursor.fetchall()
        changed = [(reseal(value, place=column.place(row_id)), row_id) for row_id, value in rows]
        cursor.executemany(_query("UPDATE {table} SET {name} = %s WHERE {key} = %s", column), changed)
    return len(rows)


def _query(text: str, column: Column) -> str:
    stale = SQL("length({name}) > 0 AND substr({name}, 1, length(%(head)s::bytea)) <> %(head)s::bytea")
    name = Identifier(column.name)
    query = SQL(text).format(
        table=Identifier(column.table),
        key=Identifier(column.key),
        name=name,
        batch=SQL(str(BATCH)),
        stale=stale.format(name=name),
    )
    return query.as_string()
