import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids
from core.append_only import append_only
from core.walls import audited


class Migration(migrations.Migration):
    dependencies = [
        ("treatment_sessions", "0024_session_review_walls"),
        ("notifications", "0010_drills_go_nowhere"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Drill",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("passed", models.BooleanField()),
                ("steps", models.JSONField()),
                (
                    "run_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "session",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drill",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["-began_at", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ended_at__gte", models.F("began_at"))),
                        name="drill_ends_after_it_began",
                    )
                ],
            },
        ),
        append_only("treatment_sessions_drill"),
        audited("treatment_sessions_drill"),
    ]
