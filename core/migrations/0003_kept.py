from django.db import migrations

from core.append_only import kept


class Migration(migrations.Migration):
    dependencies = [("core", "0002_append_only")]

    operations = [kept("core_heartbeat", "core_democlock", "core_idempotencyrecord")]
