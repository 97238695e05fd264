"""Pausing, leaving, taking back: it acts at once, and never ends a session that was dosed."""

from datetime import datetime
from uuid import UUID

from accounts.models import User
from core.actors import Actor
from core.database import atomic
from programs import services as programs
from programs.enums import OPTIONAL_CONSENTS, ConsentKind
from programs.models import Enrollment
from sessions import queries, rules
from sessions.enums import SessionStatus
from sessions.rules import Leaving, Step
from sessions.services.booking import cancel


def leave(
    enrollment_id: UUID, *, reason: str, patient_user: User, at: datetime
) -> tuple[Enrollment, Leaving]:
    """Leave the program; what is booked is called off, what runs is watched to its end.

    Locks the enrollment, so that a start came before it or sees it. Raises what `programs.withdraw` raises.
    """
    with atomic():
        enrollment = programs.withdraw(enrollment_id, patient_user=patient_user, reason=reason, at=at)
        return enrollment, _stop(enrollment, Step.LEFT, patient_user, at=at)


def pause(enrollment_id: UUID, *, patient_user: User, at: datetime) -> tuple[Enrollment, Leaving]:
    """Pause; what is booked is called off, what runs is watched to its end.

    Locks the enrollment, so that a start came before it or sees it. Raises what `programs.pause` raises.
    """
    with atomic():
        enrollment = programs.pause(enrollment_id, patient_user=patient_user, at=at)
        return enrollment, _stop(enrollment, Step.PAUSED, patient_user, at=at)


def take_back(
    enrollment_id: UUID, *, kind: ConsentKind, patient_user: User, at: datetime
) -> tuple[Enrollment, Leaving]:
    """Take an agreement back; without one that is needed, what is booked is called off.

    Locks the enrollment, so that a start came before it or sees it.
    """
    with atomic():
        enrollment = programs.withdraw_consent(enrollment_id, kind=kind, patient_user=patient_user, at=at)
        if kind in OPTIONAL_CONSENTS:
            return enrollment, _said(enrollment, Step.TOOK_BACK_OPTIONAL, called_off=0)
        return enrollment, _stop(enrollment, Step.TOOK_BACK, patient_user, at=at)


def resume(enrollment_id: UUID, *, patient_user: User, at: datetime) -> tuple[Enrollment, Leaving]:
    """End a pause; sessions are booked anew, and the gate asks everything it always asks."""
    with atomic():
        enrollment = programs.resume(enrollment_id, patient_user=patient_user, at=at)
        return enrollment, _said(enrollment, Step.RESUMED, called_off=0)


def _stop(enrollment: Enrollment, step: Step, patient_user: User, *, at: datetime) -> Leaving:
    booked = queries.booked_sessions(enrollment.pk)
    for session in booked:
        cancel(session, reason="", actor=Actor.person(patient_user.pk), at=at)
    return _said(enrollment, step, called_off=len(booked))


def _said(enrollment: Enrollment, step: Step, *, called_off: int) -> Leaving:
    running = queries.running_session(enrollment.pk)
    facts = rules.LeavingFacts(
        step=step,
        called_off=called_off,
        running=SessionStatus(running.status) if running else None,
        is_dosed=running is not None and running.dosed_at is not None,
    )
    return rules.leaving(facts)
