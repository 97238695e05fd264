from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0011_known_routes_and_readers")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="sessiontransition",
            index=models.Index(fields=["session", "-at", "-id"], name="session_step_newest"),
        ),
    ]
