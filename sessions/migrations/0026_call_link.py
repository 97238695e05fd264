from django.db import migrations, models


class Migration(migrations.Migration):
    """What the trail keeps of the new column is a ciphertext."""

    dependencies = [("treatment_sessions", "0025_drill")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="treatmentsession",
            name="call_url",
            field=models.BinaryField(db_default=b"", default=b""),
        ),
    ]
