"""The morning after: the person's own word, and what is done without it."""

from datetime import datetime

from core.actors import Actor
from core.database import atomic
from notifications import services as notifications
from notifications.enums import MessageKind
from safety import services as safety
from safety.enums import AlertClass, AlertStatus
from sessions import errors, queries, rules
from sessions.enums import BOOKED_STATUSES, VOID_STATUSES
from sessions.models import MorningAnswer, TreatmentSession
from sessions.services.steps import lock


def answer_morning(
    session: TreatmentSession, *, slept: bool, is_alert: bool, actor: Actor, at: datetime
) -> MorningAnswer:
    """Store whether the person slept and feels awake: both, and they may drive again. The newest counts.

    Who does not feel awake is seen to by a clinician: an alert in the same transaction. Who has not slept is
    asked again, and waited for as before. The same answer on the same day is the last one, unless what it
    called is closed: then it calls again. Taken after the seal too, marked so by the database. Locks the
    enrollment, then the session. Raises `NotTheMorning` before the no-driving time is over, and for a session
    with a later one.
    """
    with atomic():
        locked = lock(session)
        facts = queries.morning_facts(locked, at=at)
        if faults := tuple(rules.morning_faults(facts, at=at)):
            raise errors.NotTheMorning(reasons=faults)
        last = MorningAnswer.objects.filter(session=locked).order_by("-id").first()
        if last is not None and (last.slept, last.is_alert) == (slept, is_alert) and _holds(last, facts, at):
            return last
        row = MorningAnswer(session=locked, slept=slept, is_alert=is_alert, given_at=at)
        row.actor_kind, row.actor_id = actor.kind, actor.id
        if not is_alert:
            row.alert = safety.raise_alert(
                locked.enrollment.patient_id,
                alert_class=AlertClass.ADVERSE_EVENT,
                source=f"morning:{locked.pk}",
                at=at,
            )
        row.save(force_insert=True)
        if slept or not is_alert:
            stop_waiting(locked)
            notifications.cancel(_key(locked), at=at)
        return row


def _holds(last: MorningAnswer, facts: rules.MorningFacts, at: datetime) -> bool:
    """Tell whether an answer is as good as the same one given now."""
    until = facts.no_drive_until
    is_of_today = rules.local_day(last.given_at, facts.zone) == rules.local_day(at, facts.zone)
    is_closed = last.alert is not None and last.alert.status == AlertStatus.CLOSED
    return is_of_today and not is_closed and until is not None and last.given_at >= until


def keep_off_the_road(session: TreatmentSession, *, taken_at: datetime, at: datetime) -> None:
    """Let nobody drive after a locked session without a dose, ended or never started: one is told of.

    While it runs its end says so; one with a dose has said so. Not where the morning after that dose has
    been, nor, before any policy holds, by hours that nobody has set: the alert keeps them off the road.
    """
    policy = queries.policy_to_hear_by(session, at=at)
    if session.status not in VOID_STATUSES + BOOKED_STATUSES or policy is None:
        return
    until = queries.no_drive_after(session, policy=policy, since=max(taken_at, session.ended_at or taken_at))
    if until <= max(at, session.no_drive_until or at):
        return
    session.no_drive_until, session.morning_due_at = until, rules.morning_due_at(until, policy)
    session.version += 1
    session.save(update_fields=["no_drive_until", "morning_due_at", "version"])
    ask_in_the_morning(session, at=at)


def ask_in_the_morning(session: TreatmentSession, *, at: datetime) -> None:
    """Have a message say, once a locked session's no-driving time is over, that something waits for them.

    Only where somebody waits for the answer; it is called back with it.
    """
    asked_at, due_at = session.no_drive_until, session.morning_due_at
    if asked_at is None or due_at is None:
        return
    notifications.schedule(
        MessageKind.NEWS,
        dedupe_key=_key(session),
        user=session.enrollment.patient.user,
        due_at=max(asked_at, at),
        expires_at=due_at,
    )


def stop_waiting(session: TreatmentSession) -> None:
    """Let nobody be called any more about a locked session's morning: it was answered, or they were."""
    TreatmentSession.objects.filter(pk=session.pk, morning_due_at__isnull=False).update(morning_due_at=None)


def call_about_morning(session: TreatmentSession, *, at: datetime) -> None:
    """Call a clinician about a locked session of whose morning nobody has heard, once."""
    safety.raise_alert(
        session.enrollment.patient_id,
        alert_class=AlertClass.ADVERSE_EVENT,
        source=f"morning-unanswered:{session.pk}",
        at=at,
    )
    stop_waiting(session)


def _key(session: TreatmentSession) -> str:
    return f"morning:{session.pk}:"
