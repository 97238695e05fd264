from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin import Act, ClinicianAdmin, ReasonForm, RoleAdmin
from accounts.enums import STATES
from accounts.models import Patient, User
from accounts.permissions import SignsPolicies
from accounts.policies import queries as policies
from accounts.policies import services as policy_services
from accounts.queries import patients_in_care
from core import clock
from core.acting import who_acts
from core.actors import Actor
from core.enums import DocumentKind
from core.models import DocumentVersion
from desk import queries
from desk.rules import next_step
from safety import ladders
from safety import queries as safety
from safety import services as safety_services
from safety.enums import IdentityDocument, IdentityMethod, IdentityOutcome, MonitoringResult
from safety.screening.policy import PolicyError
from safety.services import IdentityReport, MonitoringReport
from sessions.content import unread
from sessions.policy import left_out

SHOWN = 50


class IdentityForm(forms.Form):
    """How somebody was compared with a document, just now."""

    method = forms.ChoiceField(choices=IdentityMethod.choices)
    document = forms.ChoiceField(choices=IdentityDocument.choices)
    outcome = forms.ChoiceField(choices=IdentityOutcome.choices, widget=forms.RadioSelect)


class MonitoringForm(forms.Form):
    """What the registers of some states said, just now."""

    states = forms.MultipleChoiceField(choices=[(state, state) for state in STATES])
    result = forms.ChoiceField(choices=MonitoringResult.choices, widget=forms.RadioSelect)
    note = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))


def _check_identity(patient: Patient, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    report = IdentityReport(
        method=IdentityMethod(said["method"]),
        document=IdentityDocument(said["document"]),
        outcome=IdentityOutcome(said["outcome"]),
        checked_at=at,
    )
    check = safety_services.record_identity_check(patient, report=report, checker=clinician, at=at)
    return f"Recorded: {check.get_outcome_display().lower()}, {'adult' if check.is_adult else 'not adult'}."


def _ask_registers(patient: Patient, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    report = MonitoringReport(
        states=tuple(said["states"]),
        queried_at=at,
        result=MonitoringResult(said["result"]),
        note=said["note"],
    )
    enrollment = queries.enrollments_of(patient)[0]
    query = safety_services.record_monitoring_query(enrollment, report=report, reviewer=clinician, at=at)
    return f"Recorded: {query.get_result_display().lower()}."


@admin.register(Patient)
class PatientAdmin(ClinicianAdmin):
    """A patient's page: what comes next, and what happened."""

    chart = "pk"
    list_display = ("legal_name", "birth_on", "timezone")
    search_fields = ("legal_name",)
    fields = (
        "legal_name",
        "preferred_name",
        "birth_on",
        "timezone",
        "identity",
        "registers",
        "next_step",
        "timeline",
    )
    acts = (
        Act(
            name="identity",
            label="Record a check of identity",
            form=IdentityForm,
            run=_check_identity,
            is_offered=lambda patient: patient.pk is not None,
        ),
        Act(
            name="registers",
            label="Record a question to prescription registers",
            form=MonitoringForm,
            run=_ask_registers,
            is_offered=lambda patient: queries.enrollments_of(patient).exists(),
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[Patient]:
        """Return the patients in one's care."""
        return patients_in_care(actor, at=at)

    @admin.display(description="identity")
    def identity(self, patient: Patient) -> str:
        """Show the last check of identity and age."""
        last = safety.identity_checks(patient).order_by("-id").first()
        if last is None:
            return "never checked"
        adult = "adult" if last.is_adult else "not adult"
        past = "" if last.is_current else ", of another name or birth date"
        who = f"{last.checked_at:%Y-%m-%d} by {last.checked_by.clinician}"
        return f"{last.get_outcome_display()}, {adult}, {who}{past}"

    @admin.display(description="prescription registers")
    def registers(self, patient: Patient) -> str:
        """Show what the registers said last."""
        enrollment = queries.enrollments_of(patient).first()
        last = safety.monitoring_queries(enrollment).order_by("-id").first() if enrollment else None
        if last is None:
            return "not asked"
        states = ", ".join(last.states)
        note = safety.note_of(last)
        return f"{last.get_result_display()} ({states}), {last.queried_at:%Y-%m-%d %H:%M} UTC. {note}"

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
        at = clock.now()
        rows = [
            (entry.at.strftime("%Y-%m-%d %H:%M UTC"), entry.title)
            for enrollment in queries.enrollments_of(patient)
            for entry in queries.timeline(enrollment, actor=who_acts(), limit=SHOWN, at=at)
        ]
        return format_html("<table>{}</table>", format_html_join("", "<tr><td>{}</td><td>{}</td></tr>", rows))


class ReadForm(forms.Form):
    """That somebody has read what they sign."""

    read = forms.BooleanField(label="I have read this version whole")


def _sign_policy(document: DocumentVersion, signer: User, said: Mapping[str, Any], at: datetime) -> str:  # noqa: ARG001
    signed = policy_services.sign_policy(document.pk, sha256=document.sha256, signer=signer, at=at)
    enacted = policies.signed_enactment(signed.pk)
    if enacted is None:
        effect = "It takes effect once another person has signed too, one of you a medical director."
    else:
        effect = f"It holds from {enacted.effective_at:%Y-%m-%d %H:%M} UTC."
    return " ".join(("Signed.", effect, *_left_out(document)))


def _left_out(document: DocumentVersion) -> tuple[str, ...]:
    """Return what a version leaves out: guards that are off by it, alerts that page by what ships.

    Or that it does nothing, because it cannot be read.
    """
    if document.kind == DocumentKind.SESSION_POLICY:
        return left_out(document.content)
    if document.kind == DocumentKind.CONTENT_MODULES:
        return unread(document.content)
    if document.kind != DocumentKind.ESCALATION_LADDERS:
        return ()
    try:
        return ladders.left_out(document.content)
    except PolicyError as error:
        return (f"It cannot be read, so all alerts page by the one that ships: {error}.",)


def _roll_back(document: DocumentVersion, director: User, said: Mapping[str, Any], at: datetime) -> str:
    policy_services.roll_back(
        document.pk, sha256=document.sha256, reason=said["reason"], director=director, at=at
    )
    return "This version holds again from now on."


@admin.register(DocumentVersion)
class PolicyAdmin(RoleAdmin):
    """Versions of policies: to read whole, to sign, and to go back to."""

    roles = SignsPolicies.roles
    list_display = ("kind", "version", "effective_at", "signed_by", "took_effect")
    list_filter = ("kind",)
    fields = (*list_display, "leaves_out", "sha256", "content")
    acts = (
        Act(
            name="sign",
            label="Sign this version",
            form=ReadForm,
            run=_sign_policy,
            is_offered=lambda document: policies.signed_enactment(document.pk) is None,
        ),
        Act(
            name="roll-back",
            label="Go back to this version",
            form=ReasonForm,
            run=_roll_back,
            is_offered=lambda document: policies.signed_enactment(document.pk) is not None,
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[DocumentVersion]:  # noqa: ARG002
        """Return every version of every policy."""
        return policies.versions()

    def _shown(self, *rows: Any) -> None:
        """Leave no line of a look: a policy is in nobody's chart."""

    @admin.display(description="signed by")
    def signed_by(self, document: DocumentVersion) -> str:
        """Show who has signed."""
        given = policies.signatures(document.pk)
        return "; ".join(f"{one.signature.signer_name}, {one.signature.signed_at:%Y-%m-%d}" for one in given)

    @admin.display(description="leaves out")
    def leaves_out(self, document: DocumentVersion) -> str:
        """Show what it does not decide, a sentence each."""
        return " ".join(_left_out(document)) or "Nothing that a version of its kind can say."

    @admin.display(description="holds from")
    def took_effect(self, document: DocumentVersion) -> str:
        """Show when it took effect, and whether two people had signed."""
        return "; ".join(
            f"{one.effective_at:%Y-%m-%d %H:%M} UTC{'' if one.director_id else ', without signatures'}"
            for one in document.enactments.all()
        )


# The pages of a subject that is a package of its own.
from desk.events import admin as event_admin  # noqa: E402, F401
