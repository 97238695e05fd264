from django.db import migrations

from core.append_only import kept
from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_one_reminder_a_day")]

    operations = [
        kept("notifications_reminderpreference"),
        *walled("notifications_reminderpreference", By.USER),
    ]
