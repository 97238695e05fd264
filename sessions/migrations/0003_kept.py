from django.db import migrations

from core.append_only import kept


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0002_append_only")]

    operations = [
        kept(
            "treatment_sessions_treatmentsession",
            "treatment_sessions_monitorinvitation",
            "treatment_sessions_checkindeadline",
            "treatment_sessions_preparationitem",
        )
    ]
