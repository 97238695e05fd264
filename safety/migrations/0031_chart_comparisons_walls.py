from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

TABLE = "safety_chartcomparison"


class Migration(migrations.Migration):
    dependencies = [("safety", "0030_chart_comparisons")]

    operations = [
        append_only(TABLE),
        # Those who say whose charts they are see no chart but who it is about.
        *walled(
            TABLE,
            By.PATIENT,
            column="kept_id",
            or_where="other_id = ANY ((SELECT guard.visible_charts())::uuid[]) OR (SELECT guard.operates())",
        ),
    ]
