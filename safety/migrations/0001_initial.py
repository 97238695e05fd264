import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("core", "0001_initial"),
        ("programs", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                (
                    "alert_class",
                    models.CharField(
                        choices=[
                            ("suicide_risk", "Suicide Risk"),
                            ("serious_event", "Serious Event"),
                            ("missed_check_in", "Missed Check In"),
                            ("adverse_event", "Adverse Event"),
                        ],
                        max_length=20,
                    ),
                ),
                ("source", models.CharField(max_length=120)),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("acknowledged", "Acknowledged"), ("closed", "Closed")],
                        default="open",
                        max_length=14,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("pages_sent", models.PositiveSmallIntegerField(default=0)),
                ("next_page_at", models.DateTimeField(null=True)),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("close_reason", models.TextField(blank=True)),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="accounts.patient",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="accounts.signature"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Hold",
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
                    "reason",
                    models.CharField(
                        choices=[("serious_event", "Serious Event"), ("clinical", "Clinical")], max_length=16
                    ),
                ),
                ("note", models.TextField(blank=True)),
                ("placed_at", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(null=True)),
                ("lift_reason", models.TextField(blank=True)),
                (
                    "lift_signature",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, to="accounts.signature"
                    ),
                ),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="accounts.patient",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AdverseEvent",
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
                ("description", models.TextField(blank=True)),
                ("action_taken", models.TextField(blank=True)),
                ("onset_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
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
                        ],
                        null=True,
                    ),
                ),
                (
                    "ascertainment",
                    models.CharField(
                        choices=[
                            ("asked", "Asked"),
                            ("volunteered", "Volunteered"),
                            ("observed", "Observed"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reported_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adverse_events",
                        to="accounts.patient",
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="safety.alert"
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
            ],
            options={
                "ordering": ["reported_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Screening",
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
                ("answers", models.JSONField()),
                ("answers_sha256", models.CharField(max_length=64)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("eligible", "Eligible"),
                            ("needs_review", "Needs Review"),
                            ("ineligible", "Ineligible"),
                        ],
                        max_length=14,
                    ),
                ),
                ("decision", models.JSONField()),
                ("submitted_at", models.DateTimeField()),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="screenings",
                        to="programs.enrollment",
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
                "ordering": ["submitted_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="ScreeningReview",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                (
                    "outcome",
                    models.CharField(
                        choices=[("accepted", "Accepted"), ("declined", "Declined")], max_length=10
                    ),
                ),
                ("reason", models.TextField()),
                (
                    "screening",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="review",
                        to="safety.screening",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, to="accounts.signature"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("status", "open")),
                fields=["next_page_at"],
                name="alert_open_by_next_page",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("alert_class__in", ["suicide_risk", "serious_event", "missed_check_in", "adverse_event"])
                ),
                name="alert_class_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "acknowledged", "closed"])),
                name="alert_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("acknowledged_at", None), ("acknowledged_by", None)),
                    models.Q(("acknowledged_at__isnull", False), ("acknowledged_by__isnull", False)),
                    _connector="OR",
                ),
                name="alert_acknowledged_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("signature__isnull", False), ("status", "closed")),
                    models.Q(models.Q(("status", "closed"), _negated=True), ("signature", None)),
                    _connector="OR",
                ),
                name="alert_closed_by_signature",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "open"), _negated=True),
                    ("next_page_at__isnull", False),
                    _connector="OR",
                ),
                name="alert_open_means_a_page_is_to_come",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "closed"), _negated=True),
                fields=("source",),
                name="alert_one_open_per_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__in", ["serious_event", "clinical"])), name="hold_reason_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("lift_reason", ""), ("lift_signature", None), ("lifted_at", None)),
                    models.Q(
                        ("lift_signature__isnull", False),
                        ("lifted_at__isnull", False),
                        models.Q(("lift_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="hold_lifted_by_signature_with_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="adverseevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_serious", False), ("hold__isnull", False), _connector="OR"),
                name="event_serious_means_held",
            ),
        ),
        migrations.AddConstraint(
            model_name="adverseevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("grade", None), ("grade__in", [1, 2, 3, 4, 5]), _connector="OR"),
                name="event_grade_is_1_to_5",
            ),
        ),
        migrations.AddConstraint(
            model_name="adverseevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("ascertainment__in", ["asked", "volunteered", "observed"])),
                name="event_ascertainment_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="screening",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome__in", ["eligible", "needs_review", "ineligible"])),
                name="screening_outcome_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="screeningreview",
            constraint=models.CheckConstraint(
                condition=models.Q(("outcome__in", ["accepted", "declined"])), name="review_outcome_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="screeningreview",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="review_gives_a_reason"
            ),
        ),
    ]
