from django.db.migrations import RunSQL


def append_only(*tables: str) -> RunSQL:
    """Return the migration that leaves the app's role only INSERT and SELECT on `tables`.

    What is written there stays as it was written: a correction is a new row. The roles are made by
    `config/sql/roles.sql`.
    """
    names = ", ".join(tables)
    return RunSQL(
        f"REVOKE UPDATE, DELETE ON {names} FROM rekindle_app",
        f"GRANT UPDATE, DELETE ON {names} TO rekindle_app",
    )
