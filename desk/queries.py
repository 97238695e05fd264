from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any
from uuid import UUID

from django.db.models import CharField, F, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from accounts.models import Patient, User
from accounts.queries import patient_of, patients_read
from assessments import queries as assessments
from assessments.models import Assessment
from core.actors import Actor
from core.errors import NotFound
from desk.enums import EntryKind
from desk.rules import OpenSession, Standing, title
from programs import queries as programs
from programs.enums import EnrollmentStatus
from programs.models import (
    Consent,
    ConsentWithdrawal,
    Enrollment,
    EnrollmentTransition,
    Pause,
    TreatmentPlan,
)
from safety import queries as safety
from safety.models import AdverseEvent, Alert, Hold, Screening
from sessions.enums import SessionStatus
from sessions.models import SessionTransition, TreatmentSession

_CURRENT = (
    SessionStatus.SCHEDULED,
    SessionStatus.READY,
    SessionStatus.IN_PROGRESS,
    SessionStatus.RECOVERING,
)


@dataclass(frozen=True)
class Entry:
    """One line of a timeline."""

    id: UUID
    at: datetime
    kind: EntryKind
    title: str


@dataclass(frozen=True)
class Before:
    """Where the next page begins: strictly before this moment and id."""

    at: datetime
    id: UUID


def standing(enrollment: Enrollment, *, at: datetime) -> Standing:
    """Gather what `rules.next_step` needs to know of one enrollment."""
    latest = enrollment.screenings.order_by("-submitted_at", "-id").first()
    session = _current_session(enrollment.pk)
    return Standing(
        enrollment_id=enrollment.pk,
        status=EnrollmentStatus(enrollment.status),
        screening_waits=latest is not None and not hasattr(latest, "review"),
        consents_missing=bool(programs.consents_missing(enrollment.pk, at=at)),
        alert_open=bool(safety.blocking_alerts(enrollment.patient_id)),
        held=bool(safety.open_holds(enrollment.patient_id)),
        paused=programs.is_paused(enrollment.pk),
        assessment_due=bool(assessments.outstanding(enrollment.pk, at=at)),
        session=_open_session(session) if session else None,
    )


def _current_session(enrollment_id: UUID) -> TreatmentSession | None:
    """Return the session that is not over: the one in recovery before the next one that is booked."""
    sessions = TreatmentSession.objects.filter(enrollment_id=enrollment_id, status__in=_CURRENT)
    return sessions.order_by("number").first()


def _open_session(session: TreatmentSession) -> OpenSession:
    return OpenSession(
        id=session.pk,
        number=session.number,
        status=SessionStatus(session.status),
        monitor_invited=session.invitations.filter(capability__revoked_at=None).exists(),
    )


def own_patient(user: User) -> Patient:
    """Return the chart of somebody whom `IsPatient` let in; raises `NotFound` where there is none."""
    patient = patient_of(user.pk)
    if patient is None:
        raise NotFound
    return patient


def enrollments_of(patient: Patient) -> QuerySet[Enrollment]:
    """Return a patient's enrollments, newest first."""
    return patient.enrollments.select_related("program").order_by("-created_at")


def answers_alerts(actor: Actor, enrollment: Enrollment, *, at: datetime) -> bool:
    """Tell whether `actor` reads as one who answers this patient's alerts: they see them on the timeline."""
    return patients_read(actor, at=at).filter(pk=enrollment.patient_id).exists()


def timeline(enrollment: Enrollment, *, with_alerts: bool, before: Before | None, limit: int) -> list[Entry]:
    """Return up to `limit` entries of one enrollment's history, newest first.

    Each branch is limited before they are joined, so a long history costs no more than a short one.
    """
    branches = _branches(enrollment)
    if with_alerts:
        alerts = Alert.objects.filter(patient_id=enrollment.patient_id)
        branches.append(_branch(alerts, EntryKind.ALERT, at="opened_at", what=F("alert_class")))
    pages = [_page(branch, before=before, limit=limit) for branch in branches]
    joined = reduce(lambda left, right: left.union(right, all=True), pages)
    rows = joined.order_by("-moment", "-entry")[:limit]
    return [
        Entry(id=row["entry"], at=row["moment"], kind=kind, title=title(kind, what=row["what"]))
        for row in rows
        for kind in [EntryKind(row["kind"])]
    ]


def _branches(enrollment: Enrollment) -> list[QuerySet[Any, dict[str, Any]]]:
    own = {"enrollment_id": enrollment.pk}
    chart = {"patient_id": enrollment.patient_id}
    numbered = Concat(Cast("session__number", CharField()), Value(" "), "event", output_field=CharField())
    return [
        _branch(EnrollmentTransition.objects.filter(**own), EntryKind.ENROLLMENT, at="at", what=F("event")),
        _branch(Screening.objects.filter(**own), EntryKind.SCREENING, at="submitted_at", what=F("outcome")),
        _branch(
            TreatmentPlan.objects.filter(**own),
            EntryKind.PLAN,
            at="signature__signed_at",
            what=Cast("version", CharField()),
        ),
        _branch(
            Consent.objects.filter(**own),
            EntryKind.CONSENT,
            at="signature__signed_at",
            what=F("document__kind"),
        ),
        _branch(
            Assessment.objects.filter(**own, submitted_at__isnull=False),
            EntryKind.ASSESSMENT,
            at="submitted_at",
            what=F("instrument"),
        ),
        _branch(
            SessionTransition.objects.filter(session__enrollment_id=enrollment.pk),
            EntryKind.SESSION,
            at="at",
            what=numbered,
        ),
        _branch(Pause.objects.filter(**own), EntryKind.PAUSE, at="paused_at"),
        _branch(Pause.objects.filter(**own, resumed_at__isnull=False), EntryKind.RESUMPTION, at="resumed_at"),
        _branch(
            ConsentWithdrawal.objects.filter(consent__enrollment_id=enrollment.pk),
            EntryKind.CONSENT_WITHDRAWAL,
            at="withdrawn_at",
            what=F("consent__document__kind"),
        ),
        _branch(AdverseEvent.objects.filter(**chart), EntryKind.ADVERSE_EVENT, at="reported_at"),
        _branch(Hold.objects.filter(**chart), EntryKind.HOLD, at="placed_at", what=F("reason")),
        _branch(Hold.objects.filter(**chart, lifted_at__isnull=False), EntryKind.HOLD_LIFTED, at="lifted_at"),
    ]


def _branch(
    rows: QuerySet[Any], kind: EntryKind, *, at: str, what: Any = None
) -> QuerySet[Any, dict[str, Any]]:
    return rows.order_by().values(
        moment=F(at),
        entry=F("pk"),
        kind=Value(kind.value, output_field=CharField()),
        what=Cast(what or Value(""), CharField()),
    )


def _page(
    branch: QuerySet[Any, dict[str, Any]], *, before: Before | None, limit: int
) -> QuerySet[Any, dict[str, Any]]:
    if before is not None:
        branch = branch.filter(Q(moment__lt=before.at) | Q(moment=before.at, entry__lt=before.id))
    return branch.order_by("-moment", "-entry")[:limit]
