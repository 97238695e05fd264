from django.db import migrations

from core.walls import ACTOR, By, private, walled


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_staff_invitations"), ("accounts", "0010_walls")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        *walled("notifications_suppression", By.USER),
        # Whoever acts may have somebody told. How far it has come is for its reader and for operators.
        private(
            "notifications_delivery",
            f"'person:' || user_id = {ACTOR} OR (SELECT guard.operates())",
            made="true",
        ),
    ]
