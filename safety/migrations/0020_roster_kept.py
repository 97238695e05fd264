from django.db import migrations

from core.append_only import append_only
from core.walls import audited

TABLE = "safety_oncallshift"


class Migration(migrations.Migration):
    dependencies = [("safety", "0019_roster")]

    operations = [
        append_only(TABLE),
        # A shift can be called off; who, from when and until when stays as it was entered.
        migrations.RunSQL(
            f"GRANT UPDATE (cancelled_at) ON {TABLE} TO rekindle_app",
            f"REVOKE UPDATE (cancelled_at) ON {TABLE} FROM rekindle_app",
        ),
        audited(TABLE),
    ]
