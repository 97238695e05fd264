from django.db import migrations

from core.append_only import kept


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [kept("notifications_delivery", "notifications_suppression")]
