import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

import core.ids


def to(model: str, related_name: str = "+", *, null: bool = False) -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, null=null, related_name=related_name, to=model
    )


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("programs", "0009_newest_first"),
        ("treatment_sessions", "0038_lines_of_the_log"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="SessionProposal",
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
                ("enrollment", to("programs.enrollment", "session_proposals")),
                ("scheduled_at", models.DateTimeField()),
                ("timezone", models.CharField(max_length=64)),
                ("note", models.TextField(blank=True)),
                ("proposed_at", models.DateTimeField()),
                (
                    "answer",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("confirmed", "Confirmed"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                            ("superseded", "Superseded"),
                        ],
                        max_length=10,
                    ),
                ),
                ("answered_at", models.DateTimeField(null=True)),
                ("answered_by", to(settings.AUTH_USER_MODEL, null=True)),
                ("reason", models.TextField(blank=True)),
                ("session", to("treatment_sessions.treatmentsession", null=True)),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(answer="", answered_at=None, answered_by=None, reason="", session=None)
                        | Q(answered_at__isnull=False, answered_by__isnull=False)
                        & (
                            Q(answer="confirmed", reason="", session__isnull=False)
                            | Q(answer="declined", session=None)
                            | Q(answer__in=["withdrawn", "superseded"], reason="", session=None)
                        ),
                        name="proposal_answer_is_whole",
                    ),
                    models.UniqueConstraint(
                        fields=["enrollment", "scheduled_at"],
                        condition=Q(answer=""),
                        name="proposal_open_once_per_moment",
                    ),
                ],
            },
        ),
    ]
