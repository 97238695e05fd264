from functools import reduce
from operator import or_

from django.db import migrations, models
from django.db.models import Q

POINTS = ("after_session", "before_session", "week", "month")
NEW = POINTS[1:]
AT_ONE = reduce(or_, (Q(*((f"{column}__isnull", column != one) for column in POINTS)) for one in POINTS))


class Migration(migrations.Migration):
    dependencies = [("assessments", "0005_suicide_risk_means_alert")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AlterField("assessment", "after_session", models.PositiveSmallIntegerField(null=True)),
        *(
            migrations.AddField("assessment", column, models.PositiveSmallIntegerField(null=True))
            for column in NEW
        ),
        migrations.AddField("assessment", "counted_from_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "assessment", "schedule_version", models.PositiveSmallIntegerField(default=1, db_default=1)
        ),
        *(
            migrations.AddConstraint(
                "assessment",
                models.UniqueConstraint(
                    condition=Q((f"{column}__isnull", False)),
                    fields=("enrollment", "instrument", column),
                    name=f"assessment_once_per_{column}",
                ),
            )
            for column in NEW
        ),
        migrations.AddConstraint(
            "assessment", models.CheckConstraint(condition=AT_ONE, name="assessment_at_one_point")
        ),
        migrations.AddIndex(
            "assessment",
            models.Index(
                condition=Q(("counted_from_at__isnull", False), ("submitted_at", None)),
                fields=["opens_at"],
                name="assessment_may_be_put_off",
            ),
        ),
    ]
