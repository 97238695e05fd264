from django.db import migrations

from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0003_kept"), ("programs", "0006_walls")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        *walled("treatment_sessions_treatmentsession", By.ENROLLMENT),
        *walled("treatment_sessions_sessiontransition", By.SESSION),
        *walled("treatment_sessions_gatedecision", By.SESSION),
        *walled("treatment_sessions_monitorinvitation", By.SESSION),
        *walled("treatment_sessions_attestation", By.SESSION),
        *walled("treatment_sessions_observation", By.SESSION),
        *walled("treatment_sessions_dose", By.SESSION),
        *walled("treatment_sessions_checkindeadline", By.SESSION),
        *walled("treatment_sessions_checkin", By.SESSION),
        *walled("treatment_sessions_preparationitem", By.SESSION),
        *walled("treatment_sessions_reflection", By.SESSION),
        *walled("treatment_sessions_sessioneventlink", By.SESSION),
    ]
