"""An override names two blood pressures of its own session, in order; it is a line of the log, so a seal ends it."""

from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "treatment_sessions_readingoverride"
AS_GUARD = "SET LOCAL ROLE rekindle_guard"
NAMES = r"""
CREATE FUNCTION guard.overrides_its_own()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.treatment_sessions_observation one, public.treatment_sessions_observation two
        WHERE one.id = NEW.first_reading_id AND two.id = NEW.second_reading_id
        AND one.session_id = NEW.session_id AND two.session_id = NEW.session_id
        AND one.kind = 'blood_pressure' AND two.kind = 'blood_pressure'
        AND least(one.observed_at, one.received_at) < least(two.observed_at, two.received_at)
    ) THEN
        RAISE EXCEPTION 'reading_override_names_its_own' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION guard.overrides_its_own FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.overrides_its_own TO rekindle_owner;
"""


def before(name: str, function: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER {name} BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION guard.{function}()",
        f"DROP TRIGGER {name} ON {TABLE}",
    )


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0036_reading_override")]

    operations = [
        append_only(TABLE),
        *walled(TABLE, By.SESSION),
        migrations.RunSQL(
            [AS_GUARD, NAMES, "RESET ROLE"],
            [AS_GUARD, "DROP FUNCTION guard.overrides_its_own", "RESET ROLE"],
        ),
        before("names_its_own", "overrides_its_own"),
        before("seal", "seal_stands"),
    ]
