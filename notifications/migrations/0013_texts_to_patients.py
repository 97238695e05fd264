import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids

KINDS = [
    ("verify_email", "Verify Email"),
    ("verify_number", "Verify Number"),
    ("nobody_reads", "Nobody Reads"),
    ("account_notice", "Account Notice"),
    ("assessment_due", "Assessment Due"),
    ("news", "News"),
    ("session_tomorrow", "Session Tomorrow"),
    ("monitor_invitation", "Monitor Invitation"),
    ("staff_invitation", "Staff Invitation"),
    ("alert_page", "Alert Page"),
    ("triage_page", "Triage Page"),
    ("check_in_missed", "Check In Missed"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0012_devices_end_with_sign_ins"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="delivery", name="delivery_kind_is_known"),
        migrations.AlterField(
            model_name="delivery", name="kind", field=models.CharField(choices=KINDS, max_length=24)
        ),
        migrations.AlterField(
            model_name="suppression", name="kind", field=models.CharField(choices=KINDS, max_length=24)
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", [value for value, _ in KINDS])), name="delivery_kind_is_known"
            ),
        ),
        migrations.CreateModel(
            name="TextNumber",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("number", models.BinaryField(default=b"")),
                ("code", models.BinaryField(default=b"")),
                ("code_ends_at", models.DateTimeField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("stopped_at", models.DateTimeField(null=True)),
                ("replied_at", models.DateTimeField(null=True)),
                ("set_at", models.DateTimeField()),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="text_number",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("confirmed_at", None),
                            models.Q(models.Q(("number", b""), _negated=True), ("code", b"")),
                            _connector="OR",
                        ),
                        name="text_number_confirmed_is_one",
                    )
                ],
            },
        ),
    ]
