from django.db import migrations, models
from django.db.models import Q

OUTCOMES = [
    ("eligible", "Eligible"),
    ("needs_review", "Needs Review"),
    ("incomplete", "Incomplete"),
    ("ineligible", "Ineligible"),
]


class Migration(migrations.Migration):
    dependencies = [("safety", "0015_event_assessment_walls")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="screening",
            name="outcome",
            field=models.CharField(choices=OUTCOMES, max_length=14),
        ),
        migrations.RemoveConstraint(model_name="screening", name="screening_outcome_is_known"),
        migrations.AddConstraint(
            model_name="screening",
            constraint=models.CheckConstraint(
                condition=Q(outcome__in=[name for name, _ in OUTCOMES]), name="screening_outcome_is_known"
            ),
        ),
    ]
