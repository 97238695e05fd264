"""Who sees what was made of an event; and that finding one serious holds treatment as reporting it does."""

from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "safety_eventassessment"
AS_GUARD = "SET LOCAL ROLE rekindle_guard"
RULE = r"""
-- At commit: an assessment is of its patient's event; one that finds serious what was not reported so has a
-- hold placed for it, and an alert that names the event.
CREATE FUNCTION guard.serious_assessment_is_escalated()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    reported_serious boolean;
BEGIN
    SELECT is_serious INTO reported_serious FROM public.safety_adverseevent
    WHERE id = NEW.event_id AND patient_id = NEW.patient_id;
    IF reported_serious IS NULL THEN
        RAISE EXCEPTION 'assessment_of_its_patient' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.is_serious AND NOT reported_serious AND NOT EXISTS (
        SELECT FROM public.safety_hold AS hold JOIN public.safety_alert AS alert ON alert.id = NEW.alert_id
        WHERE hold.id = NEW.hold_id AND hold.patient_id = NEW.patient_id AND hold.reason = 'serious_event'
        AND alert.patient_id = NEW.patient_id AND alert.alert_class = 'serious_event'
        AND alert.source = 'event:' || NEW.event_id
    ) THEN
        RAISE EXCEPTION 'assessment_serious_means_held' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION guard.serious_assessment_is_escalated FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.serious_assessment_is_escalated TO rekindle_owner;
"""


class Migration(migrations.Migration):
    dependencies = [("safety", "0014_event_assessment")]

    operations = [
        append_only(TABLE),
        *walled(TABLE, By.PATIENT, or_where="patient_id = ANY ((SELECT guard.alerted_charts())::uuid[])"),
        migrations.RunSQL(
            [AS_GUARD, RULE, "RESET ROLE"],
            [AS_GUARD, "DROP FUNCTION guard.serious_assessment_is_escalated", "RESET ROLE"],
        ),
        migrations.RunSQL(
            f"CREATE CONSTRAINT TRIGGER escalated AFTER INSERT ON {TABLE} DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION guard.serious_assessment_is_escalated()",
            f"DROP TRIGGER escalated ON {TABLE}",
        ),
    ]
