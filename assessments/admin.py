from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin import ClinicianAdmin
from assessments import queries
from assessments.instruments import instruments
from assessments.models import Assessment
from assessments.schedule import BASELINE, Anchor, Point, status_of
from core import clock
from core.actors import Actor


@admin.register(Assessment)
class AssessmentAdmin(ClinicianAdmin):
    """What one's patients were asked, what they answered, and what it came to; only to read."""

    chart = "enrollment.patient_id"
    list_display = ("patient", "title", "asked", "status", "due_at", "submitted_at", "result")
    list_filter = ("instrument",)
    fields = (*list_display, "opens_at", "closes_at", "scales", "given", "safety_alert")

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[Assessment]:
        """Return the assessments in one's care."""
        return queries.assessments_in_care(actor, at=at)

    @admin.display(description="patient")
    def patient(self, assessment: Assessment) -> str:
        """Show whose it is."""
        patient = assessment.enrollment.patient
        return f"{patient.legal_name}, born {patient.birth_on}"

    @admin.display(description="instrument")
    def title(self, assessment: Assessment) -> str:
        """Show the instrument's name."""
        return instruments()[assessment.instrument].title

    @admin.display(description="asked")
    def asked(self, assessment: Assessment) -> str:
        """Show at which point of the program it is asked."""
        point = queries.point_of(assessment)
        baseline = point == Point(Anchor.AFTER_SESSION, BASELINE)
        return "baseline" if baseline else f"{point.anchor.replace('_', ' ')} {point.number}"

    @admin.display(description="status")
    def status(self, assessment: Assessment) -> str:
        """Show where it stands now."""
        return status_of(queries.moments_of(assessment), at=clock.now()).replace("_", " ")

    @admin.display(description="result")
    def result(self, assessment: Assessment) -> str:
        """Show every scale's value on one line."""
        scales = (assessment.scores or {"scales": []})["scales"]
        return "; ".join(f"{scale['key']} {_value(scale)}" for scale in scales) or "—"

    @admin.display(description="scales")
    def scales(self, assessment: Assessment) -> SafeString:
        """Show every scale's value with how much of it was answered."""
        instrument = instruments()[assessment.instrument]
        rows = [
            (instrument.scale(scale["key"]).title, _value(scale), scale["answered"], len(scale["missing"]))
            for scale in (assessment.scores or {"scales": []})["scales"]
        ]
        shown = format_html_join("", "<p>{}: {} ({} answered, {} missing)</p>", rows)
        return shown or SafeString("not submitted")

    @admin.display(description="answers")
    def given(self, assessment: Assessment) -> SafeString:
        """Show every answer beside its topic, those of a draft too."""
        items = instruments()[assessment.instrument].items.values()
        rows = [(item.topic, assessment.answers.get(item.key, "—")) for item in items]
        return format_html("<table>{}</table>", format_html_join("", "<tr><td>{}</td><td>{}</td></tr>", rows))


def _value(scale: dict[str, object]) -> str:
    """Return a scale's value with its band, or why it has none."""
    if scale["value"] is None:
        return f"no value ({str(scale['reason']).replace('_', ' ')})"
    return f"{scale['value']}" + (f" ({scale['band']})" if scale["band"] else "")
