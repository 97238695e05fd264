from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin import Act, ClinicianAdmin
from accounts.models import User
from assessments import queries
from assessments.instruments import instruments
from assessments.models import Assessment, WorseForm
from assessments.rules import OFFLINE_CONFLICTS
from assessments.schedule import BASELINE, Anchor, Point, status_of
from assessments.worsening.queries import WORSE_FORM_LISTS, worse_forms
from assessments.worsening.serializers import MAX_NOTE
from assessments.worsening.services import look
from core import clock
from core.actors import Actor


@admin.register(Assessment)
class AssessmentAdmin(ClinicianAdmin):
    """What one's patients were asked, what they answered, and what it came to; only to read."""

    chart = "enrollment.patient_id"
    list_display = ("patient", "title", "asked", "status", "due_at", "submitted_at", "result")
    list_filter = ("instrument",)
    fields = (*list_display, "opens_at", "closes_at", "scales", "given", "kept", "safety_alert")

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

    @admin.display(description="also sent, and not counted")
    def kept(self, assessment: Assessment) -> SafeString:
        """Show what came from an app without a connection and does not count, with why, newest last."""
        items = instruments()[assessment.instrument].items.values()
        rows = [
            (
                row.received_at.strftime("%Y-%m-%d %H:%M UTC"),
                OFFLINE_CONFLICTS[row.conflict],
                "; ".join(
                    f"{item.topic} {row.answers[item.key]}" for item in items if item.key in row.answers
                ),
            )
            for row in queries.offline_submissions(assessment).exclude(conflict="")
        ]
        return format_html_join("", "<p><b>{}</b> {}<br>{}</p>", rows) or SafeString("nothing")


class WorseFormList(admin.SimpleListFilter):
    """What waits, or all."""

    parameter_name = "list"
    title = "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Offer all; what waits is what one sees without asking."""
        return [("all", "all")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WorseForm]) -> QuerySet[WorseForm]:  # noqa: ARG002
        """Narrow to the list chosen."""
        return queryset.filter(WORSE_FORM_LISTS["all" if self.value() == "all" else "open"])


class LookForm(forms.Form):
    """What was done."""

    note = forms.CharField(max_length=MAX_NOTE, widget=forms.Textarea)


def _look(row: WorseForm, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    look(row.pk, note=said["note"], by=clinician, at=at)
    return "Kept; it waits no more."


@admin.register(WorseForm)
class WorseFormAdmin(ClinicianAdmin):
    """Forms that came to worse than an earlier one; whoever has looked says here what they did."""

    chart = "enrollment.patient_id"
    list_display = ("patient", "what", "level", "noticed_at", "alert", "looked_at")
    list_filter = (WorseFormList,)
    fields = (*list_display, "why", "note")
    acts = (
        Act(
            name="look",
            label="Say that you have looked, and what you did",
            form=LookForm,
            run=_look,
            is_offered=lambda row: row.alert_id is None and row.looked_at is None,
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[WorseForm]:
        """Return those of one's patients."""
        return worse_forms(actor, at=at)

    @admin.display(description="patient")
    def patient(self, row: WorseForm) -> str:
        """Show whose it is."""
        patient = row.enrollment.patient
        return f"{patient.legal_name}, born {patient.birth_on}"

    @admin.display(description="instrument")
    def what(self, row: WorseForm) -> str:
        """Show the instrument's name."""
        return instruments()[row.assessment.instrument].title

    @admin.display(description="why")
    def why(self, row: WorseForm) -> SafeString:
        """Show each scale: from what to what, since when, by which figure."""
        rows = [
            (
                each["title"],
                each["earlier_value"],
                each["value"],
                each["since"],
                each["points"],
                each["source"],
            )
            for each in row.found
        ]
        words = "<p>{}: from {} to {} since the {} form; {} points are enough ({})</p>"
        return format_html_join("", words, rows)


def _value(scale: dict[str, object]) -> str:
    """Return a scale's value with its band, or why it has none."""
    if scale["value"] is None:
        return f"no value ({str(scale['reason']).replace('_', ' ')})"
    return f"{scale['value']}" + (f" ({scale['band']})" if scale["band"] else "")
