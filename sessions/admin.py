from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet

from accounts.admin import ClinicianAdmin
from core.actors import Actor
from sessions import queries
from sessions.models import TreatmentSession


@admin.register(TreatmentSession)
class TreatmentSessionAdmin(ClinicianAdmin):
    """The sessions of a clinician's own patients, to read."""

    chart = "enrollment.patient_id"
    list_display = ("scheduled_at", "enrollment", "number", "status", "dosed_at", "no_drive_until")
    list_filter = ("status",)
    fields = (
        "enrollment",
        "number",
        "status",
        "scheduled_at",
        "timezone",
        "started_at",
        "dosed_at",
        "ended_at",
        "no_drive_until",
    )
    readonly_fields = fields

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[TreatmentSession]:
        """Return the sessions of patients in the clinician's care."""
        return queries.sessions_in_care(actor, at=at)
