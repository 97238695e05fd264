"""Before the day: booking, moving, calling off, getting ready."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import F

from assessments.services import open_before_session
from core.actors import Actor
from core.database import atomic
from core.errors import InputError, InvalidInput, Stale
from notifications import services as notifications
from notifications.enums import MessageKind
from notifications.ladders import steps_before
from programs import services as programs
from programs.enums import EnrollmentStatus
from programs.errors import WrongEnrollmentState
from programs.models import Enrollment
from programs.queries import is_paused
from sessions import errors, queries, rules
from sessions.enums import BOOKED_STATUSES, SessionEvent
from sessions.models import PreparationItem, TreatmentSession
from sessions.services.monitors import extend_links, revoke_links
from sessions.services.steps import lock, move, record, repeats, require_status


def book(
    enrollment_id: UUID, *, scheduled_at: datetime, timezone: str, actor: Actor, at: datetime
) -> TreatmentSession:
    """Book the next session that is not done, with what there is to prepare, and reminders.

    Locks the enrollment. Raises `WrongEnrollmentState`, `AlreadyBooked`, or `NotBookable` with every reason.
    """
    with atomic():
        enrollment = programs.lock_enrollment(enrollment_id)
        _, policy = queries.policy_in_force(at=at)
        number = require_bookable(enrollment, scheduled_at=scheduled_at, at=at)
        session = TreatmentSession.objects.create(
            enrollment=enrollment, number=number, scheduled_at=scheduled_at, timezone=timezone
        )
        record(session, "", SessionEvent.BOOKED, actor=actor, at=at)
        PreparationItem.objects.bulk_create(
            PreparationItem(session=session, key=item.key) for item in policy.preparation
        )
        _remind(session, at=at)
        open_before_session(enrollment, number=number, scheduled_at=scheduled_at, at=at)
        return session


def reschedule(
    session: TreatmentSession, *, scheduled_at: datetime, timezone: str, actor: Actor, at: datetime
) -> TreatmentSession:
    """Move a booked session to another time; what was vouched for it has to be vouched for again.

    Locks the enrollment, then the session. Raises `WrongSessionState`, or `NotBookable` with every reason.
    """
    with atomic():
        locked = lock(session)
        require_status(locked, BOOKED_STATUSES)
        require_bookable(locked.enrollment, scheduled_at=scheduled_at, moved=locked, at=at)
        columns = {"scheduled_at": scheduled_at, "timezone": timezone}
        move(locked, SessionEvent.RESCHEDULED, actor=actor, at=at, columns=columns)
        extend_links(locked, from_moment=scheduled_at)
        notifications.cancel(_reminder_key(locked), at=at)
        _remind(locked, at=at)
        open_before_session(locked.enrollment, number=locked.number, scheduled_at=scheduled_at, at=at)
        return locked


def cancel(session: TreatmentSession, *, reason: str, actor: Actor, at: datetime) -> TreatmentSession:
    """Call a booked session off: its number is free again, its link opens nothing. Asking twice is harmless.

    Locks the enrollment, then the session. Raises `WrongSessionState` once it has started.
    """
    with atomic():
        locked = lock(session)
        if repeats(locked, SessionEvent.CANCELLED, actor=actor):
            return locked
        move(locked, SessionEvent.CANCELLED, actor=actor, at=at, reason=reason)
        revoke_links(locked, at=at)
        notifications.cancel(_reminder_key(locked), at=at)
        return locked


def save_preparation(
    session: TreatmentSession, *, ticked: Mapping[str, bool], expected_version: int, at: datetime
) -> TreatmentSession:
    """Tick what is prepared, or take a tick back; what is ticked already keeps its time.

    Locks the enrollment, then the session. Raises `Stale`, `WrongSessionState`, or `InvalidInput` for
    something that is not on the list.
    """
    with atomic():
        locked = lock(session)
        if locked.version != expected_version:
            raise Stale
        require_status(locked, BOOKED_STATUSES)
        listed = PreparationItem.objects.filter(session=locked)
        if unknown := sorted(set(ticked) - set(listed.values_list("key", flat=True))):
            detail = "This is not on the list."
            raise InvalidInput(
                errors=[InputError(f"/items/{key}", "unknown_item", detail) for key in unknown]
            )
        done = [key for key, is_done in ticked.items() if is_done]
        listed.filter(key__in=done, done_at=None).update(done_at=at)
        listed.filter(key__in=set(ticked) - set(done)).update(done_at=None)
        TreatmentSession.objects.filter(pk=locked.pk).update(version=F("version") + 1)
        locked.version += 1
        return locked


def require_bookable(
    enrollment: Enrollment,
    *,
    scheduled_at: datetime,
    moved: TreatmentSession | None = None,
    at: datetime,
) -> int:
    """Return the number of a session that can be booked, or `moved`, for a time; the enrollment is locked.

    Raises `WrongEnrollmentState`, `AlreadyBooked`, or `NotBookable` with every reason.
    """
    if enrollment.status != EnrollmentStatus.ACTIVE:
        raise WrongEnrollmentState("Sessions are booked in an active program, once everything is agreed to.")
    if is_paused(enrollment.pk):
        raise WrongEnrollmentState("You have paused. Say that you want to go on, then book.")
    if moved is None and queries.has_open_session(enrollment.pk):
        raise errors.AlreadyBooked
    facts = queries.booking_facts(enrollment, scheduled_at=scheduled_at, moved=moved, at=at)
    if faults := rules.booking_faults(facts):
        raise errors.NotBookable(reasons=faults)
    return facts.number


def _remind(session: TreatmentSession, *, at: datetime) -> None:
    """Remind of what still lies ahead: who books for tomorrow knows of it."""
    notifications.remind(
        MessageKind.SESSION_TOMORROW,
        session.enrollment.patient.user,
        key=f"{_reminder_key(session)}{session.version}:",
        steps=[step for step in steps_before(session.scheduled_at) if step.due_at > at],
    )


def _reminder_key(session: TreatmentSession) -> str:
    return f"session-tomorrow:{session.pk}:"
