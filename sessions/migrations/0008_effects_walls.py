from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLES = ("treatment_sessions_effectschecklist", "treatment_sessions_effectstriage")


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0007_effects")]

    operations = [
        append_only(*TABLES),
        *(operation for table in TABLES for operation in walled(table, By.SESSION)),
    ]
