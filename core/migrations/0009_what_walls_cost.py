"""What it costs to ask whose chart a row is in: the planner took it for nothing, and did it for every row of
a long history before it sorted out the newest."""

from django.db import migrations

AS_GUARD = "SET LOCAL ROLE rekindle_guard"
ASKED = ("chart_of_enrollment", "chart_of_screening", "chart_of_consent", "chart_of_session", "chart_of_user")


def cost(units: int) -> list[str]:
    """Return the statements that say so, in the planner's units; about 10 microseconds are 1000."""
    return [AS_GUARD, *(f"ALTER FUNCTION guard.{name} COST {units}" for name in ASKED), "RESET ROLE"]


class Migration(migrations.Migration):
    dependencies = [("core", "0008_looks")]

    operations = [migrations.RunSQL(cost(1000), cost(100))]
