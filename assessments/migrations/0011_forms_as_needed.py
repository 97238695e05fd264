from functools import reduce
from operator import or_

from django.db import migrations, models
from django.db.models import Q

POINTS = ("after_session", "before_session", "week", "month", "as_needed")
AT_ONE = reduce(or_, (Q(*((f"{column}__isnull", column != one) for column in POINTS)) for one in POINTS))


class Migration(migrations.Migration):
    dependencies = [("assessments", "0010_worse_forms_walled")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("assessment", "as_needed", models.PositiveSmallIntegerField(null=True)),
        migrations.RemoveConstraint("assessment", "assessment_at_one_point"),
        migrations.AddConstraint(
            "assessment", models.CheckConstraint(condition=AT_ONE, name="assessment_at_one_point")
        ),
        migrations.AddConstraint(
            "assessment",
            models.UniqueConstraint(
                condition=Q(as_needed__isnull=False),
                fields=("enrollment", "instrument", "as_needed"),
                name="assessment_once_per_as_needed",
            ),
        ),
    ]
