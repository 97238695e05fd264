"""What is in force in a database from before signatures were asked for holds until two people sign a newer one.

A new installation has no version yet when this runs, so there nothing holds without signatures.
"""

from django.db import migrations

HOLDS = """
INSERT INTO accounts_policyenactment (id, document_id, effective_at, enacted_at, reason)
SELECT gen_random_uuid(), id, effective_at, effective_at, '' FROM core_documentversion
WHERE kind IN ('screening_policy', 'session_policy')
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_policy_signatures")]

    operations = [migrations.RunSQL(HOLDS, "DELETE FROM accounts_policyenactment WHERE director_id IS NULL")]
