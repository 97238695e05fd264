import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0001_initial"),
        ("core", "0001_initial"),
        ("programs", "0001_initial"),
        ("safety", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="GateDecision",
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
                ("facts", models.JSONField()),
                ("decided_at", models.DateTimeField()),
                ("dose_by", models.DateTimeField()),
                (
                    "plan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.treatmentplan",
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
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TreatmentSession",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("number", models.PositiveSmallIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("scheduled", "Scheduled"),
                            ("ready", "Ready"),
                            ("in_progress", "In Progress"),
                            ("recovering", "Recovering"),
                            ("completed", "Completed"),
                            ("cancelled", "Cancelled"),
                            ("missed", "Missed"),
                            ("aborted", "Aborted"),
                        ],
                        default="scheduled",
                        max_length=12,
                    ),
                ),
                ("scheduled_at", models.DateTimeField()),
                ("timezone", models.CharField(max_length=64)),
                ("started_at", models.DateTimeField(null=True)),
                ("dosed_at", models.DateTimeField(null=True)),
                ("dosed_on", models.DateField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("no_drive_until", models.DateTimeField(null=True)),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sessions",
                        to="programs.enrollment",
                    ),
                ),
                (
                    "gate",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="opened",
                        to="treatment_sessions.gatedecision",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SessionTransition",
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
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transitions",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["at", "id"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SessionEventLink",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="session_link",
                        to="safety.adverseevent",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="event_links",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Reflection",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("text", models.BinaryField()),
                (
                    "shared_with",
                    models.CharField(
                        choices=[
                            ("private", "Private"),
                            ("guide", "Guide"),
                            ("clinician", "Clinician"),
                            ("care_team", "Care Team"),
                        ],
                        default="private",
                        max_length=12,
                    ),
                ),
                ("written_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reflections",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["written_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="PreparationItem",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("key", models.SlugField(max_length=40)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="preparation",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Observation",
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
                            ("blood_pressure", "Blood Pressure"),
                            ("heart_rate", "Heart Rate"),
                            ("oxygen_saturation", "Oxygen Saturation"),
                            ("alertness", "Alertness"),
                            ("comfort", "Comfort"),
                            ("note", "Note"),
                        ],
                        max_length=20,
                    ),
                ),
                ("systolic_mmhg", models.PositiveSmallIntegerField(null=True)),
                ("diastolic_mmhg", models.PositiveSmallIntegerField(null=True)),
                ("heart_rate_bpm", models.PositiveSmallIntegerField(null=True)),
                ("oxygen_saturation_pct", models.PositiveSmallIntegerField(null=True)),
                (
                    "alertness",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("talks_normally", "Talks Normally"),
                            ("wakes_when_spoken_to", "Wakes When Spoken To"),
                            ("cannot_be_woken", "Cannot Be Woken"),
                        ],
                        max_length=24,
                    ),
                ),
                ("comfort", models.PositiveSmallIntegerField(null=True)),
                ("note", models.TextField(blank=True)),
                ("client_id", models.UUIDField()),
                ("client_seq", models.PositiveIntegerField()),
                ("observed_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="observations",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["observed_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="MonitorInvitation",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("first_name", models.CharField(max_length=60)),
                ("address", models.BinaryField()),
                ("invited_at", models.DateTimeField()),
                (
                    "capability",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.capability",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invitations",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["invited_at"],
            },
        ),
        migrations.AddField(
            model_name="gatedecision",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="gate_decisions",
                to="treatment_sessions.treatmentsession",
            ),
        ),
        migrations.CreateModel(
            name="Dose",
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
                    "gate",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dose",
                        to="treatment_sessions.gatedecision",
                    ),
                ),
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dose",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CheckInDeadline",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField()),
                ("met_at", models.DateTimeField(null=True)),
                ("waived_at", models.DateTimeField(null=True)),
                ("missed_at", models.DateTimeField(null=True)),
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
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deadlines",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["due_at"],
            },
        ),
        migrations.CreateModel(
            name="CheckIn",
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
                ("all_well", models.BooleanField()),
                ("client_id", models.UUIDField()),
                ("client_seq", models.PositiveIntegerField()),
                ("observed_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="check_ins",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["received_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Attestation",
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
                        choices=[("monitor_present", "Monitor Present"), ("patient_today", "Patient Today")],
                        max_length=16,
                    ),
                ),
                ("answers", models.JSONField(default=dict)),
                ("attested_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attestations",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["attested_at", "id"],
            },
        ),
        migrations.AddIndex(
            model_name="treatmentsession",
            index=models.Index(
                condition=models.Q(("status", "recovering")),
                fields=["no_drive_until"],
                name="session_recovering_by_its_end",
            ),
        ),
        migrations.AddIndex(
            model_name="treatmentsession",
            index=models.Index(
                condition=models.Q(("status__in", ("scheduled", "ready"))),
                fields=["scheduled_at"],
                name="session_booked_by_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "scheduled",
                            "ready",
                            "in_progress",
                            "recovering",
                            "completed",
                            "cancelled",
                            "missed",
                            "aborted",
                        ],
                    )
                ),
                name="session_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1), ("number__lte", 18)), name="session_number_is_1_to_18"
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ("cancelled", "missed", "aborted")), _negated=True),
                fields=("enrollment", "number"),
                name="session_number_booked_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["scheduled", "ready", "in_progress"])),
                fields=("enrollment",),
                name="session_one_open_per_enrollment",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.UniqueConstraint(
                fields=("enrollment", "dosed_on"), name="session_one_dose_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("gate", None), ("started_at", None)),
                    models.Q(("gate__isnull", False), ("started_at__isnull", False)),
                    _connector="OR",
                ),
                name="session_started_through_a_gate",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("dosed_at", None), ("dosed_on", None)),
                    models.Q(
                        ("dosed_at__isnull", False),
                        ("dosed_on__isnull", False),
                        ("started_at__isnull", False),
                        ("dosed_at__gte", models.F("started_at")),
                    ),
                    _connector="OR",
                ),
                name="session_dosed_after_it_started",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "aborted"), _negated=True), ("dosed_at", None), _connector="OR"
                ),
                name="session_dosed_is_never_aborted",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("started_at", None), ("status__in", ["scheduled", "ready", "cancelled", "missed"])
                    ),
                    models.Q(
                        ("started_at__isnull", False),
                        ("status__in", ["in_progress", "recovering", "completed", "aborted"]),
                    ),
                    _connector="OR",
                ),
                name="session_status_agrees_with_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["recovering", "completed"]), _negated=True),
                    models.Q(
                        ("dosed_at__isnull", False),
                        ("ended_at__isnull", False),
                        ("no_drive_until__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="session_recovers_from_a_dose",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("no_drive_until", None),
                    models.Q(("ended_at__isnull", False), ("no_drive_until__gt", models.F("ended_at"))),
                    _connector="OR",
                ),
                name="session_nobody_drives_before_its_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="sessiontransition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "event__in",
                        [
                            "booked",
                            "monitor_accepted",
                            "rescheduled",
                            "started",
                            "dosed",
                            "ended",
                            "completed",
                            "cancelled",
                            "missed",
                            "aborted",
                        ],
                    )
                ),
                name="session_event_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="preparationitem",
            constraint=models.UniqueConstraint(
                fields=("session", "key"), name="preparation_item_once_per_session"
            ),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.UniqueConstraint(
                fields=("session", "client_id", "client_seq"), name="observation_stored_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        ["blood_pressure", "heart_rate", "oxygen_saturation", "alertness", "comfort", "note"],
                    )
                ),
                name="observation_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "blood_pressure"), _negated=True),
                    models.Q(
                        ("diastolic_mmhg__isnull", False),
                        ("systolic_mmhg__isnull", False),
                        ("systolic_mmhg__gt", models.F("diastolic_mmhg")),
                        ("systolic_mmhg__range", (50, 300)),
                        ("diastolic_mmhg__range", (20, 200)),
                    ),
                    _connector="OR",
                ),
                name="observation_blood_pressure_is_plausible",
            ),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("heart_rate_bpm", None), models.Q(("kind", "heart_rate"), _negated=True)),
                    models.Q(("heart_rate_bpm__isnull", False), ("heart_rate_bpm__range", (20, 250))),
                    _connector="OR",
                ),
                name="observation_heart_rate_is_plausible",
            ),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "oxygen_saturation"), _negated=True),
                    models.Q(
                        ("oxygen_saturation_pct__isnull", False), ("oxygen_saturation_pct__range", (50, 100))
                    ),
                    _connector="OR",
                ),
                name="observation_oxygen_is_plausible",
            ),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "alertness"), _negated=True),
                    ("alertness__in", ["talks_normally", "wakes_when_spoken_to", "cannot_be_woken"]),
                    _connector="OR",
                ),
                name="observation_alertness_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "comfort"), _negated=True),
                    models.Q(("comfort__isnull", False), ("comfort__range", (0, 10))),
                    _connector="OR",
                ),
                name="observation_comfort_is_0_to_10",
            ),
        ),
        migrations.AddConstraint(
            model_name="observation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "note"), _negated=True),
                    models.Q(("note", ""), _negated=True),
                    _connector="OR",
                ),
                name="observation_note_says_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="dose",
            constraint=models.CheckConstraint(
                condition=models.Q(("dose_mg__gt", 0)), name="dose_is_positive"
            ),
        ),
        migrations.AddIndex(
            model_name="checkindeadline",
            index=models.Index(
                condition=models.Q(("met_at", None), ("missed_at", None), ("waived_at", None)),
                fields=["due_at"],
                name="deadline_open_by_due_at",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkindeadline",
            constraint=models.UniqueConstraint(fields=("session", "due_at"), name="deadline_once_per_moment"),
        ),
        migrations.AddConstraint(
            model_name="checkindeadline",
            constraint=models.CheckConstraint(
                condition=models.Q(("missed_at", None), ("alert__isnull", False), _connector="OR"),
                name="deadline_missed_means_alert",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkindeadline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("met_at", None), ("waived_at", None)),
                    models.Q(("met_at", None), ("missed_at", None)),
                    models.Q(("missed_at", None), ("waived_at", None)),
                    _connector="OR",
                ),
                name="deadline_ends_one_way",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkin",
            constraint=models.UniqueConstraint(
                fields=("session", "client_id", "client_seq"), name="check_in_stored_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="attestation",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["monitor_present", "patient_today"])),
                name="attestation_kind_is_known",
            ),
        ),
    ]
