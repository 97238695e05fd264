from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0021_patients_by_name"), ("safety", "0040_alert_last_signal")]

    operations = [
        migrations.CreateModel(
            name="PossibleDuplicate",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("accounts.patient",),
        ),
    ]
