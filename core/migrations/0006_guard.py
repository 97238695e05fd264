"""The audit trail, and who sees which chart: functions and tables that the app's role can't change.

They belong to `rekindle_guard` and run with its rights. The functions name tables of rooms above this one;
PostgreSQL looks those up when it calls them.
"""

from django.db import migrations

TRAIL = r"""
CREATE TABLE guard.head (
    chain text PRIMARY KEY,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    hash bytea NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE guard.event (
    chain text NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    act text NOT NULL CONSTRAINT event_act_is_known
        CHECK (act IN ('insert', 'update', 'delete', 'look', 'refuse')),
    subject text NOT NULL,
    row_id text NOT NULL,
    body text NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (chain, seq)
);

-- Adds one event to a chain. Whoever else writes to that chain waits until this transaction ends, so that
-- the numbers have no gaps. Fields are joined by a character that none of them but the last can hold.
CREATE FUNCTION guard.append(chain_ text, act_ text, subject_ text, row_id_ text, body_ text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    who text := current_setting('rekindle.actor', true);
    moment timestamptz := clock_timestamp();
    said text;
    added guard.head;
BEGIN
    IF coalesce(who, '') = '' THEN
        RAISE EXCEPTION 'nothing is done by nobody' USING ERRCODE = 'insufficient_privilege',
            HINT = 'Say who acts: core.acting.acting_as.';
    END IF;
    said := concat_ws(
        E'\x1f', (extract(epoch FROM moment) * 1000000)::bigint, who, act_, subject_, row_id_, body_
    );
    INSERT INTO guard.head AS head (chain, seq, at, hash)
    VALUES (chain_, 1, moment, sha256(convert_to(chain_ || E'\x1f1\x1f' || said, 'UTF8')))
    ON CONFLICT (chain) DO UPDATE SET
        seq = head.seq + 1,
        at = moment,
        hash = sha256(head.hash || convert_to(chain_ || E'\x1f' || (head.seq + 1) || E'\x1f' || said, 'UTF8'))
    RETURNING * INTO added;
    INSERT INTO guard.event (chain, seq, at, actor, act, subject, row_id, body, hash)
    VALUES (chain_, added.seq, moment, who, act_, subject_, row_id_, body_, added.hash);
END
$$;

CREATE FUNCTION guard.chart_of_enrollment(id_ uuid)
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN (SELECT patient_id FROM public.programs_enrollment WHERE id = id_);
END
$$;

CREATE FUNCTION guard.chart_of_screening(id_ uuid)
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN (
        SELECT patient_id FROM public.safety_screening AS screening
        JOIN public.programs_enrollment AS enrollment ON enrollment.id = enrollment_id WHERE screening.id = id_
    );
END
$$;

CREATE FUNCTION guard.chart_of_consent(id_ uuid)
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN (
        SELECT patient_id FROM public.programs_consent AS consent
        JOIN public.programs_enrollment AS enrollment ON enrollment.id = enrollment_id WHERE consent.id = id_
    );
END
$$;

CREATE FUNCTION guard.chart_of_session(id_ uuid)
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN (
        SELECT patient_id FROM public.treatment_sessions_treatmentsession AS session
        JOIN public.programs_enrollment AS enrollment ON enrollment.id = enrollment_id WHERE session.id = id_
    );
END
$$;

CREATE FUNCTION guard.chart_of_user(id_ uuid)
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN (SELECT id FROM public.accounts_patient WHERE user_id = id_);
END
$$;

-- Writes down one change of one row. Arguments: what the row belongs to, by which of its columns, and which
-- columns are secrets. An insert leaves the hash of the row; an update the columns' former values and the
-- new hash; a delete the row.
CREATE FUNCTION guard.write()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - string_to_array(TG_ARGV[2], ',') END;
    made jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - string_to_array(TG_ARGV[2], ',') END;
    link uuid := coalesce(made, was) ->> nullif(TG_ARGV[1], '');
    chart uuid;
    chain text;
    body jsonb := '{}';
BEGIN
    CASE TG_ARGV[0]
        WHEN 'patient' THEN chart := link;
        WHEN 'enrollment' THEN chart := guard.chart_of_enrollment(link);
        WHEN 'session' THEN chart := guard.chart_of_session(link);
        WHEN 'screening' THEN chart := guard.chart_of_screening(link);
        WHEN 'consent' THEN chart := guard.chart_of_consent(link);
        WHEN 'user' THEN chart := guard.chart_of_user(link);
        ELSE
    END CASE;
    chain := CASE
        WHEN chart IS NOT NULL THEN 'chart:' || chart
        WHEN TG_ARGV[0] = 'capability' THEN 'capability:' || link
        WHEN link IS NOT NULL THEN 'account:' || link
        ELSE 'system'
    END;
    IF TG_OP = 'DELETE' THEN
        body := was;
    ELSE
        body := jsonb_build_object('sha256', encode(sha256(convert_to(made::text, 'UTF8')), 'hex'));
    END IF;
    IF TG_OP = 'UPDATE' THEN
        body := body || jsonb_build_object('was', (
            SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(was)
            WHERE value IS DISTINCT FROM made -> key
        ));
    END IF;
    PERFORM guard.append(
        chain, lower(TG_OP), TG_TABLE_NAME::text, coalesce(made, was) ->> 'id', body::text
    );
    RETURN NULL;
END
$$;

-- Writes down that charts were looked at: by whom and when is added here, `body_` says why.
CREATE FUNCTION guard.looked(charts uuid[], subject_ text, body_ text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    chart uuid;
BEGIN
    -- In one order, so that two who look at the same charts do not wait for each other.
    FOR chart IN SELECT DISTINCT unnest(charts) ORDER BY 1 LOOP
        PERFORM guard.append('chart:' || chart, 'look', subject_, '', body_);
    END LOOP;
END
$$;

-- Writes down that somebody was refused; in the chain of whoever asked, because the chart may not exist.
CREATE FUNCTION guard.refused(subject_ text, body_ text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    who text := current_setting('rekindle.actor', true);
BEGIN
    PERFORM guard.append(
        CASE WHEN who LIKE 'person:%' THEN 'account:' || substr(who, 8) ELSE coalesce(who, '') END,
        'refuse', subject_, '', body_
    );
END
$$;
"""

SIGHT = r"""
-- The moment that memberships and links are measured at: in a rehearsal, the rehearsal's.
CREATE FUNCTION guard.moment()
RETURNS timestamptz LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN clock_timestamp() + coalesce((SELECT "offset" FROM public.core_democlock), interval '0');
END
$$;

-- The charts that whoever acts may see: their own; those in their care, while they hold the role they care
-- in; for the holder of a link, that of the session it opens.
CREATE FUNCTION guard.visible_charts()
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
            )
        );
    END IF;
    RETURN ARRAY(
        SELECT guard.chart_of_session(target_id) FROM public.accounts_capability
        WHERE id = who AND scope = 'monitor' AND revoked_at IS NULL AND expires_at > moment
    );
END
$$;

-- The charts that a practising clinician has been called about: those with an alert that is not closed, and
-- those whose alert they answered.
CREATE FUNCTION guard.alerted_charts()
RETURNS uuid[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    acting text := current_setting('rekindle.actor', true);
    moment timestamptz := guard.moment();
    who uuid;
BEGIN
    IF acting IS NULL OR acting NOT LIKE 'person:%' THEN
        RETURN '{}';
    END IF;
    who := substr(acting, 8);
    IF NOT EXISTS (
        SELECT FROM public.accounts_rolegrant WHERE user_id = who AND role = 'clinician'
        AND starts_at <= moment AND coalesce(ends_at > moment, true)
    ) THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT patient_id FROM public.safety_alert WHERE status <> 'closed'
        UNION
        SELECT patient_id FROM public.safety_alert WHERE acknowledged_by_id = who
        UNION
        SELECT patient_id FROM public.safety_alert AS alert
        JOIN public.accounts_signature AS signature ON signature.id = signature_id WHERE signer_id = who
    );
END
$$;

-- Whether whoever acts runs the installation.
CREATE FUNCTION guard.operates()
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    acting text := current_setting('rekindle.actor', true);
    moment timestamptz := guard.moment();
BEGIN
    RETURN acting LIKE 'person:%' AND EXISTS (
        SELECT FROM public.accounts_user AS person WHERE id = substr(acting, 8)::uuid AND is_active
        AND (is_superuser OR EXISTS (
            SELECT FROM public.accounts_rolegrant WHERE user_id = person.id AND role = 'operator'
            AND starts_at <= moment AND coalesce(ends_at > moment, true)
        ))
    );
END
$$;

-- Whether whoever acts says who cares for whom, and so has to see who there is.
CREATE FUNCTION guard.assigns_care()
RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    acting text := current_setting('rekindle.actor', true);
    moment timestamptz := guard.moment();
BEGIN
    RETURN acting LIKE 'person:%' AND EXISTS (
        SELECT FROM public.accounts_rolegrant
        WHERE user_id = substr(acting, 8)::uuid AND role IN ('operator', 'medical_director')
        AND starts_at <= moment AND coalesce(ends_at > moment, true)
    );
END
$$;
"""

RIGHTS = r"""
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA guard FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    guard.looked, guard.refused, guard.moment, guard.visible_charts, guard.alerted_charts,
    guard.operates, guard.assigns_care, guard.chart_of_enrollment, guard.chart_of_consent, guard.chart_of_screening,
    guard.chart_of_session, guard.chart_of_user
    TO rekindle_app, rekindle_owner;
GRANT EXECUTE ON FUNCTION guard.write TO rekindle_owner;

-- The trail itself is read like the charts that it is about.
GRANT SELECT ON guard.event, guard.head TO rekindle_app;
ALTER TABLE guard.event ENABLE ROW LEVEL SECURITY;
ALTER TABLE guard.head ENABLE ROW LEVEL SECURITY;
CREATE POLICY walls ON guard.event FOR SELECT TO rekindle_app USING (
    (SELECT current_setting('rekindle.sees', true)) = 'all'
    OR chain = ANY (ARRAY(SELECT 'chart:' || unnest(guard.visible_charts())))
);
CREATE POLICY walls ON guard.head FOR SELECT TO rekindle_app USING (
    (SELECT current_setting('rekindle.sees', true)) = 'all'
);
"""

AS_GUARD = "SET LOCAL ROLE rekindle_guard"


class Migration(migrations.Migration):
    dependencies = [("core", "0005_consent_documents_by_language")]

    operations = [
        # What the functions read and no policy binds.
        migrations.RunSQL("GRANT SELECT ON core_democlock TO rekindle_guard", migrations.RunSQL.noop),
        migrations.RunSQL(
            [AS_GUARD, TRAIL, SIGHT, RIGHTS, "RESET ROLE"],
            [
                AS_GUARD,
                "DROP TABLE guard.event, guard.head CASCADE",
                "DROP FUNCTION guard.append, guard.write, guard.looked, guard.refused, guard.moment,"
                " guard.visible_charts, guard.alerted_charts, guard.operates, guard.assigns_care, guard.chart_of_enrollment,"
                " guard.chart_of_consent, guard.chart_of_screening, guard.chart_of_session,"
                " guard.chart_of_user",
                "RESET ROLE",
            ],
        ),
    ]
