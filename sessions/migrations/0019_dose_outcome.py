import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("safety", "0034_stock_alerts"),
        ("treatment_sessions", "0018_ledger_walls"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="DoseOutcome",
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
                (
                    "kind",
                    models.CharField(choices=[("refused", "Refused"), ("vomited", "Vomited")], max_length=10),
                ),
                ("note", models.TextField(blank=True)),
                ("recorded_at", models.DateTimeField()),
                (
                    "alert",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="safety.alert",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dose_outcomes",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(kind__in=["refused", "vomited"]), name="dose_outcome_is_known"
                    ),
                    models.CheckConstraint(
                        condition=~Q(kind="vomited") | Q(alert__isnull=False),
                        name="dose_vomited_means_alert",
                    ),
                    models.UniqueConstraint(fields=["session", "kind"], name="dose_outcome_recorded_once"),
                ],
            },
        ),
    ]
