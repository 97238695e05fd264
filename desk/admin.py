from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin import ClinicianAdmin
from accounts.models import Patient
from accounts.queries import patients_in_care
from core import clock
from core.actors import Actor
from desk import queries
from desk.rules import next_step

SHOWN = 50


@admin.register(Patient)
class PatientAdmin(ClinicianAdmin):
    """A patient's page: what comes next, and what happened."""

    list_display = ("legal_name", "birth_on", "timezone")
    search_fields = ("legal_name",)
    fields = ("legal_name", "preferred_name", "birth_on", "timezone", "next_step", "timeline")

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[Patient]:
        """Return the patients in one's care."""
        return patients_in_care(actor, at=at)

    @admin.display(description="what comes next")
    def next_step(self, patient: Patient) -> SafeString:
        """Show the next step of each program, as the patient sees it, and whose turn it is."""
        at = clock.now()
        steps = [
            (enrollment.program, step.who.value, step.sentence)
            for enrollment in queries.enrollments_of(patient)
            for step in [next_step(queries.standing(enrollment, at=at))]
        ]
        return format_html_join("", "<p>{}, turn of the {}: {}</p>", steps) or SafeString("no program yet")

    @admin.display(description="timeline")
    def timeline(self, patient: Patient) -> SafeString:
        """Show the newest entries of each program, newest first."""
        rows = [
            (entry.at.strftime("%Y-%m-%d %H:%M UTC"), entry.title)
            for enrollment in queries.enrollments_of(patient)
            for entry in queries.timeline(enrollment, with_alerts=True, before=None, limit=SHOWN)
        ]
        return format_html("<table>{}</table>", format_html_join("", "<tr><td>{}</td><td>{}</td></tr>", rows))
