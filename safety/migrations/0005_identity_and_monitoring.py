import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_staff_invitations"),
        ("core", "0005_consent_documents_by_language"),
        ("programs", "0005_append_only"),
        ("safety", "0004_walls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="IdentityCheck",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("checked_at", models.DateTimeField()),
                (
                    "method",
                    models.CharField(choices=[("video", "Video"), ("in_person", "In Person")], max_length=10),
                ),
                (
                    "document",
                    models.CharField(
                        choices=[
                            ("passport", "Passport"),
                            ("driving_licence", "Driving Licence"),
                            ("state_id", "State Id"),
                            ("other", "Other"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[("confirmed", "Confirmed"), ("not_confirmed", "Not Confirmed")],
                        max_length=14,
                    ),
                ),
                ("legal_name", models.CharField(max_length=120)),
                ("birth_on", models.DateField()),
                ("is_adult", models.BooleanField()),
                ("recorded_at", models.DateTimeField()),
                (
                    "checked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identity_checks",
                        to="accounts.patient",
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="core.documentversion",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("method__in", ["video", "in_person"])),
                        name="identity_method_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("document__in", ["passport", "driving_licence", "state_id", "other"])
                        ),
                        name="identity_document_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["confirmed", "not_confirmed"])),
                        name="identity_outcome_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("checked_at__lte", models.F("recorded_at"))),
                        name="identity_checked_before_recorded",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MonitoringQuery",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                (
                    "states",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=2), size=None
                    ),
                ),
                ("queried_at", models.DateTimeField()),
                (
                    "result",
                    models.CharField(
                        choices=[
                            ("no_concern", "No Concern"),
                            ("concern", "Concern"),
                            ("no_answer", "No Answer"),
                        ],
                        max_length=10,
                    ),
                ),
                ("note", models.BinaryField()),
                ("recorded_at", models.DateTimeField()),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="monitoring_queries",
                        to="programs.enrollment",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "states__contained_by",
                                [
                                    "AK",
                                    "AL",
                                    "AR",
                                    "AS",
                                    "AZ",
                                    "CA",
                                    "CO",
                                    "CT",
                                    "DC",
                                    "DE",
                                    "FL",
                                    "GA",
                                    "GU",
                                    "HI",
                                    "IA",
                                    "ID",
                                    "IL",
                                    "IN",
                                    "KS",
                                    "KY",
                                    "LA",
                                    "MA",
                                    "MD",
                                    "ME",
                                    "MI",
                                    "MN",
                                    "MO",
                                    "MP",
                                    "MS",
                                    "MT",
                                    "NC",
                                    "ND",
                                    "NE",
                                    "NH",
                                    "NJ",
                                    "NM",
                                    "NV",
                                    "NY",
                                    "OH",
                                    "OK",
                                    "OR",
                                    "PA",
                                    "PR",
                                    "RI",
                                    "SC",
                                    "SD",
                                    "TN",
                                    "TX",
                                    "UT",
                                    "VA",
                                    "VI",
                                    "VT",
                                    "WA",
                                    "WI",
                                    "WV",
                                    "WY",
                                ],
                            ),
                            ("states__len__gt", 0),
                        ),
                        name="monitoring_query_names_states",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("result__in", ["no_concern", "concern", "no_answer"])),
                        name="monitoring_result_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("queried_at__lte", models.F("recorded_at"))),
                        name="monitoring_queried_before_recorded",
                    ),
                ],
            },
        ),
    ]
