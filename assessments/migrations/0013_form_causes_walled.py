from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("assessments", "0012_form_causes")]

    operations = [append_only("assessments_formcause"), *walled("assessments_formcause", By.ENROLLMENT)]
