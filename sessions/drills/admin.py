from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin import RoleAdmin
from accounts.enums import Role
from core.actors import Actor
from sessions.drills import queries
from sessions.drills.models import Drill


@admin.register(Drill)
class DrillAdmin(RoleAdmin):
    """The reports of drills, newest first, for who answers for the alarm: to read, and to show."""

    roles = frozenset({Role.SAFETY_OFFICER, Role.MEDICAL_DIRECTOR, Role.OPERATOR})
    list_display = ("began_at", "ended_at", "passed", "who")
    list_filter = ("passed",)
    fields = ("id", *list_display, "report")

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[Drill]:  # noqa: ARG002
        """Return every report."""
        return queries.drills()

    def _shown(self, *rows: Any) -> None:
        """Leave no line of a look: a drill is in nobody's chart."""

    @admin.display(description="run by")
    def who(self, drill: Drill) -> str:
        """Show who ran it."""
        if drill.run_by is None:
            return "a timer, or whoever did not say"
        return str(getattr(drill.run_by, "clinician", drill.run_by))

    @admin.display(description="steps")
    def report(self, drill: Drill) -> SafeString:
        """Show each step: when it was to come, how many calls it was to make, when each left, and faults."""
        rows = [
            (
                step["what"],
                _time(step["programmed_at"]),
                step["wanted"],
                ", ".join(_time(left) for left in step["left_at"]) or "never",
                "; ".join(step["faults"]) or "in time",
            )
            for step in drill.steps
        ]
        head = "<tr><th>step</th><th>programmed</th><th>calls</th><th>left at</th><th>came to</th></tr>"
        line = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        return format_html("<table>{}{}</table>", SafeString(head), format_html_join("", line, rows))


def _time(moment: str | None) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S.%f} UTC" if moment else "never"
