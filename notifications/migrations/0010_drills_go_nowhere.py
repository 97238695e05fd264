"""What is about a drill's chart goes nowhere, whoever writes it down and however."""

import django.db.models.deletion
from django.db import migrations, models

CHANNELS = [("email", "Email"), ("text", "Text"), ("record", "Record")]
AS_GUARD = "SET LOCAL ROLE rekindle_guard"
NOWHERE = r"""
CREATE FUNCTION guard.drill_goes_nowhere()
RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.accounts_patient
        WHERE is_drill AND (id = NEW.about_id OR user_id = NEW.user_id)
    ) THEN
        NEW.channel := 'record';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION guard.drill_goes_nowhere FROM PUBLIC;
GRANT EXECUTE ON FUNCTION guard.drill_goes_nowhere TO rekindle_owner;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_drill_chart"),
        ("notifications", "0009_inbox"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="delivery", name="delivery_channel_is_known"),
        migrations.AlterField(
            model_name="delivery",
            name="channel",
            field=models.CharField(choices=CHANNELS, db_default="email", default="email", max_length=8),
        ),
        migrations.AlterField(
            model_name="providercircuit",
            name="channel",
            field=models.CharField(choices=CHANNELS, max_length=8, primary_key=True, serialize=False),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("channel__in", [value for value, _ in CHANNELS])),
                name="delivery_channel_is_known",
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="about",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.patient",
            ),
        ),
        migrations.RunSQL(
            [AS_GUARD, NOWHERE, "RESET ROLE"],
            [AS_GUARD, "DROP FUNCTION guard.drill_goes_nowhere", "RESET ROLE"],
        ),
        migrations.RunSQL(
            "CREATE TRIGGER drill_goes_nowhere BEFORE INSERT OR UPDATE OF channel, about_id, user_id"
            " ON notifications_delivery FOR EACH ROW EXECUTE FUNCTION guard.drill_goes_nowhere()",
            "DROP TRIGGER drill_goes_nowhere ON notifications_delivery",
        ),
    ]
