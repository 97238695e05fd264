import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [("assessments", "0014_worse_forms_kept"), ("programs", "0009_newest_first")]

    operations = [
        migrations.CreateModel(
            name="OfflineSubmission",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("client_id", models.UUIDField()),
                ("answers", models.JSONField()),
                ("filled_in_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("conflict", models.CharField(blank=True, max_length=20)),
                (
                    "assessment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="offline_submissions",
                        to="assessments.assessment",
                    ),
                ),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.enrollment",
                    ),
                ),
            ],
            options={
                "ordering": ["received_at", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("assessment", "client_id"), name="offline_submission_taken_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("conflict__in", ["", "changed_meanwhile", "submitted_before", "not_open"])
                        ),
                        name="offline_submission_conflict_is_known",
                    ),
                ],
            },
        ),
    ]
