import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("programs", "0001_initial"),
        ("safety", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Assessment",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("instrument", models.CharField(max_length=20)),
                ("instrument_version", models.CharField(max_length=20)),
                ("after_session", models.PositiveSmallIntegerField()),
                ("opens_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("closes_at", models.DateTimeField()),
                ("answers", models.JSONField(default=dict)),
                ("submitted_at", models.DateTimeField(null=True)),
                ("scores", models.JSONField(null=True)),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assessments",
                        to="programs.enrollment",
                    ),
                ),
                (
                    "safety_alert",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="safety.alert",
                    ),
                ),
            ],
            options={
                "ordering": ["due_at", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("enrollment", "instrument", "after_session"),
                        name="assessment_once_per_timepoint",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("due_at__lte", models.F("closes_at")), ("opens_at__lte", models.F("due_at"))
                        ),
                        name="assessment_opens_then_is_due_then_closes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("scores", None), ("submitted_at", None)),
                            models.Q(("scores__isnull", False), ("submitted_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="assessment_submitted_means_scored",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("instrument", "phq9"), _negated=True),
                            ("answers__phq9_9", None),
                            ("answers__phq9_9", 0),
                            ("safety_alert__isnull", False),
                            _connector="OR",
                        ),
                        name="assessment_self_harm_means_alert",
                    ),
                ],
            },
        ),
    ]
