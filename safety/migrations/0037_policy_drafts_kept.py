from django.db import migrations

from core.append_only import kept
from core.walls import audited

TABLE = "safety_policydraft"


class Migration(migrations.Migration):
    dependencies = [("safety", "0036_policy_drafts")]

    operations = [kept(TABLE), audited(TABLE)]
