from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from django.conf import settings
from django.db import connection, transaction

atomic = partial(transaction.atomic, savepoint=False)
"""One transaction per request: a service called inside it joins, and any refusal undoes the whole."""


@contextmanager
def as_owner() -> Iterator[None]:
    """Run what is inside on a connection as the role that owns the tables (`DATABASE_OWNER_URL`)."""
    served_as = {key: connection.settings_dict[key] for key in ("USER", "PASSWORD")}
    connection.close()
    connection.settings_dict.update({key: settings.DATABASE_OWNER[key] for key in served_as})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(served_as)


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
