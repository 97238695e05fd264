from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("assessments", "0015_offline_submissions")]

    operations = [
        append_only("assessments_offlinesubmission"),
        *walled("assessments_offlinesubmission", By.ENROLLMENT),
    ]
