from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model

atomic = partial(transaction.atomic, savepoint=False)
"""One transaction per request: a service called inside it joins, and any refusal undoes the whole."""


def takes_writes() -> bool:
    """Tell whether the database takes writes now: a standby does not, nor one that was set read-only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_read_only')")
        return bool(cursor.fetchone() == ("off",))


def insert_once(row: Model) -> bool:
    """Insert `row` unless one that it collides with is there; tell whether it is new. One statement.

    Waits for a twin in flight, as any insert does.
    """
    fields = row._meta.concrete_fields
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{row._meta.db_table}" ({columns})'  # noqa: S608 - names of ours
            f" VALUES ({', '.join(['%s'] * len(fields))}) ON CONFLICT DO NOTHING",
            values,
        )
        return bool(cursor.rowcount)


@contextmanager
def as_owner() -> Iterator[None]:
    """Run what is inside on a connection as the role that owns the tables (`DATABASE_OWNER_URL`).

    The database's name stays, because tests have one of their own; host and port are the owner's, who may
    have to go past a pooler.
    """
    served_as = {key: connection.settings_dict[key] for key in ("USER", "PASSWORD", "HOST", "PORT")}
    connection.close()
    connection.settings_dict.update({key: settings.DATABASE_OWNER[key] for key in served_as})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(served_as)


def refuse_privileged_role() -> None:
    """End a process that would serve as a role that could rewrite history; called as each one starts."""
    held = privileges_held()
    connection.close()  # not to be shared with processes forked from this one
    if held:
        raise SystemExit(f"Refusing to serve: the role of DATABASE_URL {' and '.join(held)}.")


def privileges_held() -> list[str]:
    """Return what the present role has that a serving role must not: superuser, BYPASSRLS, ownership."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT rolsuper, rolbypassrls, EXISTS (
                SELECT FROM pg_class WHERE relowner = pg_roles.oid AND relkind IN ('r', 'p', 'v', 'm')
            ) FROM pg_roles WHERE rolname = current_user
            """
        )
        row = cursor.fetchone()
    names = ("superuser", "bypasses row-level security", "owns tables")
    return [name for name, held in zip(names, row or (), strict=True) if held]
