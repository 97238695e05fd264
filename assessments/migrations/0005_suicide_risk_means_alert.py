from functools import reduce
from operator import and_

from django.db import migrations, models
from django.db.models import Q

ITEMS = ("1", "2", "3", "4", "5", "6", "6b")
NO_YES = reduce(and_, (Q((f"answers__cssrs_{n}", None)) | Q((f"answers__cssrs_{n}", 0)) for n in ITEMS))


class Migration(migrations.Migration):
    dependencies = [
        ("assessments", "0004_newest_submitted"),
        ("safety", "0016_screening_may_be_incomplete"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="assessment",
            constraint=models.CheckConstraint(
                condition=~Q(instrument="cssrs") | NO_YES | Q(safety_alert__isnull=False),
                name="assessment_suicide_risk_means_alert",
            ),
        ),
    ]
