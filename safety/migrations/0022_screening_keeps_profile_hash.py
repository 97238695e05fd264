from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("safety", "0021_replay_alerts")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="screening",
            name="profile_sha256",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
    ]
