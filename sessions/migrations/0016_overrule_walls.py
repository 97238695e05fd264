from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "treatment_sessions_overrule"


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0015_overrule")]

    operations = [append_only(TABLE), *walled(TABLE, By.SESSION)]
