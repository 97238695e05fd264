import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("treatment_sessions", "0026_call_link"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="checkin",
            name="after_seal",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="observation",
            name="after_seal",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="observation",
            name="reason",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="observation",
            name="replaces",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_by",
                to="treatment_sessions.observation",
            ),
        ),
        migrations.AddField(
            model_name="unattributeddose",
            name="after_seal",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reason", ""), ("replaces", None)),
                    models.Q(("replaces__isnull", False), models.Q(("reason", ""), _negated=True)),
                    _connector="OR",
                ),
                name="observation_is_replaced_for_a_reason",
            ),
        ),
    ]
