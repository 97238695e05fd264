from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("assessments", "0007_rescoring")]

    operations = [append_only("assessments_rescoring"), *walled("assessments_rescoring", By.ENROLLMENT)]
