"""What a migration puts round a table: who may see its rows, and that every change is written down."""

from enum import StrEnum

from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation


class By(StrEnum):
    """What a row belongs to, and so to whose chart; the values are `guard.write`'s."""

    PATIENT = "patient"
    ENROLLMENT = "enrollment"
    SCREENING = "screening"
    CONSENT = "consent"
    SESSION = "session"
    USER = "user"
    CAPABILITY = "capability"


ACTOR = "(SELECT current_setting('rekindle.actor', true))"
"""SQL for who acts, as `kind:id`."""


def walled(table: str, by: By, *, column: str = "", or_where: str = "false") -> list[Operation]:
    """Return the operations that show rows of `table` to those alone who may see the chart, and audit it.

    `column` is what names the owner (default: `<by>_id`); `or_where` adds rows that are seen for another
    reason. The policies bind the owner of the table too, who gets one that lets migrations through: a
    policy that is forgotten hides rows, it does not show them.
    """
    column = column or f"{by}_id"
    chart = column if by == By.PATIENT else f"guard.chart_of_{by}({column})"
    seen = f"{chart} = ANY ((SELECT guard.visible_charts())::uuid[]) OR {or_where}"
    return [private(table, seen), audited(table, by, column=column)]


def private(table: str, seen: str, *, made: str = "") -> Operation:
    """Return the operation that shows rows of `table` where `seen` holds, and lets them be made where `made`.

    `seen` may use `ACTOR`. Our own processes see all.
    """
    all_or = "(SELECT current_setting('rekindle.sees', true)) = 'all' OR "
    return RunSQL(
        [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY walls ON {table} TO rekindle_app USING ({all_or}{seen})"
            f" WITH CHECK ({all_or}{made or seen})",
            f"CREATE POLICY migrates ON {table} TO rekindle_owner USING (true)",
            f"CREATE POLICY guards ON {table} FOR SELECT TO rekindle_guard USING (true)",
        ],
        [
            *(f"DROP POLICY {name} ON {table}" for name in ("walls", "migrates", "guards")),
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
        ],
    )


def audited(table: str, by: By | None = None, *, column: str = "", secret: tuple[str, ...] = ()) -> Operation:
    """Return the operation that writes every change of `table` into the trail of what it belongs to.

    Without `by` that is the installation's own. Values of `secret` columns stay out of it. Written as the
    transaction commits, when it takes no more locks: a chain that it holds can't be part of a deadlock with
    an enrollment's.
    """
    column = column or (f"{by}_id" if by else "")
    arguments = f"'{by or ''}', '{column}', '{','.join(secret)}'"
    return RunSQL(
        [
            f"CREATE CONSTRAINT TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON {table}"
            f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard.write({arguments})",
            f"GRANT SELECT ON {table} TO rekindle_guard",
        ],
        [f"DROP TRIGGER audit ON {table}", f"REVOKE SELECT ON {table} FROM rekindle_guard"],  # noqa: S608
    )
