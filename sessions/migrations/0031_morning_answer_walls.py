"""Who sees an answer of the morning after; and that one after the seal is marked, as what waited in a phone."""

from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "treatment_sessions_morninganswer"


class Migration(migrations.Migration):
    dependencies = [("treatment_sessions", "0030_morning_answers")]

    operations = [
        append_only(TABLE),
        *walled(TABLE, By.SESSION),
        migrations.RunSQL(
            f"CREATE TRIGGER seal BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION guard.marks_seal()",
            f"DROP TRIGGER seal ON {TABLE}",
        ),
    ]
