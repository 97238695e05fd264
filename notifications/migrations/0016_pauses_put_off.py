from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0015_claimed_first")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("suppression", "puts_off", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("delivery", "goes_on", models.BooleanField(db_default=False, default=False)),
    ]
