import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0018_links_bound_to_a_device"),
        ("treatment_sessions", "0020_dose_outcome_walls"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="EmergencyPacket",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("version", models.PositiveIntegerField()),
                ("details", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
                ("written_at", models.DateTimeField()),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.patient",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="emergency_packets",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["session", "version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("session", "version"), name="emergency_packet_version_once"
                    ),
                    models.CheckConstraint(
                        condition=Q(version__gte=1), name="emergency_packet_versions_from_one"
                    ),
                    models.CheckConstraint(
                        condition=Q(sha256__regex="^[0-9a-f]{64}$"),
                        name="emergency_packet_is_bound_to_a_hash",
                    ),
                ],
            },
        ),
    ]
