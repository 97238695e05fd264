from django.db import migrations

from core.walls import ACTOR, private

TABLE, NAME = "notifications_device", "device_ends_with_its_sign_in"


class Migration(migrations.Migration):
    dependencies = [("notifications", "0011_devices")]

    operations = [
        private(TABLE, f"'person:' || user_id = {ACTOR}"),
        # By the database: whoever ends a sign-in, and by whatever way, ends what its device is told.
        migrations.RunSQL(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT {NAME} FOREIGN KEY (sign_in_id)"
            " REFERENCES accounts_signin (session_key) ON DELETE CASCADE",
            f"ALTER TABLE {TABLE} DROP CONSTRAINT {NAME}",
        ),
    ]
