"""What every step of a session is made of: the locks, the move, the line of history."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from core.actors import Actor, ActorKind
from programs import services as programs
from sessions import errors, rules
from sessions.enums import SessionEvent, SessionStatus
from sessions.models import SessionTransition, TreatmentSession


def lock(session: TreatmentSession) -> TreatmentSession:
    """Lock the enrollment row first, then the session's, and return the session as it is now."""
    enrollment = programs.lock_enrollment(session.enrollment_id)
    # No key is changed here: entries that refer to the session need not wait.
    locked = TreatmentSession.objects.select_for_update(no_key=True).get(pk=session.pk)
    locked.enrollment = enrollment
    return locked


def move(
    session: TreatmentSession,
    event: SessionEvent,
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
    policy_version: int | None = None,
    columns: Mapping[str, Any] | None = None,
) -> None:
    """Take one step of a locked session, set `columns` with it, and write it down.

    A compare-and-set: it moves only if status and version are still those that were read. Raises
    `WrongSessionState`.
    """
    before = SessionStatus(session.status)
    after = rules.next_status(before, event)
    unmoved = TreatmentSession.objects.filter(pk=session.pk, status=before, version=session.version)
    changes = {**(columns or {}), "status": after, "version": session.version + 1}
    if after is None or not unmoved.update(**changes):
        raise errors.WrongSessionState(f"“{event.label}” does not follow from “{before.label.lower()}”.")
    for name, value in changes.items():
        setattr(session, name, value)
    record(session, before, event, actor=actor, at=at, reason=reason, policy_version=policy_version)


def record(
    session: TreatmentSession,
    before: str,
    event: SessionEvent,
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
    policy_version: int | None = None,
) -> None:
    """Write a step into the session's history."""
    SessionTransition.objects.create(
        session=session,
        from_status=before,
        to_status=session.status,
        event=event,
        actor_kind=actor.kind,
        actor_id=actor.id,
        at=at,
        reason=reason,
        policy_version=policy_version,
    )


def repeats(session: TreatmentSession, *events: SessionEvent, actor: Actor) -> bool:
    """Tell whether the session's last step is one of `events`, taken by the same actor: asked twice."""
    last = SessionTransition.objects.filter(session=session).last()
    return last is not None and last.event in events and last.actor == actor


def require_status(session: TreatmentSession, statuses: Collection[SessionStatus]) -> None:
    """Raise `WrongSessionState` unless the session is in one of `statuses`."""
    if session.status not in statuses:
        label = SessionStatus(session.status).label.lower()
        raise errors.WrongSessionState(f"The session is {label}; this is not the step for it.")


def is_theirs(session: TreatmentSession, actor: Actor) -> bool:
    """Tell whether the patient acts, in a session of their own."""
    return actor == Actor.person(session.enrollment.patient.user_id)


def was_there(session: TreatmentSession, actor: Actor) -> bool:
    """Tell whether the patient or a monitor acts, not a clinician."""
    return actor.kind == ActorKind.CAPABILITY or is_theirs(session, actor)
