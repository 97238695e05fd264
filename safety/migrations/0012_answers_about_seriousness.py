from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("safety", "0011_holds_for_who_is_on_call")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="adverseevent",
            name="answers",
            field=models.JSONField(db_default={}, default=dict),
        ),
    ]
