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


def kept(*tables: str) -> RunSQL:
    """Return the migration that takes DELETE on `tables` from the app's role: rows end, they don't vanish."""
    names = ", ".join(tables)
    return RunSQL(f"REVOKE DELETE ON {names} FROM rekindle_app", f"GRANT DELETE ON {names} TO rekindle_app")
