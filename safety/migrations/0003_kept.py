from django.db import migrations

from core.append_only import kept


class Migration(migrations.Migration):
    dependencies = [("safety", "0002_append_only")]

    operations = [kept("safety_alert", "safety_hold")]
