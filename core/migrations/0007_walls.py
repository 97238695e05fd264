from django.db import migrations

from core.walls import ACTOR, audited, private


class Migration(migrations.Migration):
    dependencies = [("core", "0006_guard")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        audited("core_documentversion"),
        private("core_idempotencyrecord", f"principal = {ACTOR}"),
    ]
