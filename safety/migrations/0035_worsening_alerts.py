from django.db import migrations, models
from django.db.models import Q

CLASSES = [
    ("suicide_risk", "Suicide Risk"),
    ("serious_event", "Serious Event"),
    ("missed_check_in", "Missed Check In"),
    ("adverse_event", "Adverse Event"),
    ("late_dose", "Late Dose"),
    ("refused_dose", "Refused Dose"),
    ("stock_differs", "Stock Differs"),
    ("report_due", "Report Due"),
    ("follow_up_due", "Follow Up Due"),
    ("worsening", "Worsening"),
    ("replay_differs", "Replay Differs"),
]


class Migration(migrations.Migration):
    dependencies = [("safety", "0034_stock_alerts")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="alert",
            name="alert_class",
            field=models.CharField(choices=CLASSES, max_length=20),
        ),
        migrations.RemoveConstraint(model_name="alert", name="alert_class_is_known"),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=Q(alert_class__in=[name for name, _ in CLASSES]), name="alert_class_is_known"
            ),
        ),
    ]
