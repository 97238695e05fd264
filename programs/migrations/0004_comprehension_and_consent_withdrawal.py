import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_kept"),
        ("core", "0005_consent_documents_by_language"),
        ("programs", "0003_kept"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="ComprehensionAttempt",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("answers", models.JSONField()),
                ("right_count", models.PositiveSmallIntegerField()),
                ("passed", models.BooleanField()),
                ("attempted_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["attempted_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="ConsentWithdrawal",
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
                ("withdrawn_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.RemoveConstraint(
            model_name="consent",
            name="consent_once_per_document",
        ),
        migrations.AddField(
            model_name="comprehensionattempt",
            name="document",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="core.documentversion"
            ),
        ),
        migrations.AddField(
            model_name="comprehensionattempt",
            name="enrollment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="comprehension_attempts",
                to="programs.enrollment",
            ),
        ),
        migrations.AddField(
            model_name="consentwithdrawal",
            name="consent",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="withdrawal", to="programs.consent"
            ),
        ),
        migrations.AddField(
            model_name="consent",
            name="after",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="programs.consentwithdrawal",
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("after", None)),
                fields=("enrollment", "document"),
                name="consent_once_per_document_unless_withdrawn",
            ),
        ),
    ]
