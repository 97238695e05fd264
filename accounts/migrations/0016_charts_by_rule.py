"""Whose charts somebody may see, as the rules of care say it: asked in one call, planned once a connection.

Not the walls: those are `guard.visible_charts`, wider, and hold whatever a query asks. These narrow what
`accounts.queries` asks for, and take the person and the moment from it.
"""

from django.db import migrations

AS_GUARD = "SET LOCAL ROLE rekindle_guard"

CHARTS = r"""
-- The charts of one's own.
CREATE FUNCTION guard.charts_owned(who uuid)
RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN ARRAY(SELECT id FROM public.accounts_patient WHERE user_id = who);
END
$$;

-- The charts in a clinician's care, never their own: nobody treats themselves. One whose address of that day
-- lies where they hold no licence is not among them; one without an address is, so that it can be asked for
-- (ADR 0013).
CREATE FUNCTION guard.charts_in_care(who uuid, moment timestamptz)
RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    day date := moment AT TIME ZONE 'UTC';
BEGIN
    RETURN ARRAY(
        SELECT team.patient_id FROM public.accounts_careteammembership AS team
        JOIN public.accounts_patient AS patient ON patient.id = team.patient_id
        WHERE team.member_id = who AND team.role = 'clinician' AND patient.user_id <> who
        AND team.starts_at <= moment AND coalesce(team.ends_at > moment, true)
        AND EXISTS (
            SELECT FROM public.accounts_rolegrant AS held WHERE held.user_id = who AND held.role = team.role
            AND held.starts_at <= moment AND coalesce(held.ends_at > moment, true)
        )
        AND NOT EXISTS (
            SELECT FROM (
                SELECT state FROM public.accounts_patientaddress AS address
                WHERE address.patient_id = patient.id AND address.starts_on <= day
                ORDER BY address.starts_on DESC, address.id DESC LIMIT 1
            ) AS home
            WHERE home.state NOT IN (
                SELECT licence.state FROM public.accounts_licence AS licence
                JOIN public.accounts_clinician AS clinician ON clinician.id = licence.clinician_id
                WHERE clinician.user_id = who AND day BETWEEN licence.starts_on AND licence.ends_on
            )
        )
    );
END
$$;

-- Those, and what a practising clinician has open by break-glass, never their own. No licence is asked for:
-- reading in an emergency is not treating (ADR 0017).
CREATE FUNCTION guard.charts_read(who uuid, moment timestamptz)
RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN guard.charts_in_care(who, moment) || ARRAY(
        SELECT opening.patient_id FROM public.accounts_breakglass AS opening
        JOIN public.accounts_patient AS patient ON patient.id = opening.patient_id
        WHERE opening.user_id = who AND opening.starts_at <= moment AND opening.ends_at > moment
        AND patient.user_id <> who
        AND EXISTS (
            SELECT FROM public.accounts_rolegrant AS held
            WHERE held.user_id = who AND held.role = 'clinician'
            AND held.starts_at <= moment AND coalesce(held.ends_at > moment, true)
        )
    );
END
$$;

-- Those, and one's own.
CREATE FUNCTION guard.charts_seen(who uuid, moment timestamptz)
RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN guard.charts_owned(who) || guard.charts_read(who, moment);
END
$$;
REVOKE ALL ON FUNCTION
    guard.charts_owned, guard.charts_in_care, guard.charts_read, guard.charts_seen FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    guard.charts_owned, guard.charts_in_care, guard.charts_read, guard.charts_seen
    TO rekindle_app, rekindle_owner;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0015_policies_are_signed")]

    operations = [
        migrations.RunSQL(
            [AS_GUARD, CHARTS, "RESET ROLE"],
            [
                AS_GUARD,
                "DROP FUNCTION guard.charts_seen, guard.charts_read, guard.charts_in_care, guard.charts_owned",
                "RESET ROLE",
            ],
        ),
    ]
