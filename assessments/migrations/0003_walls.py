from django.db import migrations

from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("assessments", "0002_kept"), ("programs", "0006_walls")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        *walled("assessments_assessment", By.ENROLLMENT),
    ]
