import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("safety", "0012_answers_about_seriousness"),
        ("treatment_sessions", "0006_dose_passed_its_own_gate"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="sessioneventlink",
            name="observation",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="treatment_sessions.observation",
            ),
        ),
        migrations.CreateModel(
            name="EffectsChecklist",
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
                ("answers", models.JSONField()),
                ("other", models.TextField(blank=True)),
                ("given_at", models.DateTimeField()),
                (
                    "alert",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="safety.alert",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="effects_checklists",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
            options={
                "ordering": ["given_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="EffectsTriage",
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
                (
                    "outcome",
                    models.CharField(
                        choices=[("expected", "Expected"), ("adverse_event", "Adverse Event")], max_length=14
                    ),
                ),
                ("reason", models.TextField()),
                ("triaged_at", models.DateTimeField()),
                (
                    "checklist",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="triage",
                        to="treatment_sessions.effectschecklist",
                    ),
                ),
                (
                    "event",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="safety.adverseevent",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="treatment_sessions.treatmentsession",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="effectschecklist",
            constraint=models.CheckConstraint(
                condition=models.Q(("other", ""), ("alert__isnull", False), _connector="OR"),
                name="effects_other_words_mean_alert",
            ),
        ),
        migrations.AddConstraint(
            model_name="effectstriage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("event", None), ("outcome", "expected")),
                    models.Q(("event__isnull", False), ("outcome", "adverse_event")),
                    _connector="OR",
                ),
                name="effects_triage_makes_an_event_or_none",
            ),
        ),
        migrations.AddConstraint(
            model_name="effectstriage",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="effects_triage_gives_a_reason"
            ),
        ),
    ]
