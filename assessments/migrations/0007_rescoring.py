import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [("assessments", "0006_more_points"), ("programs", "0009_newest_first")]

    operations = [
        migrations.CreateModel(
            name="Rescoring",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("version", models.CharField(max_length=20)),
                ("content_sha256", models.CharField(max_length=64)),
                ("scores", models.JSONField(null=True)),
                ("scored_at", models.DateTimeField()),
                (
                    "assessment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rescorings",
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
                "ordering": ["scored_at", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("assessment", "content_sha256"), name="rescoring_once_per_file"
                    )
                ],
            },
        ),
    ]
