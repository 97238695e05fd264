import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("safety", "0007_late_dose_alerts"), ("treatment_sessions", "0004_walls")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="dose",
            name="alert",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="safety.alert"
            ),
        ),
        migrations.AddConstraint(
            model_name="dose",
            constraint=models.CheckConstraint(
                condition=Q(recorded_at__gte=F("taken_at")), name="dose_taken_before_it_is_recorded"
            ),
        ),
        migrations.AddConstraint(
            model_name="dose",
            constraint=models.CheckConstraint(
                condition=Q(recorded_at__lte=F("taken_at")) | Q(alert__isnull=False),
                name="dose_reported_late_means_alert",
            ),
        ),
    ]
