from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin import Act, ClinicianAdmin, ReasonForm
from accounts.models import User
from core import clock
from core.acting import who_acts
from core.actors import Actor
from safety.admin import AlertAdmin
from safety.models import Alert
from sessions import queries, services
from sessions.deviations import admin as deviation_admin  # noqa: F401
from sessions.drills import admin as drill_admin  # noqa: F401
from sessions.models import TreatmentSession
from sessions.rules.review import REVIEWABLE


class ReviewList(admin.SimpleListFilter):
    """All sessions, or those that wait for a review."""

    parameter_name = "list"
    title = "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Name the one list beside all."""
        return [("to_review", "to review")]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[TreatmentSession],
    ) -> QuerySet[TreatmentSession]:
        """Narrow to the list chosen, what is due first on top."""
        if self.value() != "to_review":
            return queryset
        return queryset.filter(review_due_at__isnull=False, review=None).order_by("review_due_at", "id")


class SealForm(ReasonForm):
    """What a clinician makes of the log on the page, which they sign by its hash."""

    log_sha256 = forms.CharField(widget=forms.HiddenInput)


def _review(session: TreatmentSession, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    services.review_session(session, log_sha256=said["log_sha256"], note=said["reason"], by=clinician, at=at)
    return "Signed, and the log is sealed."


def _may_be_reviewed(session: TreatmentSession) -> bool:
    return session.status in REVIEWABLE and queries.review_of(session) is None


@admin.register(TreatmentSession)
class TreatmentSessionAdmin(ClinicianAdmin):
    """The sessions of a clinician's own patients: to read, and once one is over, to review."""

    chart = "enrollment.patient_id"
    list_display = (
        "scheduled_at",
        "enrollment",
        "number",
        "status",
        "dosed_at",
        "no_drive_until",
        "review_due_at",
    )
    list_filter = (ReviewList, "status")
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
        "review_due_at",
        "still_open",
        "log",
    )
    readonly_fields = fields
    acts = (
        Act(
            name="review",
            label="Sign that I have read this log",
            form=SealForm,
            run=_review,
            is_offered=_may_be_reviewed,
            initial=lambda session: {"log_sha256": queries.log_sha256(session)},
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[TreatmentSession]:
        """Return the sessions of patients in the clinician's care."""
        return queries.sessions_in_care(actor, at=at)

    @admin.display(description="open before the next session")
    def still_open(self, session: TreatmentSession) -> SafeString:
        """Show who signed, or what keeps the next session locked and what keeps one from signing."""
        found = queries.review_standing(session, at=clock.now())
        if found.review is not None:
            signed = found.review.signature
            return format_html(
                "Reviewed by {}, {} UTC: {}", signed.signer_name, _moment(signed.signed_at), found.review.note
            )
        asked = "asked for" if session.review_due_at else "not asked for"
        lines = [
            (f"Review: {'overdue' if found.is_overdue else asked}",),
            (f"Forms to fill in: {', '.join(found.forms) or 'none'}",),
            (f"Effects to look at: {found.effects_to_triage}",),
            (f"Open alerts: {found.alerts}, holds: {found.holds}, safety tasks: {found.safety_tasks}",),
            *((reason.detail,) for reason in found.reasons),
        ]
        return format_html_join("", "<p>{}</p>", lines)

    @admin.display(description="log")
    def log(self, session: TreatmentSession) -> SafeString:
        """Show what was seen, said and done, in order, and where nobody was heard from."""
        found = queries.log(session, at=clock.now())
        rows = [
            (_moment(line.at), line.by, line.kind, _said(line.says), _marks(line)) for line in found.lines
        ]
        row = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        silences = [(_moment(gap.starts_at), _moment(gap.ends_at)) for gap in found.gaps]
        return format_html(
            "<table>{}</table>{}",
            format_html_join("", row, rows),
            format_html_join("", "<p>Nobody was heard from {} to {} UTC.</p>", silences),
        )


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _marks(line: queries.Line) -> str:
    marks = {
        "late": line.is_late,
        "after the seal": line.after_seal,
        "corrected": line.replaced_by is not None,
        f"corrects: {line.reason}": line.replaces is not None,
    }
    return ", ".join(mark for mark, holds in marks.items() if holds)


def _said(says: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in says.items())


admin.site.unregister(Alert)


@admin.register(Alert)
class SessionAlertAdmin(AlertAdmin):
    """The same page of an alert, with what help asks for about the patient's last session one tap away."""

    fields = ("packet", *AlertAdmin.fields)  # type: ignore[assignment]

    @admin.display(description="for an ambulance crew")
    def packet(self, alert: Alert) -> str:
        """Lead to the newest emergency packet that the reader may open; to open it is what leaves a line."""
        found = queries.newest_packet(who_acts(), alert.patient_id, at=clock.now())
        if found is None:
            return "no emergency packet is open to you"
        return format_html(
            '<a href="{}"><strong>Emergency packet (PDF)</strong></a>, version {}, {} UTC',
            reverse("session-emergency-packet-pdf", args=[found.session_id]),
            found.version,
            f"{found.written_at:%Y-%m-%d %H:%M}",
        )
