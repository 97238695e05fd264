from django.db import migrations

from core.append_only import kept
from core.walls import By, walled


class Migration(migrations.Migration):
    dependencies = [("programs", "0007_pause")]

    operations = [kept("programs_pause"), *walled("programs_pause", By.ENROLLMENT)]
