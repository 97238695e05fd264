from django.db import migrations

STAND_STILL = """
UPDATE notifications_suppression SET puts_off = true
 WHERE lifted_at IS NULL AND (cause LIKE 'pause:%' OR cause LIKE 'hold:%')
"""
GOES_ON = """
UPDATE notifications_delivery SET goes_on = true
 WHERE status = 'due' AND dedupe_key ~ '^assessments:[^:]+:(week|as_needed):'
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0016_pauses_put_off")]

    operations = [
        # What changes the record names who did it.
        migrations.RunSQL("SET LOCAL rekindle.actor = 'service:install'", migrations.RunSQL.noop),
        migrations.RunSQL(STAND_STILL, migrations.RunSQL.noop),
        migrations.RunSQL(GOES_ON, migrations.RunSQL.noop),
    ]
