from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "treatment_sessions_sessionreview"


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0023_session_review")]

    operations = [append_only(TABLE), *walled(TABLE, By.SESSION)]
