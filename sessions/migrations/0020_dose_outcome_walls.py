from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "treatment_sessions_doseoutcome"


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0019_dose_outcome")]

    operations = [append_only(TABLE), *walled(TABLE, By.SESSION)]
