"""Which proposed times somebody may see, answer or take back.

A guide is shown these, and of the chart nothing more: the walls let them see it, each room says what.
"""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.queries import charts_in_care, charts_owned, one, patients_guided, visible_charts, within
from core.actors import Actor
from programs.enums import EnrollmentStatus
from programs.models import Enrollment
from sessions.models import SessionProposal


def enrollment_with_proposals(actor: Actor, enrollment_id: UUID, *, at: datetime) -> Enrollment:
    """Return an enrollment whose proposals `actor` may see: whoever sees the chart, and the guide.

    Raises `NotFound`.
    """
    seen = Q(within(visible_charts(actor, at=at), "patient_id"))
    return _enrollment(seen | _guided(actor, "patient", at=at), enrollment_id)


def enrollment_to_propose_for(actor: Actor, enrollment_id: UUID, *, at: datetime) -> Enrollment:
    """Return an enrollment of somebody whom `actor` cares for as clinician or guide; raises `NotFound`."""
    in_care = Q(within(charts_in_care(actor, at=at), "patient_id"))
    return _enrollment(in_care | _guided(actor, "patient", at=at), enrollment_id)


def proposals_of(enrollment: Enrollment, *, at: datetime) -> QuerySet[SessionProposal]:
    """Return the times proposed for an enrollment, oldest first; `is_open` as `proposal_for` has it."""
    return _proposals(Q(enrollment=enrollment), at=at)


def is_time_proposed(enrollment_id: UUID, *, at: datetime) -> bool:
    """Tell whether a proposed time waits for the patient's answer."""
    return SessionProposal.objects.filter(_open(at), enrollment=enrollment_id).exists()


def proposal_for(actor: Actor, proposal_id: UUID, *, at: datetime) -> SessionProposal:
    """Return a proposal that `actor` may see.

    `is_open` while it waits for an answer that can still be given: its time is to come, and the patient is
    in treatment.

    Raises `NotFound`.
    """
    seen = Q(within(visible_charts(actor, at=at), "enrollment__patient_id"))
    return one(_proposals(seen | _guided(actor, "enrollment__patient", at=at), at=at), proposal_id)


def own_proposal(actor: Actor, proposal_id: UUID, *, at: datetime) -> SessionProposal:
    """Return a proposal made to oneself, for what only the patient does; raises `NotFound`."""
    return one(_proposals(Q(within(charts_owned(actor), "enrollment__patient_id")), at=at), proposal_id)


def proposal_to_withdraw(actor: Actor, proposal_id: UUID, *, at: datetime) -> SessionProposal:
    """Return a proposal to somebody whom `actor` cares for as clinician or guide; raises `NotFound`."""
    in_care = Q(within(charts_in_care(actor, at=at), "enrollment__patient_id"))
    return one(_proposals(in_care | _guided(actor, "enrollment__patient", at=at), at=at), proposal_id)


def _guided(actor: Actor, patient: str, *, at: datetime) -> Q:
    return Q(**{f"{patient}__in": patients_guided(actor, at=at)})


def _enrollment(among: Q, enrollment_id: UUID) -> Enrollment:
    return one(Enrollment.objects.filter(among).select_related("patient"), enrollment_id)


def _proposals(among: Q, *, at: datetime) -> QuerySet[SessionProposal]:
    return SessionProposal.objects.filter(among).annotate(is_open=_open(at))


def _open(at: datetime) -> Q:
    return Q(answer="", scheduled_at__gt=at, enrollment__status=EnrollmentStatus.ACTIVE)
