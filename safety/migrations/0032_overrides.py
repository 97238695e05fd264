import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

import core.ids


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("safety", "0031_chart_comparisons_walls"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="ExclusionOverride",
            fields=[
                ("id", models.UUIDField(default=core.ids.new_id, primary_key=True, serialize=False)),
                ("reason", models.TextField()),
                ("screen_again_on", models.DateField()),
                ("ends_on", models.DateField()),
                (
                    "clinician",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "screening",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="overrides",
                        to="safety.screening",
                    ),
                ),
                (
                    "signature",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, to="accounts.signature"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["screening", "clinician"], name="override_once_per_clinician"
                    ),
                    models.CheckConstraint(condition=~Q(reason=""), name="override_gives_a_reason"),
                    models.CheckConstraint(
                        condition=Q(screen_again_on__lte=F("ends_on")),
                        name="override_asks_again_before_it_ends",
                    ),
                ],
            },
        ),
    ]
