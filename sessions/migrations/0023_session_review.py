import django.db.models.deletion
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0019_signed_as_reviewed"),
        ("programs", "0009_newest_first"),
        ("treatment_sessions", "0022_emergency_packet_walls"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="SessionReview",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("log_sha256", models.CharField(max_length=64)),
                ("note", models.TextField()),
                ("reviewed_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="treatmentsession",
            name="review_due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="treatmentsession",
            index=models.Index(
                condition=models.Q(("review_due_at__isnull", False)),
                fields=["review_due_at"],
                name="session_review_by_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("review_due_at", None),
                    models.Q(("ended_at__isnull", False), ("review_due_at__gt", models.F("ended_at"))),
                    _connector="OR",
                ),
                name="session_review_is_due_after_its_end",
            ),
        ),
        migrations.AddField(
            model_name="sessionreview",
            name="session",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="review",
                to="treatment_sessions.treatmentsession",
            ),
        ),
        migrations.AddField(
            model_name="sessionreview",
            name="signature",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.signature"
            ),
        ),
        migrations.AddConstraint(
            model_name="sessionreview",
            constraint=models.CheckConstraint(
                condition=models.Q(("log_sha256__regex", "^[0-9a-f]{64}$")),
                name="session_review_is_bound_to_a_hash",
            ),
        ),
        migrations.AddConstraint(
            model_name="sessionreview",
            constraint=models.CheckConstraint(
                condition=models.Q(("note", ""), _negated=True), name="session_review_says_something"
            ),
        ),
    ]
