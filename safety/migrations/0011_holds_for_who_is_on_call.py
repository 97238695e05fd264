"""Who was called about a patient sees what it is about: the events, and the holds, which a second person lifts."""

from django.db import migrations

ALL_OR = "(SELECT current_setting('rekindle.sees', true)) = 'all' OR "
OWN = ALL_OR + "patient_id = ANY ((SELECT guard.visible_charts())::uuid[])"
CALLED = OWN + " OR patient_id = ANY ((SELECT guard.alerted_charts())::uuid[])"


TABLES = ("safety_hold", "safety_adverseevent")


def walls(seen: str) -> list[str]:
    """Return the statements that show holds and events where `seen`."""
    return [f"ALTER POLICY walls ON {table} USING ({seen}) WITH CHECK ({seen})" for table in TABLES]


class Migration(migrations.Migration):
    dependencies = [("safety", "0010_serious_means_held")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RunSQL(walls(CALLED), walls(OWN)),
    ]
