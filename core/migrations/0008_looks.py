"""Every look at a chart says why whoever looked may: decided here, so that no view can say another thing."""

from django.db import migrations

AS_GUARD = "SET LOCAL ROLE rekindle_guard"
WHY = r"""
CREATE FUNCTION guard.why(chart uuid)
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
        WHEN chart = ANY (guard.alerted_charts()) THEN 'on_call'
        WHEN guard.assigns_care() THEN 'assigning'
        ELSE 'other'
    END;
END
$$;
REVOKE ALL ON FUNCTION guard.why FROM PUBLIC;
"""
LOOKED = r"""
CREATE OR REPLACE FUNCTION guard.looked(charts uuid[], subject_ text, body_ text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    chart uuid;
BEGIN
    -- In one order, so that two who look at the same charts do not wait for each other.
    FOR chart IN SELECT DISTINCT unnest(charts) ORDER BY 1 LOOP
        PERFORM guard.append('chart:' || chart, 'look', subject_, '', {body});
    END LOOP;
END
$$;
"""


def looked(body: str) -> str:
    """Return the statement that makes `guard.looked` write `body`."""
    return LOOKED.replace("{body}", body)


class Migration(migrations.Migration):
    dependencies = [("core", "0007_walls")]

    operations = [
        migrations.RunSQL(
            [
                AS_GUARD,
                WHY,
                looked("coalesce(nullif(body_, ''), jsonb_build_object('why', guard.why(chart))::text)"),
                "RESET ROLE",
            ],
            [AS_GUARD, looked("body_"), "DROP FUNCTION guard.why", "RESET ROLE"],
        ),
    ]
