from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0010_unattributed_dose_walls")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="dose",
            constraint=models.CheckConstraint(
                condition=Q(route__in=["sublingual", "subcutaneous"]), name="dose_route_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="reflection",
            constraint=models.CheckConstraint(
                condition=Q(shared_with__in=["private", "guide", "clinician", "care_team"]),
                name="reflection_audience_is_known",
            ),
        ),
    ]
