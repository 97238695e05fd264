"""Pausing, leaving, taking back: it acts at once, and never ends a session that was dosed."""

from datetime import datetime
from uuid import UUID

from accounts import queries as accounts_queries
from accounts import services as accounts
from accounts.models import User
from core.actors import Actor
from core.database import atomic
from programs import services as programs
from programs.enums import OPTIONAL_CONSENTS, ConsentKind
from programs.models import Enrollment
from sessions import queries, rules
from sessions.enums import SessionStatus
from sessions.models import TreatmentSession
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


def close_account(user: User, *, at: datetime) -> Leaving:
    """Leave every program and close the account; nobody signs in with it from now on. Again is harmless.

    It closes at once, also while a session runs: one that was dosed is watched to its end all the same. Its
    deadlines stand, its monitor's link lives, a missed check-in pages, and the patient is written to about it
    (`notifications.rules.ABOUT_A_LIFE`). The answer says what the app would show.

    Locks the open enrollments, so that a start came before it or sees it. Raises `WorksHere`.
    """
    with atomic():
        patient = accounts_queries.patient_of(user.pk)
        enrollments = programs.lock_open_enrollments(patient.pk) if patient else []
        called_off = 0
        for enrollment in enrollments:
            programs.withdraw(enrollment.pk, patient_user=user, reason="", at=at)
            called_off += _call_off(enrollment, user, at=at)
        accounts.close_account(user, at=at)
        running = queries.running_session_of(patient.pk) if patient else None
        return _told(running, Step.CLOSED, called_off=called_off)


def resume(enrollment_id: UUID, *, patient_user: User, at: datetime) -> tuple[Enrollment, Leaving]:
    """End a pause; sessions are booked anew, and the gate asks everything it always asks."""
    with atomic():
        enrollment = programs.resume(enrollment_id, patient_user=patient_user, at=at)
        return enrollment, _said(enrollment, Step.RESUMED, called_off=0)


def _stop(enrollment: Enrollment, step: Step, patient_user: User, *, at: datetime) -> Leaving:
    return _said(enrollment, step, called_off=_call_off(enrollment, patient_user, at=at))


def _call_off(enrollment: Enrollment, patient_user: User, *, at: datetime) -> int:
    """Cancel what is booked; return how many sessions that were."""
    booked = queries.booked_sessions(enrollment.pk)
    for session in booked:
        cancel(session, reason="", actor=Actor.person(patient_user.pk), at=at)
    return len(booked)


def _said(enrollment: Enrollment, step: Step, *, called_off: int) -> Leaving:
    return _told(queries.running_session(enrollment.pk), step, called_off=called_off)


def _told(running: TreatmentSession | None, step: Step, *, called_off: int) -> Leaving:
    facts = rules.LeavingFacts(
        step=step,
        called_off=called_off,
        running=SessionStatus(running.status) if running else None,
        is_dosed=running is not None and queries.dosed_by(running) is not None,
    )
    return rules.leaving(facts)
