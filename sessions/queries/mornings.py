"""What was said the morning after."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Max, Q

from safety import queries as safety
from sessions import rules
from sessions.enums import LIVE_STATUSES, SessionStatus
from sessions.models import MorningAnswer, TreatmentSession, UnattributedDose
from sessions.policy import SessionPolicy
from sessions.queries.facts import policy_of


def morning_facts(session: TreatmentSession, *, at: datetime) -> rules.MorningFacts:
    """Gather what a session's morning after depends on: the person's, not the session's alone."""
    answers = MorningAnswer.objects.filter(session=session).order_by("-id")
    newest, not_awake = answers.first(), answers.filter(is_alert=False).first()
    return rules.MorningFacts(
        no_drive_until=_no_drive_until(session, at=at),
        is_newest=not _treated_since(session),
        newest=None if newest is None else rules.Morning(newest.slept, newest.is_alert, newest.given_at),
        not_awake_at=None if not_awake is None else not_awake.given_at,
        open_calls=safety.open_calls(session.enrollment.patient_id),
        zone=ZoneInfo(session.timezone),
    )


def _no_drive_until(session: TreatmentSession, *, at: datetime) -> datetime | None:
    """Return the session's no-driving time, or a later one by a dose that no session has as its own."""
    until = session.no_drive_until
    told = UnattributedDose.objects.filter(session__enrollment__patient_id=session.enrollment.patient_id)
    taken_at = told.aggregate(last=Max("taken_at"))["last"]
    if until is None or taken_at is None:
        return until
    _, policy = policy_of(session, at=at)
    return max(until, no_drive_after(session, policy=policy, since=taken_at))


def no_drive_after(session: TreatmentSession, *, policy: SessionPolicy, since: datetime) -> datetime:
    """Return until when nobody drives after a session's end, or a dose, at `since`."""
    # The one zone was chosen with the booking, the other stands in the chart: wherever they are, not sooner.
    zones = {session.timezone, session.enrollment.patient.timezone}
    return max(rules.no_drive_until(since, ZoneInfo(zone), policy) for zone in zones)


def _treated_since(session: TreatmentSession) -> bool:
    """Tell whether a later session of the person runs, or had what may have been a dose."""
    later = TreatmentSession.objects.filter(
        enrollment__patient_id=session.enrollment.patient_id,
        started_at__gt=session.started_at or session.scheduled_at,
    )
    return later.filter(Q(status__in=LIVE_STATUSES) | Q(no_drive_until__isnull=False)).exists()


def morning_awaited(enrollment_id: UUID, *, at: datetime) -> UUID | None:
    """Return the session of whose morning somebody waits to hear now, if there is one."""
    waiting = TreatmentSession.objects.filter(
        enrollment_id=enrollment_id, morning_due_at__isnull=False, no_drive_until__lte=at
    ).exclude(status=SessionStatus.IN_PROGRESS)
    return waiting.order_by("-number").values_list("pk", flat=True).first()


def morning_has_come(session: TreatmentSession, *, at: datetime) -> bool:
    """Tell whether a session's no-driving time is over; never while it runs, though one was set before."""
    until = session.no_drive_until
    return until is not None and at >= until and session.status != SessionStatus.IN_PROGRESS


def may_drive(session: TreatmentSession, *, at: datetime) -> bool:
    """Tell whether the person may drive again; asks nothing of the database before the time has come."""
    if not morning_has_come(session, at=at):
        return False
    return not rules.drive_faults(morning_facts(session, at=at), at=at)
