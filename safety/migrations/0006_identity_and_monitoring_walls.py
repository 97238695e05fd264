from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("safety", "0005_identity_and_monitoring")]

    operations = [
        append_only("safety_identitycheck", "safety_monitoringquery"),
        *walled("safety_identitycheck", By.PATIENT),
        *walled("safety_monitoringquery", By.ENROLLMENT),
    ]
