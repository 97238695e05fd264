"""The seal on a session's row holds what its log tells; a key's rotation may go through the rest."""

from django.db import migrations

AS_GUARD = "SET LOCAL ROLE rekindle_guard"
STANDS = r"""
CREATE OR REPLACE FUNCTION guard.sealed_session_stands()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF guard.is_sealed(OLD.id)%s THEN
        RAISE EXCEPTION 'log_is_sealed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
"""
CHANGED = """ AND (
        OLD.enrollment_id, OLD.number, OLD.status, OLD.scheduled_at, OLD.timezone, OLD.started_at,
        OLD.dosed_at, OLD.dosed_on, OLD.gate_id, OLD.ended_at, OLD.no_drive_until, OLD.review_due_at
    ) IS DISTINCT FROM (
        NEW.enrollment_id, NEW.number, NEW.status, NEW.scheduled_at, NEW.timezone, NEW.started_at,
        NEW.dosed_at, NEW.dosed_on, NEW.gate_id, NEW.ended_at, NEW.no_drive_until, NEW.review_due_at
    )"""


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0028_seal_kept_by_the_database")]

    operations = [
        migrations.RunSQL([AS_GUARD, STANDS % CHANGED, "RESET ROLE"], [AS_GUARD, STANDS % "", "RESET ROLE"]),
    ]
