"""A line that is moved to another session leaves a log as well: both must be open."""

from django.db import migrations

AS_GUARD = "SET LOCAL ROLE rekindle_guard"
STANDS = r"""
CREATE OR REPLACE FUNCTION guard.seal_stands()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM FROM public.treatment_sessions_treatmentsession WHERE id = NEW.session_id FOR KEY SHARE;
    IF guard.is_sealed(NEW.session_id)%s THEN
        RAISE EXCEPTION 'log_is_sealed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
"""
LEFT = " OR guard.is_sealed(OLD.session_id)"


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0033_deviation_walls")]

    operations = [
        migrations.RunSQL([AS_GUARD, STANDS % LEFT, "RESET ROLE"], [AS_GUARD, STANDS % "", "RESET ROLE"]),
    ]
