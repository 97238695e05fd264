import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0016_charts_by_rule"),
        ("safety", "0016_screening_may_be_incomplete"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="EventNews",
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
                        choices=[("new_information", "New Information"), ("known_earlier", "Known Earlier")],
                        max_length=16,
                    ),
                ),
                ("text", models.TextField()),
                ("aware_at", models.DateTimeField()),
                ("noted_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["noted_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="ReportingClock",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("rule_code", models.CharField(max_length=40)),
                ("rule", models.JSONField()),
                ("table_version", models.PositiveIntegerField()),
                (
                    "start",
                    models.CharField(
                        choices=[
                            ("reported", "Reported"),
                            ("assessed", "Assessed"),
                            ("new_information", "New Information"),
                            ("known_earlier", "Known Earlier"),
                        ],
                        max_length=16,
                    ),
                ),
                ("aware_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("started_at", models.DateTimeField()),
                ("warned_pct", models.PositiveSmallIntegerField(default=0)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "end",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("reported", "Reported"),
                            ("not_required", "Not Required"),
                            ("replaced", "Replaced"),
                        ],
                        max_length=12,
                    ),
                ),
                ("end_reason", models.TextField(blank=True)),
            ],
            options={
                "ordering": ["due_at", "id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="alert",
            name="alert_class_is_known",
        ),
        migrations.AlterField(
            model_name="alert",
            name="alert_class",
            field=models.CharField(
                choices=[
                    ("suicide_risk", "Suicide Risk"),
                    ("serious_event", "Serious Event"),
                    ("missed_check_in", "Missed Check In"),
                    ("adverse_event", "Adverse Event"),
                    ("late_dose", "Late Dose"),
                    ("report_due", "Report Due"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "alert_class__in",
                        [
                            "suicide_risk",
                            "serious_event",
                            "missed_check_in",
                            "adverse_event",
                            "late_dose",
                            "report_due",
                        ],
                    )
                ),
                name="alert_class_is_known",
            ),
        ),
        migrations.AddField(
            model_name="eventnews",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="news", to="safety.adverseevent"
            ),
        ),
        migrations.AddField(
            model_name="eventnews",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.patient"
            ),
        ),
        migrations.AddField(
            model_name="reportingclock",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="clocks", to="safety.adverseevent"
            ),
        ),
        migrations.AddField(
            model_name="reportingclock",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.patient"
            ),
        ),
        migrations.AddField(
            model_name="reportingclock",
            name="signature",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, to="accounts.signature"
            ),
        ),
        migrations.AddConstraint(
            model_name="eventnews",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["new_information", "known_earlier"])),
                name="news_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="eventnews",
            constraint=models.CheckConstraint(
                condition=models.Q(("text", ""), _negated=True), name="news_says_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="eventnews",
            constraint=models.CheckConstraint(
                condition=models.Q(("aware_at__lte", models.F("noted_at"))), name="news_known_before_noted"
            ),
        ),
        migrations.AddIndex(
            model_name="reportingclock",
            index=models.Index(
                condition=models.Q(("ended_at", None)), fields=["due_at"], name="clock_running_by_due_at"
            ),
        ),
        migrations.AddConstraint(
            model_name="reportingclock",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)),
                fields=("event", "rule_code"),
                name="clock_one_runs_per_rule",
            ),
        ),
        migrations.AddConstraint(
            model_name="reportingclock",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_at__gt", models.F("aware_at"))), name="clock_due_after_day_0"
            ),
        ),
        migrations.AddConstraint(
            model_name="reportingclock",
            constraint=models.CheckConstraint(
                condition=models.Q(("aware_at__lte", models.F("started_at"))), name="clock_day_0_has_been"
            ),
        ),
        migrations.AddConstraint(
            model_name="reportingclock",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("start__in", ["reported", "assessed", "new_information", "known_earlier"])
                ),
                name="clock_start_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="reportingclock",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("end", ""), ("end_reason", ""), ("ended_at", None), ("signature", None)),
                    models.Q(
                        ("end", "replaced"),
                        ("ended_at__isnull", False),
                        ("signature", None),
                        models.Q(("end_reason", ""), _negated=True),
                    ),
                    models.Q(
                        ("end__in", ["reported", "not_required"]),
                        ("ended_at__isnull", False),
                        ("signature__isnull", False),
                        models.Q(("end_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="clock_ends_with_a_reason_and_a_name",
            ),
        ),
    ]
