from django.db import migrations

from core.append_only import append_only
from core.walls import By, walled

DEVIATION, ASSESSMENT = (f"treatment_sessions_{name}" for name in ("deviation", "deviationassessment"))
FOLLOWED = "(SELECT guard.follows_safety())"


class Migration(migrations.Migration):
    """Safety officers see every row, whoever's patient it was."""

    dependencies = [
        ("treatment_sessions", "0032_deviations"),
        ("safety", "0024_safety_officers_see_events"),
    ]

    operations = [
        append_only(DEVIATION, ASSESSMENT),
        *walled(DEVIATION, By.PATIENT, or_where=FOLLOWED),
        *walled(ASSESSMENT, By.PATIENT, or_where=FOLLOWED),
    ]
