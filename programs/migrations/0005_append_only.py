from django.db import migrations

from core.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("programs", "0004_comprehension_and_consent_withdrawal")]

    operations = [append_only("programs_comprehensionattempt", "programs_consentwithdrawal")]
