from django.db import migrations

from core.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0001_initial")]

    operations = [
        append_only(
            "treatment_sessions_sessiontransition",
            "treatment_sessions_gatedecision",
            "treatment_sessions_attestation",
            "treatment_sessions_observation",
            "treatment_sessions_dose",
            "treatment_sessions_checkin",
            "treatment_sessions_reflection",
            "treatment_sessions_sessioneventlink",
        )
    ]
