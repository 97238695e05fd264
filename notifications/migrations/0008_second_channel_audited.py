from django.db import migrations

from core.append_only import kept
from core.walls import By, audited


class Migration(migrations.Migration):
    dependencies = [("notifications", "0007_second_channel")]

    operations = [
        kept("notifications_pagingnumber", "notifications_providercircuit"),
        audited("notifications_pagingnumber", By.USER, secret=("number",)),
    ]
