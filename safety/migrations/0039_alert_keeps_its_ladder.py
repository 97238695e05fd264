from django.db import migrations, models

AS_GUARD = "SET LOCAL ROLE rekindle_guard"
STAYS = """
CREATE OR REPLACE FUNCTION guard.alert_stays_what_it_was()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'open' THEN
            RAISE EXCEPTION 'alert_begins_open' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status = 'closed' AND NEW IS DISTINCT FROM OLD
        OR (NEW.id, NEW.patient_id, NEW.alert_class, NEW.source, NEW.opened_at%s)
        IS DISTINCT FROM (OLD.id, OLD.patient_id, OLD.alert_class, OLD.source, OLD.opened_at%s)
    THEN
        RAISE EXCEPTION 'alert_stays_what_it_was' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("safety", "0038_safety_trigger_holds"), ("core", "0011_escalation_ladders")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(model_name="alert", name="ladder", field=models.JSONField(null=True)),
        migrations.RunSQL(
            [AS_GUARD, STAYS % (", NEW.ladder", ", OLD.ladder"), "RESET ROLE"],
            [AS_GUARD, STAYS % ("", ""), "RESET ROLE"],
        ),
    ]
