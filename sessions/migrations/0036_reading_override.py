import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import core.ids


def to(model: str, related_name: str = "+") -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to=f"treatment_sessions.{model}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0016_charts_by_rule"),
        ("treatment_sessions", "0035_no_driving_before_a_start"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="ReadingOverride",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("session", to("treatmentsession", "reading_overrides")),
                ("first_reading", to("observation")),
                ("second_reading", to("observation")),
                ("reason", models.TextField()),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.signature",
                    ),
                ),
                ("given_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["given_at", "id"],
                "constraints": [
                    models.CheckConstraint(condition=~Q(reason=""), name="reading_override_gives_a_reason"),
                ],
            },
        ),
    ]
