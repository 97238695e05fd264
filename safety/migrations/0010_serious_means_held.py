"""What a CHECK can't say of events, holds and alerts: it would have to look at other rows, or at the past."""

from django.db import migrations

AS_GUARD = "SET LOCAL ROLE rekindle_guard"
FUNCTIONS = ("serious_event_is_escalated", "hold_is_lifted_by_another", "alert_stays_what_it_was")
RULES = r"""
-- At commit: an event's alert is its patient's; a serious one's is its own, and so is its hold, placed for it.
-- Both began standing, and end by a signature alone.
CREATE FUNCTION guard.serious_event_is_escalated()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.safety_alert WHERE id = NEW.alert_id AND patient_id = NEW.patient_id
        AND (NOT NEW.is_serious OR alert_class = 'serious_event' AND source = 'event:' || NEW.id)
    ) THEN
        RAISE EXCEPTION 'event_means_its_alert' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.is_serious AND NOT EXISTS (
        SELECT FROM public.safety_hold WHERE id = NEW.hold_id AND patient_id = NEW.patient_id
        AND reason = 'serious_event' AND placed_at >= NEW.reported_at
        AND NOT EXISTS (
            SELECT FROM public.safety_adverseevent AS other WHERE other.hold_id = NEW.hold_id AND other.id <> NEW.id
        )
    ) THEN
        RAISE EXCEPTION 'event_serious_means_its_hold' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

-- A hold begins standing, says for good whose it is, why and by whom, and is lifted once, by a clinician who
-- did not place it.
CREATE FUNCTION guard.hold_is_lifted_by_another()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.lifted_at IS NOT NULL THEN
            RAISE EXCEPTION 'hold_begins_standing' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.lifted_at IS NOT NULL AND NEW IS DISTINCT FROM OLD
        OR (NEW.id, NEW.patient_id, NEW.reason, NEW.note, NEW.placed_at, NEW.actor_kind, NEW.actor_id)
        IS DISTINCT FROM (OLD.id, OLD.patient_id, OLD.reason, OLD.note, OLD.placed_at, OLD.actor_kind, OLD.actor_id)
    THEN
        RAISE EXCEPTION 'hold_stays_what_it_was' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.lift_signature_id IS DISTINCT FROM OLD.lift_signature_id AND NOT EXISTS (
        SELECT FROM public.accounts_signature AS signed
        JOIN public.accounts_rolegrant AS held ON held.user_id = signed.signer_id AND held.role = 'clinician'
        WHERE signed.id = NEW.lift_signature_id
        AND held.starts_at <= signed.signed_at AND coalesce(held.ends_at > signed.signed_at, true)
        AND (NEW.actor_kind <> 'person' OR NEW.actor_id <> signed.signer_id::text)
    ) THEN
        RAISE EXCEPTION 'hold_is_lifted_by_another_clinician' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

-- An alert begins open, says for good whose it is, why and since when, and once closed says so for good.
CREATE FUNCTION guard.alert_stays_what_it_was()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'open' THEN
            RAISE EXCEPTION 'alert_begins_open' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status = 'closed' AND NEW IS DISTINCT FROM OLD
        OR (NEW.id, NEW.patient_id, NEW.alert_class, NEW.source, NEW.opened_at)
        IS DISTINCT FROM (OLD.id, OLD.patient_id, OLD.alert_class, OLD.source, OLD.opened_at)
    THEN
        RAISE EXCEPTION 'alert_stays_what_it_was' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
"""
TRIGGERS = (
    "CREATE CONSTRAINT TRIGGER escalated AFTER INSERT ON safety_adverseevent DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION guard.serious_event_is_escalated()",
    "CREATE TRIGGER lifted BEFORE INSERT OR UPDATE ON safety_hold"
    " FOR EACH ROW EXECUTE FUNCTION guard.hold_is_lifted_by_another()",
    "CREATE TRIGGER stays BEFORE INSERT OR UPDATE ON safety_alert"
    " FOR EACH ROW EXECUTE FUNCTION guard.alert_stays_what_it_was()",
)
NAMES = ", ".join(f"guard.{name}" for name in FUNCTIONS)


class Migration(migrations.Migration):
    dependencies = [("safety", "0009_health_profile_walls"), ("accounts", "0012_break_glass_walls")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RunSQL(
            [
                AS_GUARD,
                RULES,
                f"REVOKE ALL ON FUNCTION {NAMES} FROM PUBLIC; GRANT EXECUTE ON FUNCTION {NAMES} TO rekindle_owner",
                "RESET ROLE",
            ],
            [AS_GUARD, f"DROP FUNCTION {NAMES}", "RESET ROLE"],
        ),
        migrations.RunSQL(
            [*TRIGGERS],
            [
                "DROP TRIGGER escalated ON safety_adverseevent",
                "DROP TRIGGER lifted ON safety_hold",
                "DROP TRIGGER stays ON safety_alert",
            ],
        ),
    ]
