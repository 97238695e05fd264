import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("programs", "0009_newest_first"),
        ("safety", "0035_worsening_alerts"),
        ("treatment_sessions", "0029_seal_on_what_the_log_tells"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="MorningAnswer",
            fields=[
                (
                    "actor_kind",
                    models.CharField(
                        choices=[("person", "Person"), ("capability", "Capability"), ("service", "Service")],
                        max_length=12,
                    ),
                ),
                ("actor_id", models.CharField(max_length=60)),
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("slept", models.BooleanField()),
                ("is_alert", models.BooleanField()),
                ("given_at", models.DateTimeField()),
                ("after_seal", models.BooleanField(db_default=False, default=False)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="treatmentsession",
            name="morning_due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="treatmentsession",
            index=models.Index(
                condition=models.Q(("morning_due_at__isnull", False)),
                fields=["morning_due_at"],
                name="session_morning_by_due",
            ),
        ),
        migrations.AddField(
            model_name="morninganswer",
            name="alert",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="safety.alert"
            ),
        ),
        migrations.AddField(
            model_name="morninganswer",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="morning_answers",
                to="treatment_sessions.treatmentsession",
            ),
        ),
        migrations.AddConstraint(
            model_name="morninganswer",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_alert", True), ("alert__isnull", False), _connector="OR"),
                name="morning_not_awake_means_alert",
            ),
        ),
    ]
