"""Who sees clocks and news; and that a clock can be ended once, and changed in nothing else."""

from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

NEWS, CLOCK = "safety_eventnews", "safety_reportingclock"
CALLED = "patient_id = ANY ((SELECT guard.alerted_charts())::uuid[])"
CHANGING = '(warned_pct, ended_at, "end", end_reason, signature_id)'
AS_GUARD = "SET LOCAL ROLE rekindle_guard"
RULE = r"""
-- A clock begins running, warns of later and later steps, and ends once.
CREATE FUNCTION guard.clock_ends_once()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'clock_begins_running' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.ended_at IS NOT NULL OR NEW.warned_pct < OLD.warned_pct) THEN
        RAISE EXCEPTION 'clock_ends_once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION guard.clock_ends_once FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.clock_ends_once TO rekindle_owner;
"""


class Migration(migrations.Migration):
    dependencies = [("safety", "0017_reporting_clocks")]

    operations = [
        append_only(NEWS, CLOCK),
        migrations.RunSQL(
            f"GRANT UPDATE {CHANGING} ON {CLOCK} TO rekindle_app",
            f"REVOKE UPDATE {CHANGING} ON {CLOCK} FROM rekindle_app",
        ),
        *walled(NEWS, By.PATIENT, or_where=CALLED),
        *walled(CLOCK, By.PATIENT, or_where=CALLED),
        migrations.RunSQL(
            [AS_GUARD, RULE, "RESET ROLE"], [AS_GUARD, "DROP FUNCTION guard.clock_ends_once", "RESET ROLE"]
        ),
        migrations.RunSQL(
            f"CREATE TRIGGER ends BEFORE INSERT OR UPDATE ON {CLOCK}"
            " FOR EACH ROW EXECUTE FUNCTION guard.clock_ends_once()",
            f"DROP TRIGGER ends ON {CLOCK}",
        ),
    ]
