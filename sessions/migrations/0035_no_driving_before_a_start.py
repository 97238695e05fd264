"""A dose may be told of in a session that never started; nobody drives after that one either."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0034_no_line_leaves_a_sealed_log")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name="treatmentsession", name="session_nobody_drives_before_its_end"
        ),
        migrations.AddConstraint(
            model_name="treatmentsession",
            constraint=models.CheckConstraint(
                condition=Q(no_drive_until=None) | Q(ended_at=None) | Q(no_drive_until__gt=F("ended_at")),
                name="session_nobody_drives_before_its_end",
            ),
        ),
    ]
