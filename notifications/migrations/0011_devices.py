import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

CHANNELS = [
    ("email", "Email"),
    ("text", "Text"),
    ("record", "Record"),
    ("fcm", "Fcm"),
    ("apns", "Apns"),
    ("web", "Web"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_drill_chart"),
        ("notifications", "0010_drills_go_nowhere"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="delivery", name="delivery_channel_is_known"),
        migrations.AlterField(
            model_name="delivery",
            name="channel",
            field=models.CharField(choices=CHANNELS, db_default="email", default="email", max_length=8),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("channel__in", [value for value, _ in CHANNELS])),
                name="delivery_channel_is_known",
            ),
        ),
        migrations.AlterField(
            model_name="providercircuit",
            name="channel",
            field=models.CharField(choices=CHANNELS, max_length=8, primary_key=True, serialize=False),
        ),
        migrations.AddField(
            model_name="delivery",
            name="given_up",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
        migrations.AddField(
            model_name="reminderpreference",
            name="ways",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
        migrations.CreateModel(
            name="Device",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "channel",
                    models.CharField(
                        choices=[("fcm", "Fcm"), ("apns", "Apns"), ("web", "Web")], max_length=8
                    ),
                ),
                ("address", models.BinaryField()),
                ("password_sha256", models.CharField(max_length=64)),
                ("registered_at", models.DateTimeField()),
                (
                    "sign_in",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.signin",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="devices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["apns", "fcm", "web"])),
                        name="device_channel_is_a_push",
                    )
                ],
            },
        ),
    ]
