import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0016_charts_by_rule"),
        ("treatment_sessions", "0014_session_place_walls"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Overrule",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("question", models.SlugField(max_length=40)),
                ("reason", models.TextField()),
                ("given_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="overrules",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.signature",
                    ),
                ),
            ],
            options={
                "ordering": ["given_at", "id"],
                "constraints": [
                    models.CheckConstraint(condition=~Q(reason=""), name="overrule_gives_a_reason"),
                ],
            },
        ),
    ]
