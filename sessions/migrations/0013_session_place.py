import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import core.ids

STATES = tuple(
    "AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT "  # noqa: SIM905
    "NC ND NE NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UT VA VI VT WA WI WV WY".split()
)


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0012_newest_first")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="SessionPlace",
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
                ("state", models.CharField(max_length=2)),
                ("details", models.BinaryField()),
                ("given_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="places",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(state__in=STATES), name="session_place_state_is_known"
                    ),
                ],
                "indexes": [models.Index(fields=["session", "-id"], name="session_place_newest")],
            },
        ),
    ]
