import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("safety", "0012_answers_about_seriousness"),
        ("treatment_sessions", "0008_effects_walls"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="UnattributedDose",
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
                    "route",
                    models.CharField(
                        choices=[("sublingual", "Sublingual"), ("subcutaneous", "Subcutaneous")],
                        max_length=20,
                    ),
                ),
                ("dose_mg", models.DecimalField(decimal_places=1, max_digits=6)),
                ("taken_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="safety.alert"
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="unattributed_doses",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["taken_at", "id"],
                "constraints": [
                    models.CheckConstraint(condition=Q(dose_mg__gt=0), name="unattributed_dose_is_positive"),
                    models.CheckConstraint(
                        condition=Q(route__in=["sublingual", "subcutaneous"]),
                        name="unattributed_dose_route_is_known",
                    ),
                    models.CheckConstraint(
                        condition=Q(recorded_at__gte=F("taken_at")),
                        name="unattributed_dose_taken_before_recorded",
                    ),
                    models.UniqueConstraint(
                        fields=["session", "actor_kind", "actor_id", "route", "dose_mg", "taken_at"],
                        name="unattributed_dose_told_once",
                    ),
                ],
            },
        ),
    ]
