"""Who sees what was signed against an exclusion; and that nobody is accepted past one by a single person."""

from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "safety_exclusionoverride"
AS_GUARD = "SET LOCAL ROLE rekindle_guard"
RULE = r"""
-- At commit: whoever accepts a screening that excludes has a colleague who signed against the exclusion too,
-- by a signature of their own.
CREATE FUNCTION guard.exclusion_takes_two()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.outcome = 'accepted' AND EXISTS (
        SELECT FROM public.safety_screening WHERE id = NEW.screening_id AND outcome = 'ineligible'
    ) AND NOT EXISTS (
        SELECT FROM public.safety_exclusionoverride AS override
        JOIN public.accounts_signature AS signed ON signed.id = override.signature_id
        JOIN public.accounts_signature AS review ON review.id = NEW.signature_id
        WHERE override.screening_id = NEW.screening_id AND signed.signer_id = override.clinician_id
        AND override.clinician_id <> review.signer_id
    ) THEN
        RAISE EXCEPTION 'exclusion_takes_two' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION guard.exclusion_takes_two FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.exclusion_takes_two TO rekindle_owner;
"""


class Migration(migrations.Migration):
    dependencies = [("safety", "0032_overrides")]

    operations = [
        append_only(TABLE),
        *walled(TABLE, By.SCREENING),
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RunSQL(
            [AS_GUARD, RULE, "RESET ROLE"],
            [AS_GUARD, "DROP FUNCTION guard.exclusion_takes_two", "RESET ROLE"],
        ),
        migrations.RunSQL(
            "CREATE CONSTRAINT TRIGGER takes_two AFTER INSERT ON safety_screeningreview"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard.exclusion_takes_two()",
            "DROP TRIGGER takes_two ON safety_screeningreview",
        ),
    ]
