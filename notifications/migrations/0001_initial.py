import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("dedupe_key", models.CharField(max_length=120, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("verify_email", "Verify Email"),
                            ("account_notice", "Account Notice"),
                            ("assessment_due", "Assessment Due"),
                            ("news", "News"),
                            ("session_tomorrow", "Session Tomorrow"),
                            ("monitor_invitation", "Monitor Invitation"),
                            ("alert_page", "Alert Page"),
                            ("triage_page", "Triage Page"),
                            ("check_in_missed", "Check In Missed"),
                        ],
                        max_length=24,
                    ),
                ),
                ("payload", models.BinaryField(default=b"")),
                ("due_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("due", "Due"),
                            ("leased", "Leased"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("expired", "Expired"),
                            ("unknown", "Unknown"),
                        ],
                        default="due",
                        max_length=10,
                    ),
                ),
                ("fence", models.PositiveIntegerField(default=0)),
                ("leased_until", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ["due", "leased"])),
                        fields=["due_at"],
                        name="delivery_open_by_due_at",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "verify_email",
                                    "account_notice",
                                    "assessment_due",
                                    "news",
                                    "session_tomorrow",
                                    "monitor_invitation",
                                    "alert_page",
                                    "triage_page",
                                    "check_in_missed",
                                ],
                            )
                        ),
                        name="delivery_kind_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                ["due", "leased", "sent", "failed", "cancelled", "expired", "unknown"],
                            )
                        ),
                        name="delivery_status_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("leased_until__isnull", False), ("status", "leased")),
                            models.Q(models.Q(("status", "leased"), _negated=True), ("leased_until", None)),
                            _connector="OR",
                        ),
                        name="delivery_leased_until_somebody_gives_it_back",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at", None), ("status__in", ["due", "leased"])),
                            models.Q(
                                models.Q(("status__in", ["due", "leased"]), _negated=True),
                                ("finished_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="delivery_finished_when_it_ended",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Suppression",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("verify_email", "Verify Email"),
                            ("account_notice", "Account Notice"),
                            ("assessment_due", "Assessment Due"),
                            ("news", "News"),
                            ("session_tomorrow", "Session Tomorrow"),
                            ("monitor_invitation", "Monitor Invitation"),
                            ("alert_page", "Alert Page"),
                            ("triage_page", "Triage Page"),
                            ("check_in_missed", "Check In Missed"),
                        ],
                        max_length=24,
                    ),
                ),
                ("cause", models.CharField(max_length=120)),
                ("placed_at", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="suppressions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at", None)),
                        fields=("user", "kind", "cause"),
                        name="suppression_placed_once_per_cause",
                    )
                ],
            },
        ),
    ]
