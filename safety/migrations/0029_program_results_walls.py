from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("safety", "0028_program_results")]

    operations = [append_only("safety_programresult"), *walled("safety_programresult", By.PATIENT)]
