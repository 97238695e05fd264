import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_policies_are_signed"),
        ("safety", "0007_late_dose_alerts"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="HealthFact",
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
                    "section",
                    models.CharField(
                        choices=[
                            ("condition", "Condition"),
                            ("medication", "Medication"),
                            ("allergy", "Allergy"),
                            ("pregnancy", "Pregnancy"),
                            ("lactation", "Lactation"),
                            ("vital", "Vital"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("unknown", "Unknown"),
                            ("active", "Active"),
                            ("remission", "Remission"),
                            ("resolved", "Resolved"),
                            ("taken", "Taken"),
                            ("stopped", "Stopped"),
                            ("none", "None"),
                            ("pregnant", "Pregnant"),
                            ("possible", "Possible"),
                            ("not_pregnant", "Not Pregnant"),
                            ("lactating", "Lactating"),
                            ("not_lactating", "Not Lactating"),
                            ("not_applicable", "Not Applicable"),
                            ("measured", "Measured"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", models.CharField(blank=True, max_length=200)),
                ("codings", models.JSONField(default=list)),
                ("vital", models.CharField(blank=True, max_length=16)),
                ("value", models.FloatField(null=True)),
                ("unit", models.CharField(blank=True, max_length=12)),
                ("measured_at", models.DateTimeField(null=True)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("patient", "Patient"),
                            ("clinician", "Clinician"),
                            ("import", "Import"),
                            ("program", "Program"),
                        ],
                        max_length=10,
                    ),
                ),
                ("external_id", models.CharField(blank=True, max_length=120)),
                ("recorded_at", models.DateTimeField()),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="health_facts",
                        to="accounts.patient",
                    ),
                ),
                (
                    "replaces",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="safety.healthfact",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "section__in",
                                ["condition", "medication", "allergy", "pregnancy", "lactation", "vital"],
                            )
                        ),
                        name="profile_section_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "unknown",
                                    "active",
                                    "remission",
                                    "resolved",
                                    "taken",
                                    "stopped",
                                    "none",
                                    "pregnant",
                                    "possible",
                                    "not_pregnant",
                                    "lactating",
                                    "not_lactating",
                                    "not_applicable",
                                    "measured",
                                    "withdrawn",
                                ],
                            )
                        ),
                        name="profile_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["patient", "clinician", "import", "program"])),
                        name="profile_source_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("measured_at__isnull", False),
                                ("section", "vital"),
                                ("value__isnull", False),
                                models.Q(("vital", ""), _negated=True),
                                models.Q(("unit", ""), _negated=True),
                            ),
                            models.Q(
                                models.Q(("section", "vital"), _negated=True),
                                ("measured_at", None),
                                ("unit", ""),
                                ("value", None),
                                ("vital", ""),
                            ),
                            _connector="OR",
                        ),
                        name="profile_measurement_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("section__in", ["condition", "medication", "allergy"]), _negated=True),
                            models.Q(("state", "none"), ("text", "")),
                            models.Q(
                                models.Q(("state", "none"), _negated=True),
                                models.Q(("text", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="profile_entry_has_a_name",
                    ),
                ],
            },
        ),
    ]
