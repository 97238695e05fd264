import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("assessments", "0011_forms_as_needed"),
        ("programs", "0009_newest_first"),
    ]

    operations = [
        migrations.CreateModel(
            name="FormCause",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("self_harm_answer", "self_harm_answer"),
                            ("hold", "hold"),
                            ("serious_event", "serious_event"),
                            ("screening", "screening"),
                        ],
                        max_length=16,
                    ),
                ),
                ("source", models.CharField(max_length=60)),
                ("as_needed", models.PositiveSmallIntegerField()),
                ("noted_at", models.DateTimeField()),
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
                "ordering": ["noted_at", "id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["self_harm_answer", "hold", "serious_event", "screening"])
                        ),
                        name="form_cause_kind_is_known",
                    ),
                    models.UniqueConstraint(fields=("enrollment", "source"), name="form_cause_calls_once"),
                ],
            },
        ),
    ]
