from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0020_drill_chart")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="patient", index=models.Index(fields=["legal_name"], name="patient_by_name")
        ),
    ]
