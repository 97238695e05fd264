from django.db import migrations

from core.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("safety", "0001_initial")]

    operations = [append_only("safety_screening", "safety_screeningreview", "safety_adverseevent")]
