"""What happens when nobody does anything: silence raises the alarm, and time ends what it has to end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from logging import getLogger
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from core.actors import Actor, ServiceName
from core.encryption import Undecipherable
from core.logs import log_failure
from notifications import messages
from notifications import services as notifications
from notifications.enums import MessageKind
from programs import services as programs
from programs.enums import EnrollmentEvent, EnrollmentStatus
from programs.models import Enrollment
from programs.queries import current_plan
from safety import services as safety
from safety.enums import AlertClass
from sessions import queries
from sessions.enums import BOOKED_STATUSES, SessionEvent, SessionStatus
from sessions.models import CheckInDeadline, TreatmentSession
from sessions.services.booking import cancel
from sessions.services.monitors import revoke_links
from sessions.services.mornings import call_about_morning
from sessions.services.steps import move

WATCH = Actor.service(ServiceName.WATCH)
CALL_LIFE = timedelta(hours=1)
"""How long it is worth telling somebody that their check-in is missing."""

SKIPPED_AT_MOST = timedelta(seconds=30)
"""How long a deadline may wait for an enrollment that somebody else has locked before it is said loudly."""

logger = getLogger(__name__)

_Row = TypeVar("_Row", CheckInDeadline, TreatmentSession)


@dataclass(frozen=True, slots=True)
class Watched:
    """How much one look has changed."""

    check_ins_missed: int
    sessions_completed: int
    sessions_called_off: int
    sessions_missed: int
    mornings_unanswered: int = 0
    check_ins_added: int = 0


def watch(*, at: datetime) -> Watched:
    """Look once at everything that time changes: missed check-ins first, then sessions that are over.

    Any number of processes may do this at once; each row is dealt with by one of them, once. One row that
    cannot be dealt with is logged, stays for the next look, and does not keep the others waiting.
    """
    check_ins_missed = _each(queries.deadlines_missed(at=at), _miss_check_in, at=at)
    check_ins_added = _each(list(queries.sessions_unheard_for(at=at)), _ask_on, at=at)
    sessions_completed = _each(queries.sessions_recovered(at=at), _complete, at=at)
    sessions_called_off = _each(queries.sessions_without_a_program(), _call_off, at=at)
    mornings = _each(queries.mornings_unanswered(at=at), _call_about_morning, at=at)
    _, policy = queries.policy_in_force(at=at)
    never_started = queries.sessions_never_started(before=at - policy.missed_after)
    sessions_missed = _each(never_started, _miss_session, at=at)
    return Watched(
        check_ins_missed=check_ins_missed,
        sessions_completed=sessions_completed,
        sessions_called_off=sessions_called_off,
        sessions_missed=sessions_missed,
        mornings_unanswered=mornings,
        check_ins_added=check_ins_added,
    )


def _each(rows: Sequence[_Row], act: Callable[[_Row, datetime], bool], *, at: datetime) -> int:
    return sum(_safely(row, act, at=at) for row in rows)


def _safely(row: _Row, act: Callable[[_Row, datetime], bool], *, at: datetime) -> bool:
    """Deal with one row in a transaction of its own; tell whether it was dealt with here."""
    try:
        # By itself even inside another transaction: what fails here undoes this row's work and no more.
        with transaction.atomic():
            return act(row, at)
    except Exception as error:
        log_failure(logger, f"The watch could not deal with {type(row).__name__} {row.pk}", error)
        return False


def _lock_if_free(enrollment_id: UUID) -> Enrollment | None:
    """Lock the enrollment row, or leave it to whoever has it in hand: the next look is seconds away."""
    return Enrollment.objects.select_for_update(skip_locked=True).filter(pk=enrollment_id).first()


def _miss_check_in(deadline: CheckInDeadline, at: datetime) -> bool:
    """Mark a deadline missed, with its alert, and call to everybody who should have been heard from.

    A session has one alert for its silence: while that is not closed, each further deadline stands in it,
    and opens it again for whoever had it in hand.
    """
    enrollment = _lock_if_free(deadline.session.enrollment_id)
    still_open = queries.open_deadlines(deadline.session).select_for_update(skip_locked=True)
    missed = still_open.filter(pk=deadline.pk).first() if enrollment else None
    if enrollment is None and at - deadline.due_at > SKIPPED_AT_MOST:
        logger.error(
            "Deadline %s was missed at %s, and its enrollment is locked", deadline.pk, deadline.due_at
        )
    if enrollment is None or missed is None:
        return False
    missed.missed_at = at
    missed.alert = safety.raise_alert(
        enrollment.patient_id,
        alert_class=AlertClass.MISSED_CHECK_IN,
        source=f"{queries.SILENCE}{deadline.session_id}",
        at=at,
    )
    missed.save(update_fields=["missed_at", "alert"])
    _call(missed, enrollment, at=at)
    return True


def _call(missed: CheckInDeadline, enrollment: Enrollment, *, at: datetime) -> None:
    key, kind = f"check-in:{missed.pk}:", MessageKind.CHECK_IN_MISSED
    expires_at = at + CALL_LIFE
    notifications.schedule(
        kind,
        dedupe_key=f"{key}patient",
        user=enrollment.patient.user,
        due_at=at,
        expires_at=expires_at,
        about=enrollment.patient_id,
    )
    if monitor_at := _monitors_address(missed, at=at):
        notifications.schedule(
            kind,
            dedupe_key=f"{key}monitor",
            address=monitor_at,
            words={"link": messages.link("monitor")},
            due_at=at,
            expires_at=expires_at,
            about=enrollment.patient_id,
        )


def _monitors_address(missed: CheckInDeadline, *, at: datetime) -> str:
    """Return where the monitor is called, or nothing: what no key opens must not undo alert and pages."""
    link = queries.current_link(missed.session_id, at=at)
    try:
        return "" if link is None else queries.address_of(link)
    except Undecipherable as error:
        log_failure(logger, f"The monitor cannot be called about deadline {missed.pk}", error)
        return ""


def _complete(session: TreatmentSession, at: datetime) -> bool:
    """Complete a session whose recovery is over; with the last one of the plan, the program."""
    locked = _lock_as_found(session)
    if locked is None or locked.status != SessionStatus.RECOVERING:
        return False
    move(locked, SessionEvent.COMPLETED, actor=WATCH, at=at)
    enrollment, plan = locked.enrollment, current_plan(locked.enrollment_id)
    is_last = plan is not None and locked.number >= plan.session_count
    if is_last and enrollment.status == EnrollmentStatus.ACTIVE:
        programs.move(enrollment, EnrollmentEvent.COMPLETED, actor=WATCH, at=at)
    return True


def _call_about_morning(session: TreatmentSession, at: datetime) -> bool:
    """Call a clinician about somebody who has not said how they are the morning after."""
    locked = _lock_as_found(session)
    if locked is None or locked.morning_due_at is None:
        return False
    call_about_morning(locked, at=at)
    return True


def _ask_on(session: TreatmentSession, at: datetime) -> bool:
    """Ask for another check-in of a session that is not ended though its time is over.

    Somebody may not have recovered yet, or a dose came later than the window: as long as it runs, somebody
    stays, and their silence is heard. Whoever has the alert about it in hand is called again by another
    silence alone, one that begins after somebody was heard.
    """
    locked = _lock_as_found(session)
    # Asked again under the lock: a deadline that another process has added changes nothing of the session.
    if locked is None or not queries.sessions_unheard_for(at=at).filter(pk=locked.pk).exists():
        return False
    _, policy = queries.policy_of(locked, at=at)
    CheckInDeadline.objects.create(session=locked, due_at=at + policy.check_in_interval)
    return True


def _call_off(session: TreatmentSession, at: datetime) -> bool:
    """Cancel a session whose program has ended, whoever ended it; link and mail are called back."""
    locked = _lock_as_found(session)
    if locked is None or locked.status not in BOOKED_STATUSES:
        return False
    cancel(locked, reason="The program has ended.", actor=WATCH, at=at)
    return True


def _miss_session(session: TreatmentSession, at: datetime) -> bool:
    """Write off a session whose day has passed without a start: its number is free again."""
    locked = _lock_as_found(session)
    if locked is None or locked.status not in BOOKED_STATUSES:
        return False
    move(locked, SessionEvent.MISSED, actor=WATCH, at=at)
    revoke_links(locked, at=at)
    return True


def _lock_as_found(session: TreatmentSession) -> TreatmentSession | None:
    """Lock a session that nobody has in hand, unless it has changed since it was found."""
    enrollment = _lock_if_free(session.enrollment_id)
    if enrollment is None:
        return None
    unchanged = TreatmentSession.objects.filter(pk=session.pk, version=session.version)
    locked = unchanged.select_for_update(no_key=True).first()
    if locked is not None:
        locked.enrollment = enrollment
    return locked
