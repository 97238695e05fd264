from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection
from psycopg.pq import TransactionStatus

from core import acting

_Cursor: Any = base.Cursor  # the type stubs take psycopg 2's
IDLE_AT_MOST = "SET LOCAL idle_in_transaction_session_timeout = '30s'"
"""Whoever is stuck with a row locked loses the lock with the connection, so that a watch gets at the row.

Said in each transaction: as an option of the connection a pooler refuses it.
"""


class Cursor(_Cursor):  # type: ignore[misc]
    """Says who acts in front of a statement that is a transaction of its own."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "Cursor":
        """Run the statement; sent together, it and what precedes it are one transaction."""
        now = acting.current()
        if now is None or self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
            return super().execute(query, params, **options)  # type: ignore[no-any-return]
        super().execute(f"{now.sql};{query}", params, **options)
        self.nextset()
        return self


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose every transaction begins by saying who acts."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        """Connect, with cursors that say who acts."""
        connection: Connection[Any] = super().get_new_connection(conn_params)
        connection.cursor_factory = Cursor
        return connection

    def _set_autocommit(self, autocommit: bool) -> None:
        """Begin a transaction and say in the same message who acts; psycopg would send a bare BEGIN."""
        now = acting.current()
        if autocommit or now is None:
            super()._set_autocommit(autocommit)  # type: ignore[misc]  # so do they here
            return
        with self.wrap_database_errors:
            _Cursor(self.connection).execute(f"BEGIN;{IDLE_AT_MOST};{now.sql}")
