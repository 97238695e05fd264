"""Who sees a proposal; and that it is answered once, by a session of its own enrollment if by any."""

from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "treatment_sessions_sessionproposal"
CHANGING = "(answer, answered_at, answered_by_id, reason, session_id)"
AS_GUARD = "SET LOCAL ROLE rekindle_guard"
RULE = r"""
CREATE FUNCTION guard.proposal_answered_once()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.answer <> '' THEN
        RAISE EXCEPTION 'proposal_begins_open' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.answer <> '' THEN
        RAISE EXCEPTION 'proposal_answered_once' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.session_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.treatment_sessions_treatmentsession
        WHERE id = NEW.session_id AND enrollment_id = NEW.enrollment_id
    ) THEN
        RAISE EXCEPTION 'proposal_names_its_own' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION guard.proposal_answered_once FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.proposal_answered_once TO rekindle_owner;
"""


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0039_session_proposal")]

    operations = [
        append_only(TABLE),
        migrations.RunSQL(
            f"GRANT UPDATE {CHANGING} ON {TABLE} TO rekindle_app",
            f"REVOKE UPDATE {CHANGING} ON {TABLE} FROM rekindle_app",
        ),
        *walled(TABLE, By.ENROLLMENT),
        migrations.RunSQL(
            [AS_GUARD, RULE, "RESET ROLE"],
            [AS_GUARD, "DROP FUNCTION guard.proposal_answered_once", "RESET ROLE"],
        ),
        migrations.RunSQL(
            f"CREATE TRIGGER answered BEFORE INSERT OR UPDATE ON {TABLE}"
            " FOR EACH ROW EXECUTE FUNCTION guard.proposal_answered_once()",
            f"DROP TRIGGER answered ON {TABLE}",
        ),
    ]
