from django.db import migrations

from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("assessments", "0009_worse_forms")]

    operations = walled("assessments_worseform", By.ENROLLMENT)
