"""Safety officers see every event with its hold, its alert and whose it is; their looks say so."""

from django.db import migrations

AS_GUARD = "SET LOCAL ROLE rekindle_guard"
FOLLOWS = r"""
-- Whether whoever acts looks after what went wrong, whoever's patient it was.
CREATE FUNCTION guard.follows_safety()
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    acting text := current_setting('rekindle.actor', true);
    moment timestamptz := guard.moment();
BEGIN
    RETURN acting LIKE 'person:%' AND EXISTS (
        SELECT FROM public.accounts_rolegrant
        WHERE user_id = substr(acting, 8)::uuid AND role = 'safety_officer'
        AND starts_at <= moment AND coalesce(ends_at > moment, true)
    );
END
$$;
REVOKE ALL ON FUNCTION guard.follows_safety FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.follows_safety TO rekindle_app, rekindle_owner;
"""

# As core's 0006_guard has it, and every chart with an event for a safety officer.
ALERTED = r"""
CREATE OR REPLACE FUNCTION guard.alerted_charts()
RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    acting text := current_setting('rekindle.actor', true);
    moment timestamptz := guard.moment();
    who uuid;
    events uuid[] := '{}';
BEGIN
    IF acting IS NULL OR acting NOT LIKE 'person:%%' THEN
        RETURN '{}';
    END IF;
    who := substr(acting, 8);
%s    IF NOT EXISTS (
        SELECT FROM public.accounts_rolegrant WHERE user_id = who AND role = 'clinician'
        AND starts_at <= moment AND coalesce(ends_at > moment, true)
    ) THEN
        RETURN events;
    END IF;
    RETURN events || ARRAY(
        SELECT patient_id FROM public.safety_alert WHERE status <> 'closed'
        UNION
        SELECT patient_id FROM public.safety_alert WHERE acknowledged_by_id = who
        UNION
        SELECT patient_id FROM public.safety_alert AS alert
        JOIN public.accounts_signature AS signature ON signature.id = signature_id WHERE signer_id = who
    );
END
$$;
"""
OF_EVENTS = r"""    IF guard.follows_safety() THEN
        events := ARRAY(SELECT DISTINCT patient_id FROM public.safety_adverseevent);
    END IF;
"""

# As accounts' 0012_break_glass_walls has it, and that whoever looked follows what went wrong.
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
%s        WHEN chart = ANY (guard.alerted_charts()) THEN 'on_call'
        WHEN guard.assigns_care() THEN 'assigning'
        ELSE 'other'
    END;
END
$$;
"""
BY_OFFICE = r"""        WHEN guard.follows_safety() AND chart = ANY (guard.alerted_charts()) THEN 'safety'
"""


class Migration(migrations.Migration):
    dependencies = [("safety", "0023_review_advice"), ("accounts", "0012_break_glass_walls")]

    operations = [
        migrations.RunSQL(
            [AS_GUARD, FOLLOWS, ALERTED % OF_EVENTS, WHY % BY_OFFICE, "RESET ROLE"],
            [
                AS_GUARD,
                WHY % "",
                ALERTED % "",
                "DROP FUNCTION guard.follows_safety",
                "RESET ROLE",
            ],
        ),
    ]
