"""Who sees what has to be found out about an event; and that it ends once, and says nothing else later."""

from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "safety_followup"
CALLED = "patient_id = ANY ((SELECT guard.alerted_charts())::uuid[])"
CHANGING = '(called_at, ended_at, "end", found, ended_by_id, signature_id)'
AS_GUARD = "SET LOCAL ROLE rekindle_guard"
RULE = r"""
-- A follow-up is of its patient's event, begins open, and ends once.
CREATE FUNCTION guard.follow_up_ends_once()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'follow_up_begins_open' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' AND NOT EXISTS (
        SELECT FROM public.safety_adverseevent WHERE id = NEW.event_id AND patient_id = NEW.patient_id
    ) THEN
        RAISE EXCEPTION 'follow_up_of_its_patient' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'follow_up_ends_once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION guard.follow_up_ends_once FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.follow_up_ends_once TO rekindle_owner;
"""


class Migration(migrations.Migration):
    dependencies = [("safety", "0025_follow_ups")]

    operations = [
        append_only(TABLE),
        migrations.RunSQL(
            f"GRANT UPDATE {CHANGING} ON {TABLE} TO rekindle_app",
            f"REVOKE UPDATE {CHANGING} ON {TABLE} FROM rekindle_app",
        ),
        *walled(TABLE, By.PATIENT, or_where=CALLED),
        migrations.RunSQL(
            [AS_GUARD, RULE, "RESET ROLE"],
            [AS_GUARD, "DROP FUNCTION guard.follow_up_ends_once", "RESET ROLE"],
        ),
        migrations.RunSQL(
            f"CREATE TRIGGER ends BEFORE INSERT OR UPDATE ON {TABLE}"
            " FOR EACH ROW EXECUTE FUNCTION guard.follow_up_ends_once()",
            f"DROP TRIGGER ends ON {TABLE}",
        ),
    ]
