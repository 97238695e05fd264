"""A time for a session, proposed by the care team, that the patient confirms or declines.

A proposal books nothing, and keeps nobody from booking: what the patient books or moves themselves leaves it
open, and who confirms it then moves what is booked.
"""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from core.actors import Actor
from core.database import atomic
from notifications import services as notifications
from notifications.enums import MessageKind
from programs import services as programs
from programs.errors import WrongEnrollmentState
from programs.queries import is_paused
from sessions import errors, queries
from sessions.enums import ProposalAnswer
from sessions.models import SessionProposal, TreatmentSession
from sessions.services.booking import book, require_bookable, reschedule


def propose(
    enrollment_id: UUID, *, scheduled_at: datetime, timezone: str, note: str, by: User, at: datetime
) -> SessionProposal:
    """Propose a time that a booking, or the move of what is booked, could have now; the patient is told.

    Locks the enrollment. Raises `AlreadyProposed`, `WrongEnrollmentState`, `AlreadyBooked` while a session
    runs, or `NotBookable` with every reason.
    """
    with atomic():
        enrollment = programs.lock_enrollment(enrollment_id)
        if is_paused(enrollment.pk):
            raise WrongEnrollmentState("The patient has paused. Propose a time once they go on.")
        require_bookable(enrollment, scheduled_at=scheduled_at, moved=_booked(enrollment.pk), at=at)
        if _open_proposals(enrollment.pk).filter(scheduled_at=scheduled_at).exists():
            raise errors.AlreadyProposed
        actor = Actor.person(by.pk)
        proposal = SessionProposal.objects.create(
            enrollment=enrollment,
            scheduled_at=scheduled_at,
            timezone=timezone,
            note=note,
            proposed_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
        notifications.schedule(
            MessageKind.TIME_PROPOSED,
            dedupe_key=_key(proposal),
            user=enrollment.patient.user,
            due_at=at,
            expires_at=scheduled_at,
        )
        return proposal


def confirm_proposal(proposal: SessionProposal, *, by: User, at: datetime) -> TreatmentSession:
    """Book the session for the proposed time, or move what is booked to it, as the patient would themselves.

    Everything is asked anew; a refusal leaves the proposal open. The enrollment's other open proposals are
    superseded. Asking twice is harmless. Locks the enrollment, then the session. Raises `ProposalAnswered`,
    or what `book` and `reschedule` do.
    """
    with atomic():
        locked = _lock(proposal)
        if locked.session is not None and _repeats(locked, ProposalAnswer.CONFIRMED, by=by):
            return locked.session
        _require_unanswered(locked)
        actor, booked = Actor.person(by.pk), _booked(locked.enrollment_id)
        when, zone = locked.scheduled_at, locked.timezone
        if booked is None:
            session = book(locked.enrollment_id, scheduled_at=when, timezone=zone, actor=actor, at=at)
        elif booked.scheduled_at == when:
            session = booked  # moved to where it is, it would lose what its monitor has vouched for
        else:
            session = reschedule(booked, scheduled_at=when, timezone=zone, actor=actor, at=at)
        locked.session = session
        _answer(locked, ProposalAnswer.CONFIRMED, by=by, at=at)
        for other in _open_proposals(locked.enrollment_id):
            _answer(other, ProposalAnswer.SUPERSEDED, by=by, at=at)
        return session


def decline_proposal(proposal: SessionProposal, *, reason: str, by: User, at: datetime) -> SessionProposal:
    """Let the patient say that a time does not suit them; what is booked stays booked.

    Asking twice is harmless. Locks the enrollment. Raises `ProposalAnswered`.
    """
    return _end(proposal, ProposalAnswer.DECLINED, reason=reason, by=by, at=at)


def withdraw_proposal(proposal: SessionProposal, *, by: User, at: datetime) -> SessionProposal:
    """Take a proposal back, whoever of the care team made it.

    Asking twice is harmless. Locks the enrollment. Raises `ProposalAnswered`.
    """
    return _end(proposal, ProposalAnswer.WITHDRAWN, reason="", by=by, at=at)


def _end(
    proposal: SessionProposal, answer: ProposalAnswer, *, reason: str, by: User, at: datetime
) -> SessionProposal:
    with atomic():
        locked = _lock(proposal)
        if _repeats(locked, answer, by=by):
            return locked
        _require_unanswered(locked)
        locked.reason = reason
        _answer(locked, answer, by=by, at=at)
        return locked


def _lock(proposal: SessionProposal) -> SessionProposal:
    """Lock the enrollment, and return the proposal as it is now."""
    enrollment = programs.lock_enrollment(proposal.enrollment_id)
    locked = SessionProposal.objects.select_related("session").get(pk=proposal.pk)
    locked.enrollment = enrollment
    return locked


def _repeats(locked: SessionProposal, answer: ProposalAnswer, *, by: User) -> bool:
    return locked.answer == answer and locked.answered_by_id == by.pk


def _require_unanswered(locked: SessionProposal) -> None:
    if locked.answer:
        raise errors.ProposalAnswered


def _answer(locked: SessionProposal, answer: ProposalAnswer, *, by: User, at: datetime) -> None:
    """Write an answer down; a message that has not left yet asks for none any more."""
    locked.answer, locked.answered_at, locked.answered_by = answer, at, by
    locked.save(update_fields=["answer", "answered_at", "answered_by", "reason", "session"])
    notifications.cancel(_key(locked), at=at)


def _booked(enrollment_id: UUID) -> TreatmentSession | None:
    return next(iter(queries.booked_sessions(enrollment_id)), None)


def _open_proposals(enrollment_id: UUID) -> QuerySet[SessionProposal]:
    return SessionProposal.objects.filter(enrollment_id=enrollment_id, answer="")


def _key(proposal: SessionProposal) -> str:
    return f"session-proposal:{proposal.pk}:"
