"""Which sessions a clinician has to review, and what is still open of one."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.enums import Role
from accounts.models import CareTeamMembership
from assessments import queries as assessments
from core.actors import Actor
from core.errors import Reason
from safety import queries as safety
from safety.events import queries as events
from sessions import rules
from sessions.enums import SessionStatus
from sessions.models import SessionReview, TreatmentSession
from sessions.queries.access import sessions_in_care
from sessions.queries.effects import untriaged
from sessions.queries.log import log_sha256, review_of
from sessions.queries.shown import open_deadlines


def sessions_to_review(actor: Actor, *, at: datetime) -> QuerySet[TreatmentSession]:
    """Return the sessions in a clinician's care whose review is asked for and not signed, soonest due first.

    Each with its `owner`: the name of the clinician in whose care the patient is now.
    """
    carer = CareTeamMembership.objects.filter(
        patient=OuterRef("enrollment__patient_id"), role=Role.CLINICIAN, ends_at=None
    )
    asked = sessions_in_care(actor, at=at).filter(review_due_at__isnull=False, review=None)
    named = asked.annotate(owner=Subquery(carer.values("member__clinician__full_name")[:1]))
    return named.order_by("review_due_at", "id")


@dataclass(frozen=True, slots=True)
class ReviewStanding:
    """What is open before the next session, of this one and of the patient; and the log's hash to sign.

    `reasons` are why the review itself cannot be signed yet; none once it is.
    """

    session: TreatmentSession
    is_overdue: bool
    forms: tuple[str, ...]
    effects_to_triage: int
    alerts: int
    holds: int
    safety_tasks: int
    reasons: tuple[Reason, ...]
    log_sha256: str
    review: SessionReview | None


def review_standing(session: TreatmentSession, *, at: datetime) -> ReviewStanding:
    """Gather what a clinician sees of a session's review."""
    review, facts = review_of(session), review_facts(session)
    patient_id, due_at = session.enrollment.patient_id, session.review_due_at
    return ReviewStanding(
        session=session,
        is_overdue=review is None and due_at is not None and due_at < at,
        forms=tuple(form.title for form in assessments.outstanding(session.enrollment_id, at=at)),
        effects_to_triage=facts.effects_to_triage,
        alerts=len(safety.blocking_alerts(patient_id)),
        holds=len(safety.open_holds(patient_id)),
        safety_tasks=events.open_tasks(patient_id, at=at),
        reasons=() if review else tuple(rules.review_faults(facts)),
        log_sha256=review.log_sha256 if review else log_sha256(session),
        review=review,
    )


def review_facts(session: TreatmentSession) -> rules.ReviewFacts:
    """Gather what a review depends on."""
    return rules.ReviewFacts(
        status=SessionStatus(session.status),
        effects_to_triage=untriaged(session).count(),
        open_deadlines=open_deadlines(session).count(),
    )
