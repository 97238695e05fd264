import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("assessments", "0008_rescoring_walled"),
        ("programs", "0009_newest_first"),
        ("safety", "0035_worsening_alerts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WorseForm",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("level", models.CharField(choices=[("soft", "soft"), ("hard", "hard")], max_length=4)),
                ("found", models.JSONField()),
                ("thresholds_version", models.PositiveSmallIntegerField()),
                ("thresholds_sha256", models.CharField(max_length=64)),
                ("instrument_sha256", models.CharField(max_length=64)),
                ("noticed_at", models.DateTimeField()),
                ("looked_at", models.DateTimeField(null=True)),
                ("note", models.TextField(blank=True)),
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
                    "assessment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="worse",
                        to="assessments.assessment",
                    ),
                ),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="programs.enrollment",
                    ),
                ),
                (
                    "looked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "form that came to worse",
                "verbose_name_plural": "forms that came to worse",
                "ordering": ["noticed_at", "id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("looked_at", None)),
                        fields=["noticed_at"],
                        name="worse_form_not_looked_at",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("level__in", ["soft", "hard"])), name="worse_form_level_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("level", "hard"), _negated=True),
                            ("alert__isnull", False),
                            _connector="OR",
                        ),
                        name="worse_form_hard_means_alert",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("looked_at", None), ("looked_by", None), ("note", "")),
                            models.Q(
                                ("alert", None),
                                ("looked_at__isnull", False),
                                ("looked_by__isnull", False),
                                models.Q(("note", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="worse_form_looked_at_by_somebody_who_says_what",
                    ),
                ],
            },
        ),
    ]
