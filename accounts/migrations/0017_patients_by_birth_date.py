from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0016_charts_by_rule")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="patient", index=models.Index(fields=["birth_on"], name="patient_by_birth_date")
        ),
    ]
