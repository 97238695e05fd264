from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("safety", "0039_alert_keeps_its_ladder")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(model_name="alert", name="last_signal", field=models.UUIDField(null=True)),
    ]
