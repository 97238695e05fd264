"""Who is called about a session reads its emergency packet, and by that nothing else of the chart."""

from django.db import migrations

from core.append_only import append_only
from core.walls import By, audited, private

AS_GUARD = "SET LOCAL ROLE rekindle_guard"
TABLE = "treatment_sessions_emergencypacket"
CHART = "patient_id = ANY ((SELECT guard.visible_charts())::uuid[])"

CALLED = r"""
-- Whether `who` is called at `moment` about a session, though its patient need not be theirs: a practising
-- clinician, never about themselves. While it runs or recovers those on duty, and everybody where no roster
-- is kept (as safety.roster.queries says it: no shift ends later than 30 days ago), or where an alert of the
-- patient is not closed, because all are paged about that in turn; after it where such an alert is from then.
CREATE FUNCTION guard.called_about(session_ uuid, who uuid, moment timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER COST 1000 SET search_path = pg_catalog AS $$
BEGIN
    IF who IS NULL OR NOT EXISTS (
        SELECT FROM public.accounts_rolegrant AS held
        WHERE held.user_id = who AND held.role = 'clinician'
        AND held.starts_at <= moment AND coalesce(held.ends_at > moment, true)
    ) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        SELECT FROM public.treatment_sessions_treatmentsession AS session
        JOIN public.programs_enrollment AS enrollment ON enrollment.id = session.enrollment_id
        JOIN public.accounts_patient AS patient ON patient.id = enrollment.patient_id
        WHERE session.id = session_ AND patient.user_id <> who AND (
            session.status IN ('in_progress', 'recovering') AND (
                EXISTS (
                    SELECT FROM public.safety_oncallshift
                    WHERE user_id = who AND cancelled_at IS NULL AND starts_at <= moment AND ends_at > moment
                ) OR NOT EXISTS (
                    SELECT FROM public.safety_oncallshift
                    WHERE cancelled_at IS NULL AND ends_at > moment - interval '30 days'
                )
            ) OR EXISTS (
                SELECT FROM public.safety_alert AS alert
                WHERE alert.patient_id = patient.id AND alert.status <> 'closed'
                AND (
                    session.status IN ('in_progress', 'recovering')
                    OR alert.opened_at BETWEEN session.started_at
                        AND coalesce(session.no_drive_until, session.ended_at)
                )
            )
        )
    );
END
$$;

-- Whether whoever acts is called about a session now.
CREATE FUNCTION guard.is_called_about(session_ uuid)
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER COST 1000 SET search_path = pg_catalog AS $$
DECLARE
    acting text := current_setting('rekindle.actor', true);
BEGIN
    IF acting IS NULL OR acting NOT LIKE 'person:%' THEN
        RETURN false;
    END IF;
    RETURN guard.called_about(session_, substr(acting, 8)::uuid, guard.moment());
END
$$;
REVOKE ALL ON FUNCTION guard.called_about, guard.is_called_about FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.called_about, guard.is_called_about TO rekindle_app, rekindle_owner;
"""

# As safety's 0024_safety_officers_see_events has it, and that whoever looked is called about a session.
WHY = r"""
CREATE OR REPLACE FUNCTION guard.why(chart uuid)
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    kind text := split_part(current_setting('rekindle.actor', true), ':', 1);
    moment timestamptz := guard.moment();
    who uuid;
    cared_as text;
BEGIN
    IF kind = 'capability' THEN
        RETURN 'link';
    ELSIF kind IS DISTINCT FROM 'person' THEN
        RETURN 'process';
    END IF;
    who := split_part(current_setting('rekindle.actor', true), ':', 2);
    IF EXISTS (SELECT FROM public.accounts_patient WHERE id = chart AND user_id = who) THEN
        RETURN 'own';
    END IF;
    SELECT team.role INTO cared_as FROM public.accounts_careteammembership AS team
    JOIN public.accounts_rolegrant AS held ON held.user_id = team.member_id AND held.role = team.role
    WHERE team.patient_id = chart AND team.member_id = who
    AND team.starts_at <= moment AND coalesce(team.ends_at > moment, true)
    AND held.starts_at <= moment AND coalesce(held.ends_at > moment, true)
    ORDER BY team.role LIMIT 1;
    RETURN CASE
        WHEN cared_as = 'clinician' THEN 'care'
        WHEN cared_as IS NOT NULL THEN cared_as
        WHEN EXISTS (
            SELECT FROM public.accounts_breakglass
            WHERE patient_id = chart AND user_id = who AND starts_at <= moment AND ends_at > moment
        ) THEN 'break_glass'
        WHEN guard.follows_safety() AND chart = ANY (guard.alerted_charts()) THEN 'safety'
        WHEN chart = ANY (guard.alerted_charts()) THEN 'on_call'
%s        WHEN guard.assigns_care() THEN 'assigning'
        ELSE 'other'
    END;
END
$$;
"""
ON_DUTY = r"""        WHEN EXISTS (
            SELECT FROM public.treatment_sessions_treatmentsession AS session
            JOIN public.programs_enrollment AS enrollment ON enrollment.id = session.enrollment_id
            WHERE enrollment.patient_id = chart AND session.status IN ('in_progress', 'recovering')
            AND guard.is_called_about(session.id)
        ) THEN 'on_call'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("treatment_sessions", "0021_emergency_packet"),
        ("safety", "0034_stock_alerts"),
    ]

    operations = [
        migrations.RunSQL(
            [AS_GUARD, CALLED, "RESET ROLE"],
            [AS_GUARD, "DROP FUNCTION guard.is_called_about, guard.called_about", "RESET ROLE"],
        ),
        append_only(TABLE),
        # Read by who is called; written by who acts in the session alone.
        private(TABLE, f"{CHART} OR guard.is_called_about(session_id)", made=CHART),
        audited(TABLE, By.PATIENT),
        migrations.RunSQL(
            [AS_GUARD, WHY % ON_DUTY, "RESET ROLE"],
            [AS_GUARD, WHY % "", "RESET ROLE"],
        ),
    ]
