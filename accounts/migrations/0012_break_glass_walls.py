"""Who sees that a chart was opened, what of it may change; and charts that are open are seen."""

from django.db import migrations

from core.append_only import kept
from core.walls import ACTOR, By, walled

AS_GUARD = "SET LOCAL ROLE rekindle_guard"

# As core's 0006_guard has it, and the charts that a clinician has opened by break-glass, to the minute.
VISIBLE = r"""
CREATE OR REPLACE FUNCTION guard.visible_charts()
RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    kind text := split_part(current_setting('rekindle.actor', true), ':', 1);
    moment timestamptz := guard.moment();
    who uuid;
BEGIN
    IF kind IS NULL OR kind NOT IN ('person', 'capability') THEN
        RETURN '{}';
    END IF;
    who := split_part(current_setting('rekindle.actor', true), ':', 2);
    IF kind = 'person' THEN
        RETURN ARRAY(
            SELECT id FROM public.accounts_patient WHERE user_id = who
            UNION ALL
            SELECT team.patient_id FROM public.accounts_careteammembership AS team
            WHERE team.member_id = who AND team.starts_at <= moment AND coalesce(team.ends_at > moment, true)
            AND EXISTS (
                SELECT FROM public.accounts_rolegrant AS held
                WHERE held.user_id = who AND held.role = team.role
                AND held.starts_at <= moment AND coalesce(held.ends_at > moment, true)
            )%s
        );
    END IF;
    RETURN ARRAY(
        SELECT guard.chart_of_session(target_id) FROM public.accounts_capability
        WHERE id = who AND scope = 'monitor' AND revoked_at IS NULL AND expires_at > moment
    );
END
$$;
"""
OPENED = r"""
            UNION ALL
            SELECT opening.patient_id FROM public.accounts_breakglass AS opening
            WHERE opening.user_id = who AND opening.starts_at <= moment AND opening.ends_at > moment
            AND EXISTS (
                SELECT FROM public.accounts_rolegrant AS held
                WHERE held.user_id = who AND held.role = 'clinician'
                AND held.starts_at <= moment AND coalesce(held.ends_at > moment, true)
            )"""

# As core's 0008_looks has it, and that whoever looked had opened the chart by break-glass.
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
%s        WHEN chart = ANY (guard.alerted_charts()) THEN 'on_call'
        WHEN guard.assigns_care() THEN 'assigning'
        ELSE 'other'
    END;
END
$$;
"""
BY_BREAK_GLASS = r"""        WHEN EXISTS (
            SELECT FROM public.accounts_breakglass
            WHERE patient_id = chart AND user_id = who AND starts_at <= moment AND ends_at > moment
        ) THEN 'break_glass'
"""

REVIEWS = r"""
-- Whether whoever acts reviews who opened which chart.
CREATE FUNCTION guard.reviews_break_glass()
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    acting text := current_setting('rekindle.actor', true);
    moment timestamptz := guard.moment();
BEGIN
    RETURN acting LIKE 'person:%' AND EXISTS (
        SELECT FROM public.accounts_rolegrant
        WHERE user_id = substr(acting, 8)::uuid AND role = 'privacy_officer'
        AND starts_at <= moment AND coalesce(ends_at > moment, true)
    );
END
$$;
REVOKE ALL ON FUNCTION guard.reviews_break_glass FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.reviews_break_glass TO rekindle_app, rekindle_owner;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_break_glass"), ("core", "0008_looks")]

    operations = [
        kept("accounts_breakglass"),
        # Whose chart, who, when it began and why stay as they were written.
        migrations.RunSQL(
            "REVOKE UPDATE ON accounts_breakglass FROM rekindle_app;"
            "GRANT UPDATE (ends_at, next_call_at, reviewed_by_id, reviewed_at, finding, note)"
            " ON accounts_breakglass TO rekindle_app",
            "GRANT UPDATE ON accounts_breakglass TO rekindle_app",
        ),
        migrations.RunSQL(
            [AS_GUARD, REVIEWS, "RESET ROLE"],
            [AS_GUARD, "DROP FUNCTION guard.reviews_break_glass", "RESET ROLE"],
        ),
        *walled(
            "accounts_breakglass",
            By.PATIENT,
            or_where=f"'person:' || user_id = {ACTOR} OR (SELECT guard.reviews_break_glass())",
        ),
        migrations.RunSQL(
            [AS_GUARD, VISIBLE % OPENED, WHY % BY_BREAK_GLASS, "RESET ROLE"],
            [AS_GUARD, VISIBLE % "", WHY % "", "RESET ROLE"],
        ),
    ]
