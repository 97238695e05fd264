from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("safety", "0008_health_profile")]

    operations = [append_only("safety_healthfact"), *walled("safety_healthfact", By.PATIENT)]
