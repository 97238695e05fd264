import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_policies_are_signed"),
        ("safety", "0013_newest_first"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="EventAssessment",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("version", models.PositiveSmallIntegerField()),
                ("why_again", models.TextField(blank=True)),
                ("term", models.CharField(max_length=200)),
                ("meddra_code", models.CharField(blank=True, max_length=8)),
                ("meddra_version", models.CharField(blank=True, max_length=8)),
                ("is_serious", models.BooleanField()),
                (
                    "seriousness",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("death", "Death"),
                                ("life_threatening", "Life Threatening"),
                                ("hospitalisation", "Hospitalisation"),
                                ("disability", "Disability"),
                                ("congenital_anomaly", "Congenital Anomaly"),
                                ("important_medical_event", "Important Medical Event"),
                            ],
                            max_length=24,
                        ),
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "grade",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (1, "Mild"),
                            (2, "Moderate"),
                            (3, "Severe"),
                            (4, "Life Threatening"),
                            (5, "Death"),
                        ]
                    ),
                ),
                (
                    "causality",
                    models.CharField(
                        choices=[
                            ("certain", "Certain"),
                            ("probable", "Probable"),
                            ("possible", "Possible"),
                            ("unlikely", "Unlikely"),
                            ("conditional", "Conditional"),
                            ("unassessable", "Unassessable"),
                        ],
                        max_length=12,
                    ),
                ),
                ("naranjo", models.JSONField(default=dict)),
                ("naranjo_score", models.SmallIntegerField(null=True)),
                (
                    "expectedness",
                    models.CharField(
                        choices=[("expected", "Expected"), ("unexpected", "Unexpected")], max_length=10
                    ),
                ),
                ("reference", models.CharField(max_length=200)),
                ("reference_version", models.CharField(max_length=60)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("recovered", "Recovered"),
                            ("recovering", "Recovering"),
                            ("not_recovered", "Not Recovered"),
                            ("recovered_with_sequelae", "Recovered With Sequelae"),
                            ("fatal", "Fatal"),
                            ("unknown", "Unknown"),
                        ],
                        max_length=24,
                    ),
                ),
                (
                    "action_taken",
                    models.CharField(
                        choices=[
                            ("withdrawn", "Withdrawn"),
                            ("dose_reduced", "Dose Reduced"),
                            ("dose_increased", "Dose Increased"),
                            ("dose_not_changed", "Dose Not Changed"),
                            ("unknown", "Unknown"),
                            ("not_applicable", "Not Applicable"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "dechallenge",
                    models.CharField(
                        choices=[
                            ("yes", "Yes"),
                            ("no", "No"),
                            ("not_tried", "Not Tried"),
                            ("unknown", "Unknown"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "rechallenge",
                    models.CharField(
                        choices=[
                            ("yes", "Yes"),
                            ("no", "No"),
                            ("not_tried", "Not Tried"),
                            ("unknown", "Unknown"),
                        ],
                        max_length=10,
                    ),
                ),
                ("product", models.JSONField(default=dict)),
                ("assessed_at", models.DateTimeField()),
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
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assessments",
                        to="safety.adverseevent",
                    ),
                ),
                (
                    "hold",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="safety.hold",
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.patient"
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
                "constraints": [
                    models.UniqueConstraint(fields=("event", "version"), name="assessment_version_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("version", 1), ("why_again", "")),
                            models.Q(("version__gt", 1), models.Q(("why_again", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="assessment_again_gives_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("term", ""), _negated=True), name="assessment_has_a_term"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("meddra_code", ""), ("meddra_version", "")),
                            models.Q(
                                ("meddra_code__regex", "^[0-9]{8}$"),
                                models.Q(("meddra_version", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="assessment_code_has_its_version",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("is_serious", True), models.Q(("seriousness", []), _negated=True)),
                            models.Q(("is_serious", False), ("seriousness", [])),
                            _connector="OR",
                        ),
                        name="assessment_serious_by_a_criterion",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("grade__in", [1, 2, 3, 4, 5]),
                            models.Q(("is_serious", True), ("grade__lt", 4), _connector="OR"),
                        ),
                        name="assessment_grade_4_and_5_are_serious",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("grade", 5), ("outcome", "fatal"), ("seriousness__contains", ["death"])
                            ),
                            models.Q(
                                models.Q(("grade", 5), _negated=True),
                                models.Q(("outcome", "fatal"), _negated=True),
                                models.Q(("seriousness__contains", ["death"]), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="assessment_death_is_death_throughout",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "causality__in",
                                [
                                    "certain",
                                    "probable",
                                    "possible",
                                    "unlikely",
                                    "conditional",
                                    "unassessable",
                                ],
                            ),
                            ("expectedness__in", ["expected", "unexpected"]),
                            (
                                "outcome__in",
                                [
                                    "recovered",
                                    "recovering",
                                    "not_recovered",
                                    "recovered_with_sequelae",
                                    "fatal",
                                    "unknown",
                                ],
                            ),
                            (
                                "action_taken__in",
                                [
                                    "withdrawn",
                                    "dose_reduced",
                                    "dose_increased",
                                    "dose_not_changed",
                                    "unknown",
                                    "not_applicable",
                                ],
                            ),
                            ("dechallenge__in", ["yes", "no", "not_tried", "unknown"]),
                            ("rechallenge__in", ["yes", "no", "not_tried", "unknown"]),
                        ),
                        name="assessment_words_are_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reference", ""), _negated=True),
                            models.Q(("reference_version", ""), _negated=True),
                        ),
                        name="assessment_expected_by_a_document",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("naranjo", {}), ("naranjo_score", None)),
                            ("naranjo_score__range", (-4, 13)),
                            _connector="OR",
                        ),
                        name="assessment_naranjo_is_in_range",
                    ),
                ],
            },
        ),
    ]
