"""What is below the seal on a log stays as it was signed, whoever writes.

An entry that comes later is marked so by the database; a line of any other kind is refused.
"""

from django.db import migrations

AS_GUARD = "SET LOCAL ROLE rekindle_guard"
OBSERVATION, CHECK_IN, UNATTRIBUTED, SESSION = (
    f"treatment_sessions_{name}"
    for name in ("observation", "checkin", "unattributeddose", "treatmentsession")
)
MARKED = (OBSERVATION, CHECK_IN, UNATTRIBUTED)
"""What is taken after the seal: it may have waited in a phone, and tells of a patient."""
CLOSED = {
    "sessiontransition": "INSERT",
    "attestation": "INSERT",
    "dose": "INSERT",
    "doseoutcome": "INSERT",
    "checkindeadline": "INSERT OR UPDATE",
}

RULES = r"""
CREATE FUNCTION guard.is_sealed(session_ uuid)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.treatment_sessions_sessionreview WHERE session_id = session_);
END
$$;

-- Both run as who writes: the lock waits for a review that is being signed, whose row nobody sees yet.
CREATE FUNCTION guard.marks_seal()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM FROM public.treatment_sessions_treatmentsession WHERE id = NEW.session_id FOR KEY SHARE;
    NEW.after_seal := guard.is_sealed(NEW.session_id);
    RETURN NEW;
END
$$;

CREATE FUNCTION guard.seal_stands()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM FROM public.treatment_sessions_treatmentsession WHERE id = NEW.session_id FOR KEY SHARE;
    IF guard.is_sealed(NEW.session_id) THEN
        RAISE EXCEPTION 'log_is_sealed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

-- The session itself, whose moments its log tells.
CREATE FUNCTION guard.sealed_session_stands()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF guard.is_sealed(OLD.id) THEN
        RAISE EXCEPTION 'log_is_sealed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

-- Sealed is what is over, and by whoever has made every entry in flight end first.
CREATE FUNCTION guard.seals_what_is_over()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    found text;
BEGIN
    SELECT status INTO found FROM public.treatment_sessions_treatmentsession
    WHERE id = NEW.session_id FOR UPDATE;
    IF found IS NULL OR found NOT IN ('completed', 'aborted') THEN
        RAISE EXCEPTION 'session_is_not_over' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

-- A newer version is of the same session and kind as what it corrects.
CREATE FUNCTION guard.replaces_its_like()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.treatment_sessions_observation
        WHERE id = NEW.replaces_id AND session_id = NEW.session_id AND kind = NEW.kind
    ) THEN
        RAISE EXCEPTION 'observation_replaces_its_like' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION guard.replaces_its_like, guard.is_sealed, guard.marks_seal, guard.seal_stands, guard.sealed_session_stands,
    guard.seals_what_is_over FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.is_sealed TO rekindle_app, rekindle_owner;
GRANT EXECUTE ON FUNCTION guard.replaces_its_like, guard.marks_seal, guard.seal_stands, guard.sealed_session_stands,
    guard.seals_what_is_over TO rekindle_owner;
"""
FUNCTIONS = (
    "guard.replaces_its_like, guard.seals_what_is_over, guard.sealed_session_stands, guard.seal_stands, guard.marks_seal,"
    " guard.is_sealed"
)
LIKE = f"""
    CREATE TRIGGER like_what_it_replaces BEFORE INSERT ON {OBSERVATION} FOR EACH ROW
    WHEN (NEW.replaces_id IS NOT NULL) EXECUTE FUNCTION guard.replaces_its_like()
"""


def before(table: str, when: str, function: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER seal BEFORE {when} ON {table} FOR EACH ROW EXECUTE FUNCTION guard.{function}()",
        f"DROP TRIGGER seal ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0027_corrections")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RunSQL(
            [AS_GUARD, RULES, "RESET ROLE"], [AS_GUARD, f"DROP FUNCTION {FUNCTIONS}", "RESET ROLE"]
        ),
        *(before(table, "INSERT", "marks_seal") for table in MARKED),
        *(before(f"treatment_sessions_{name}", when, "seal_stands") for name, when in CLOSED.items()),
        before(SESSION, "UPDATE", "sealed_session_stands"),
        before("treatment_sessions_sessionreview", "INSERT", "seals_what_is_over"),
        migrations.RunSQL(LIKE, f"DROP TRIGGER like_what_it_replaces ON {OBSERVATION}"),
    ]
