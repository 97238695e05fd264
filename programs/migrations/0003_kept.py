from django.db import migrations

from core.append_only import kept


class Migration(migrations.Migration):
    dependencies = [("programs", "0002_append_only")]

    operations = [kept("programs_program", "programs_enrollment")]
