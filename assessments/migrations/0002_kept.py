from django.db import migrations

from core.append_only import kept


class Migration(migrations.Migration):
    dependencies = [("assessments", "0001_initial")]

    operations = [kept("assessments_assessment")]
