from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "treatment_sessions_unattributeddose"


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0009_unattributed_dose")]

    operations = [append_only(TABLE), *walled(TABLE, By.SESSION)]
