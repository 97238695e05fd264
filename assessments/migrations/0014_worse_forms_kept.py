from django.db import migrations

from core.append_only import kept


class Migration(migrations.Migration):
    dependencies = [("assessments", "0013_form_causes_walled")]

    operations = [kept("assessments_worseform")]
