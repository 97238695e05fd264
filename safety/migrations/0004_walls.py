from django.db import migrations

from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("safety", "0003_kept"), ("programs", "0006_walls")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        *walled("safety_screening", By.ENROLLMENT),
        *walled("safety_screeningreview", By.SCREENING),
        # Every practising clinician is on call.
        *walled(
            "safety_alert",
            By.PATIENT,
            or_where="patient_id = ANY ((SELECT guard.alerted_charts())::uuid[])",
        ),
        *walled("safety_hold", By.PATIENT),
        *walled("safety_adverseevent", By.PATIENT),
    ]
