import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids

STATUSES = [
    ("due", "Due"),
    ("leased", "Leased"),
    ("sent", "Sent"),
    ("delivered", "Delivered"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
    ("expired", "Expired"),
    ("unknown", "Unknown"),
]
CHANNELS = [("email", "Email"), ("text", "Text")]


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0006_reminder_preference_walls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="delivery", name="delivery_status_is_known"),
        migrations.AddField(
            model_name="delivery",
            name="channel",
            field=models.CharField(choices=CHANNELS, db_default="email", default="email", max_length=8),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="status",
            field=models.CharField(choices=STATUSES, default="due", max_length=10),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", [value for value, _ in STATUSES])),
                name="delivery_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("channel__in", ["email", "text"])), name="delivery_channel_is_known"
            ),
        ),
        migrations.CreateModel(
            name="PagingNumber",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("number", models.BinaryField(default=b"")),
                ("set_at", models.DateTimeField()),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="paging_number",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ProviderCircuit",
            fields=[
                (
                    "channel",
                    models.CharField(choices=CHANNELS, max_length=8, primary_key=True, serialize=False),
                ),
                ("broken", models.PositiveIntegerField(default=0)),
                ("open_until", models.DateTimeField(null=True)),
            ],
        ),
    ]
