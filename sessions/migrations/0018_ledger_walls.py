"""Who sees the ledger; and that a balance follows from the one before it, within what was prescribed."""

from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

PRESCRIPTION, ENTRY, COUNT = (
    f"treatment_sessions_{name}" for name in ("prescription", "stockentry", "stockcount")
)
AS_GUARD = "SET LOCAL ROLE rekindle_guard"
RULES = r"""
-- The entries of a lot are numbered from one, and each balance follows from the one before. A prescription
-- brings no more than it covers, refills included.
CREATE FUNCTION guard.stock_follows()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    last_seq integer := 0;
    last_balance integer := 0;
    moved integer := CASE WHEN NEW.kind IN ('dispensed', 'found') THEN NEW.units ELSE -NEW.units END;
BEGIN
    SELECT seq, balance_units INTO last_seq, last_balance FROM public.treatment_sessions_stockentry
    WHERE prescription_id = NEW.prescription_id AND lot = NEW.lot ORDER BY seq DESC LIMIT 1;
    IF NEW.seq <> coalesce(last_seq, 0) + 1 OR NEW.balance_units <> coalesce(last_balance, 0) + moved THEN
        RAISE EXCEPTION 'stock_follows' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.kind = 'dispensed' AND NEW.units + (
        SELECT coalesce(sum(units), 0) FROM public.treatment_sessions_stockentry
        WHERE prescription_id = NEW.prescription_id AND kind = 'dispensed'
    ) > (
        SELECT units * (1 + refills) FROM public.treatment_sessions_prescription
        WHERE id = NEW.prescription_id
    ) THEN
        RAISE EXCEPTION 'stock_as_prescribed' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.session_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.treatment_sessions_treatmentsession
        WHERE id = NEW.session_id AND enrollment_id = NEW.enrollment_id
    ) THEN
        RAISE EXCEPTION 'stock_in_one_chart' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

-- What is written of a prescription stands in the chart of that prescription.
CREATE FUNCTION guard.stock_in_one_chart()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.treatment_sessions_prescription
        WHERE id = NEW.prescription_id AND enrollment_id = NEW.enrollment_id
    ) THEN
        RAISE EXCEPTION 'stock_in_one_chart' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION guard.stock_follows, guard.stock_in_one_chart FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.stock_follows, guard.stock_in_one_chart TO rekindle_owner;
"""


def before_insert(name: str, table: str, function: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION guard.{function}()",
        f"DROP TRIGGER {name} ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0017_ledger")]

    operations = [
        append_only(PRESCRIPTION, ENTRY, COUNT),
        *walled(PRESCRIPTION, By.ENROLLMENT),
        *walled(ENTRY, By.ENROLLMENT),
        *walled(COUNT, By.ENROLLMENT),
        migrations.RunSQL(
            [AS_GUARD, RULES, "RESET ROLE"],
            [AS_GUARD, "DROP FUNCTION guard.stock_follows, guard.stock_in_one_chart", "RESET ROLE"],
        ),
        before_insert("follows", ENTRY, "stock_follows"),
        before_insert("in_one_chart", ENTRY, "stock_in_one_chart"),
        before_insert("in_one_chart", COUNT, "stock_in_one_chart"),
    ]
