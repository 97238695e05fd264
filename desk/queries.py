from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Patient, User
from accounts.queries import patient_of
from assessments import queries as assessments
from core.actors import Actor, ActorKind
from core.errors import NotFound
from desk.enums import EntryKind
from desk.rules import OpenSession, Standing, title
from programs import queries as programs
from programs.enums import EnrollmentStatus
from programs.models import Enrollment
from safety import queries as safety
from safety.events import queries as events
from sessions import queries as session_queries
from sessions.enums import SessionStatus
from sessions.models import TreatmentSession

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
        effects_of=session_queries.effects_awaited(enrollment.pk),
        morning_of=session_queries.morning_awaited(enrollment.pk, at=at),
        review_open=bool(session_queries.open_reviews(enrollment.patient_id)),
        task_open=bool(events.open_tasks(enrollment.patient_id, at=at)),
        time_proposed=session_queries.is_time_proposed(enrollment.pk, at=at),
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


def timeline(
    enrollment: Enrollment, *, actor: Actor, before: Before | None = None, limit: int, at: datetime
) -> list[Entry]:
    """Return up to `limit` entries of one enrollment's history, newest first.

    Alerts are among them if `actor` reads the chart as a clinician at `at`: they answer them.
    """
    first = before or Before(at=datetime.max.replace(tzinfo=UTC), id=UUID(int=2**128 - 1))
    values = {
        "enrollment": enrollment.pk,
        "patient": enrollment.patient_id,
        "person": actor.id if actor.kind == ActorKind.PERSON else None,
        "now": at,
        "at": first.at,
        "id": first.id,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TIMELINE, values)
        rows = cursor.fetchall()
    return [
        Entry(id=entry, at=moment, kind=kind, title=title(kind, what=what))
        for moment, entry, name, what in rows
        for kind in [EntryKind(name)]
    ]


def _branch(kind: EntryKind, *, at: str, what: str = "''", rows: str) -> str:
    """Return the SQL of one kind's newest entries; `rows` says which rows of which table, called `line`."""
    return f"""(
        SELECT {at} AS moment, line.id AS entry, '{kind}' AS kind, {what}::text AS what FROM {rows}
        AND ({at}, line.id) < (%(at)s, %(id)s) ORDER BY moment DESC, entry DESC LIMIT %(limit)s
    )"""  # noqa: S608 - nothing but what is written below


_OWN = "WHERE line.enrollment_id = %(enrollment)s"
_CHART = "WHERE line.patient_id = %(patient)s"
_SIGNED = "JOIN accounts_signature AS signature ON signature.id = line.signature_id"
_BRANCHES = (
    _branch(
        EntryKind.ENROLLMENT,
        at="line.at",
        what="line.event",
        rows=f"programs_enrollmenttransition AS line {_OWN}",
    ),
    _branch(
        EntryKind.SCREENING,
        at="line.submitted_at",
        what="line.outcome",
        rows=f"safety_screening AS line {_OWN}",
    ),
    _branch(
        EntryKind.PLAN,
        at="signature.signed_at",
        what="line.version",
        rows=f"programs_treatmentplan AS line {_SIGNED} {_OWN}",
    ),
    _branch(
        EntryKind.CONSENT,
        at="signature.signed_at",
        what="document.kind",
        rows=f"programs_consent AS line {_SIGNED}"
        f" JOIN core_documentversion AS document ON document.id = line.document_id {_OWN}",
    ),
    _branch(
        EntryKind.CONSENT_WITHDRAWAL,
        at="line.withdrawn_at",
        what="document.kind",
        rows="programs_consentwithdrawal AS line"
        " JOIN programs_consent AS consent ON consent.id = line.consent_id"
        " JOIN core_documentversion AS document ON document.id = consent.document_id"
        " WHERE consent.enrollment_id = %(enrollment)s",
    ),
    _branch(
        EntryKind.ASSESSMENT,
        at="line.submitted_at",
        what="line.instrument",
        rows=f"assessments_assessment AS line {_OWN} AND line.submitted_at IS NOT NULL",
    ),
    _branch(
        EntryKind.SESSION,
        at="line.at",
        what="concat(session.number, ' ', line.event)",
        rows="treatment_sessions_treatmentsession AS session CROSS JOIN LATERAL ("
        "SELECT * FROM treatment_sessions_sessiontransition AS step WHERE step.session_id = session.id"
        " AND (step.at, step.id) < (%(at)s, %(id)s) ORDER BY step.at DESC, step.id DESC LIMIT %(limit)s"
        ") AS line WHERE session.enrollment_id = %(enrollment)s",
    ),
    _branch(EntryKind.PAUSE, at="line.paused_at", rows=f"programs_pause AS line {_OWN}"),
    _branch(
        EntryKind.RESUMPTION,
        at="line.resumed_at",
        rows=f"programs_pause AS line {_OWN} AND line.resumed_at IS NOT NULL",
    ),
    _branch(EntryKind.ADVERSE_EVENT, at="line.reported_at", rows=f"safety_adverseevent AS line {_CHART}"),
    _branch(EntryKind.HOLD, at="line.placed_at", what="line.reason", rows=f"safety_hold AS line {_CHART}"),
    _branch(
        EntryKind.HOLD_LIFTED,
        at="line.lifted_at",
        rows=f"safety_hold AS line {_CHART} AND line.lifted_at IS NOT NULL",
    ),
    _branch(
        EntryKind.ALERT,
        at="line.opened_at",
        what="line.alert_class",
        rows=f"safety_alert AS line {_CHART}"
        " AND line.patient_id = ANY ((SELECT guard.charts_read(%(person)s, %(now)s))::uuid[])",
    ),
)
_TIMELINE = f"{' UNION ALL '.join(_BRANCHES)} ORDER BY moment DESC, entry DESC LIMIT %(limit)s"
"""Each branch is limited before they are joined, so that a long history costs no more than a short one.

Written out: to build it anew for each request takes longer than to run it.
"""
