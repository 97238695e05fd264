import datetime

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_walls"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="BreakGlass",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("danger", "Somebody was thought to be in danger."),
                            ("cover", "Your own clinician could not be reached."),
                            ("other", "Something else; call us and ask."),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.BinaryField()),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("next_call_at", models.DateTimeField(null=True)),
                ("reviewed_at", models.DateTimeField(null=True)),
                (
                    "finding",
                    models.CharField(
                        blank=True,
                        choices=[("justified", "Justified"), ("not_justified", "Not Justified")],
                        max_length=14,
                    ),
                ),
                ("note", models.BinaryField(default=b"")),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.patient"
                    ),
                ),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
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
                        condition=models.Q(("purpose__in", ["danger", "cover", "other"])),
                        name="break_glass_purpose_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", b""), _negated=True), name="break_glass_gives_a_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_at__gte", models.F("starts_at")),
                            (
                                "ends_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("starts_at"), "+", models.Value(datetime.timedelta(seconds=3600))
                                ),
                            ),
                        ),
                        name="break_glass_lasts_an_hour_at_most",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reviewed_by", models.F("user")), _negated=True),
                        name="break_glass_reviewed_by_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finding", ""),
                                ("next_call_at__isnull", False),
                                ("reviewed_at", None),
                                ("reviewed_by", None),
                            ),
                            models.Q(
                                ("finding__in", ["justified", "not_justified"]),
                                ("next_call_at", None),
                                ("reviewed_at__isnull", False),
                                ("reviewed_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="break_glass_called_for_until_reviewed",
                    ),
                ],
            },
        ),
    ]
