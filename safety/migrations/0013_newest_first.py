from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("safety", "0012_answers_about_seriousness")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="adverseevent",
            index=models.Index(fields=["patient", "-reported_at", "-id"], name="event_newest"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["patient", "-opened_at", "-id"], name="alert_newest"),
        ),
    ]
