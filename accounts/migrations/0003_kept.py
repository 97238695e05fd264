from django.db import migrations

from core.append_only import kept


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_append_only")]

    operations = [
        kept(
            "accounts_user",
            "accounts_rolegrant",
            "accounts_patient",
            "accounts_clinician",
            "accounts_careteammembership",
            "accounts_capability",
        )
    ]
