import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("core", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Program",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("slug", models.SlugField(max_length=40, unique=True)),
                ("title", models.CharField(max_length=80)),
                ("condition", models.CharField(max_length=40)),
                ("session_count", models.PositiveSmallIntegerField()),
                ("price_per_session_cents", models.PositiveIntegerField()),
                ("currency", models.CharField(default="USD", max_length=3)),
                ("is_offered", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["session_count"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("session_count__in", [6, 12, 18])),
                        name="program_has_6_12_or_18_sessions",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Enrollment",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("screening", "Screening"),
                            ("declined", "Declined"),
                            ("awaiting_plan", "Awaiting Plan"),
                            ("awaiting_consent", "Awaiting Consent"),
                            ("active", "Active"),
                            ("completed", "Completed"),
                            ("discontinued", "Discontinued"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="screening",
                        max_length=20,
                    ),
                ),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="enrollments",
                        to="accounts.patient",
                    ),
                ),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="enrollments",
                        to="programs.program",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TreatmentPlan",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("version", models.PositiveIntegerField()),
                (
                    "route",
                    models.CharField(
                        choices=[("sublingual", "Sublingual"), ("subcutaneous", "Subcutaneous")],
                        max_length=20,
                    ),
                ),
                ("dose_mg", models.DecimalField(decimal_places=1, max_digits=6)),
                ("session_count", models.PositiveSmallIntegerField()),
                ("min_days_between", models.PositiveSmallIntegerField()),
                ("notes", models.TextField(blank=True)),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plans",
                        to="programs.enrollment",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, to="accounts.signature"
                    ),
                ),
            ],
            options={
                "ordering": ["version"],
            },
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.documentversion",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, to="accounts.signature"
                    ),
                ),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consents",
                        to="programs.enrollment",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("enrollment", "document"), name="consent_once_per_document"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EnrollmentTransition",
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
                ("from_status", models.CharField(blank=True, max_length=20)),
                ("to_status", models.CharField(max_length=20)),
                ("event", models.CharField(max_length=40)),
                ("at", models.DateTimeField()),
                ("reason", models.TextField(blank=True)),
                ("policy_version", models.PositiveIntegerField(null=True)),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transitions",
                        to="programs.enrollment",
                    ),
                ),
            ],
            options={
                "ordering": ["at", "id"],
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "event__in",
                                [
                                    "enrolled",
                                    "declined",
                                    "accepted",
                                    "plan_signed",
                                    "consented",
                                    "completed",
                                    "discontinued",
                                    "withdrawn",
                                ],
                            )
                        ),
                        name="enrollment_event_is_known",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="enrollment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "screening",
                            "declined",
                            "awaiting_plan",
                            "awaiting_consent",
                            "active",
                            "completed",
                            "discontinued",
                            "withdrawn",
                        ],
                    )
                ),
                name="enrollment_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="enrollment",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("status__in", ("screening", "awaiting_plan", "awaiting_consent", "active"))
                ),
                fields=("patient",),
                name="enrollment_one_open_per_patient",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentplan",
            constraint=models.UniqueConstraint(
                fields=("enrollment", "version"), name="plan_version_is_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("dose_mg__gt", 0)), name="plan_dose_is_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("session_count__gte", 1), ("session_count__lte", 18)),
                name="plan_has_1_to_18_sessions",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("route__in", ["sublingual", "subcutaneous"])), name="plan_route_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("min_days_between__gte", 1)), name="plan_spaces_sessions"
            ),
        ),
    ]
