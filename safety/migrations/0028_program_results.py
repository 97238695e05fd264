import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0016_charts_by_rule"),
        ("safety", "0027_refused_dose_alerts"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="ProgramResult",
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
                ("about", models.CharField(max_length=20)),
                ("name", models.CharField(max_length=40)),
                ("value", models.FloatField(null=True)),
                ("word", models.CharField(blank=True, max_length=40)),
                ("taken_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="program_results",
                        to="accounts.patient",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [
                    models.Index(
                        fields=["patient", "about", "name", "-taken_at", "-id"], name="program_result_newest"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=~Q(about="") & ~Q(name=""), name="program_result_says_what_it_is"
                    ),
                    models.CheckConstraint(
                        condition=Q(value=None) | Q(word=""), name="program_result_is_number_or_word"
                    ),
                    models.CheckConstraint(
                        condition=Q(taken_at__lte=F("recorded_at")),
                        name="program_result_taken_then_recorded",
                    ),
                ],
            },
        ),
    ]
