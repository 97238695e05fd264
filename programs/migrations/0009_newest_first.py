from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("programs", "0008_pause_kept_and_walled")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="enrollmenttransition",
            index=models.Index(fields=["enrollment", "-at", "-id"], name="enrollment_step_newest"),
        ),
    ]
