import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_drill_chart"),
        ("programs", "0009_newest_first"),
        ("safety", "0035_worsening_alerts"),
        ("treatment_sessions", "0031_morning_answer_walls"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Deviation",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("late_session", "Late Session"),
                            ("wrong_dose", "Wrong Dose"),
                            ("missed_check_in", "Missed Check In"),
                            ("missed_reading", "Missed Reading"),
                            ("other", "Other"),
                        ],
                        max_length=16,
                    ),
                ),
                ("expected", models.TextField()),
                ("happened", models.TextField()),
                ("occurred_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("found_by", models.CharField(blank=True, max_length=80)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="DeviationAssessment",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("version", models.PositiveSmallIntegerField()),
                (
                    "finding",
                    models.CharField(
                        choices=[("minor", "Minor"), ("major", "Major"), ("none", "None")], max_length=8
                    ),
                ),
                ("assessment", models.TextField()),
                ("corrective_action", models.TextField()),
            ],
            options={
                "ordering": ["version"],
            },
        ),
        migrations.AddIndex(
            model_name="checkindeadline",
            index=models.Index(
                condition=models.Q(("missed_at__isnull", False)), fields=["missed_at"], name="deadline_missed"
            ),
        ),
        migrations.AddIndex(
            model_name="treatmentsession",
            index=models.Index(
                condition=models.Q(("status", "missed")), fields=["scheduled_at"], name="session_missed"
            ),
        ),
        migrations.AddField(
            model_name="deviation",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.patient"
            ),
        ),
        migrations.AddField(
            model_name="deviation",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deviations",
                to="treatment_sessions.treatmentsession",
            ),
        ),
        migrations.AddField(
            model_name="deviationassessment",
            name="deviation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="assessments",
                to="treatment_sessions.deviation",
            ),
        ),
        migrations.AddField(
            model_name="deviationassessment",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.patient"
            ),
        ),
        migrations.AddField(
            model_name="deviationassessment",
            name="signature",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.signature"
            ),
        ),
        migrations.AddConstraint(
            model_name="deviation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["late_session", "wrong_dose", "missed_check_in", "missed_reading", "other"])
                ),
                name="deviation_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="deviation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("expected", ""), _negated=True), models.Q(("happened", ""), _negated=True)
                ),
                name="deviation_says_what_was_and_what_should",
            ),
        ),
        migrations.AddConstraint(
            model_name="deviation",
            constraint=models.CheckConstraint(
                condition=models.Q(("occurred_at__lte", models.F("recorded_at"))),
                name="deviation_occurred_before_recorded",
            ),
        ),
        migrations.AddConstraint(
            model_name="deviation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("found_by", ""), _negated=True),
                fields=("found_by",),
                name="deviation_found_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="deviationassessment",
            constraint=models.UniqueConstraint(
                fields=("deviation", "version"), name="deviation_assessed_by_versions"
            ),
        ),
        migrations.AddConstraint(
            model_name="deviationassessment",
            constraint=models.CheckConstraint(
                condition=models.Q(("version__gte", 1)), name="deviation_versions_from_one"
            ),
        ),
        migrations.AddConstraint(
            model_name="deviationassessment",
            constraint=models.CheckConstraint(
                condition=models.Q(("finding__in", ["minor", "major", "none"])),
                name="deviation_finding_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="deviationassessment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("assessment", ""), _negated=True),
                    models.Q(("corrective_action", ""), _negated=True),
                ),
                name="deviation_assessment_is_whole",
            ),
        ),
    ]
