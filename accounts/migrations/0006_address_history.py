from django.db import migrations

from core.append_only import append_only, kept


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_addresses_licences_states")]

    operations = [
        append_only("accounts_patientaddress"),
        kept("accounts_licence", "accounts_servedstate"),
    ]
