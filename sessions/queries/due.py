"""What the watch looks for."""

from datetime import datetime

from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from core import heartbeats
from core.actors import ActorKind
from programs.enums import OPEN_STATUSES
from safety import queries as safety
from safety.enums import AlertStatus
from safety.models import Alert
from sessions import rules
from sessions.enums import BOOKED_STATUSES, SessionStatus
from sessions.models import CheckIn, CheckInDeadline, TreatmentSession

SILENCE = "check-in:"
"""How the alert about a monitor who fell silent is named, before the session's id."""


def deadlines_missed(*, at: datetime) -> list[CheckInDeadline]:
    """Return the open deadlines that have passed, the oldest first."""
    return list(_late(at=at).select_related("session").order_by("due_at", "id"))


def _late(*, at: datetime) -> QuerySet[CheckInDeadline]:
    return CheckInDeadline.objects.filter(due_at__lt=at, met_at=None, waived_at=None, missed_at=None)


def escalation_facts(*, at: datetime) -> rules.EscalationFacts:
    """Gather whether anybody looks for silence, and whether they saw what there was. Three statements."""
    alive, since = {pulse.name: pulse.fresh for pulse in heartbeats.pulses()}, at - rules.OVERDUE_AFTER
    pages = safety.paging(since=since)
    return rules.EscalationFacts(
        watchdog_is_alive=alive["watchdog"],
        worker_is_alive=alive["worker"],
        deadline_is_overdue=_late(at=since).exists(),
        page_is_overdue=pages.is_overdue,
        page_has_nobody=pages.has_nobody,
    )


def sessions_recovered(*, at: datetime) -> list[TreatmentSession]:
    """Return the sessions whose no-driving time is over."""
    recovering = TreatmentSession.objects.filter(status=SessionStatus.RECOVERING, no_drive_until__lte=at)
    return list(recovering.order_by("no_drive_until", "id"))


def sessions_unheard_for(*, at: datetime) -> QuerySet[TreatmentSession]:
    """Return the sessions that run though nobody has to be heard from any more: their time is over, and they
    are not ended.

    Not those whose silence somebody is called about, unless the monitor was heard after the last deadline
    that was missed: who comes back can fall silent again. What counts is when a word reached us.
    """
    source = Concat(Value(SILENCE), Cast(OuterRef("pk"), CharField()))
    called = Alert.objects.filter(patient_id=OuterRef("enrollment__patient_id"), source=source)
    missed_since = CheckInDeadline.objects.filter(
        session=OuterRef("session"), missed_at__isnull=False, due_at__gte=OuterRef("received_at")
    )
    by_monitor = CheckIn.objects.filter(session=OuterRef("pk"), actor_kind=ActorKind.CAPABILITY)
    heard = Exists(by_monitor.exclude(Exists(missed_since)))
    to_come = CheckInDeadline.objects.filter(session=OuterRef("pk"), due_at__gte=at)
    running = TreatmentSession.objects.filter(status=SessionStatus.IN_PROGRESS)
    silent = Exists(called.exclude(status=AlertStatus.CLOSED)) & ~heard
    return running.exclude(Exists(to_come)).exclude(silent).order_by("started_at", "id")


def mornings_unanswered(*, at: datetime) -> list[TreatmentSession]:
    """Return the sessions whose morning after nobody has told of in time."""
    waiting = TreatmentSession.objects.filter(morning_due_at__lte=at)
    return list(waiting.order_by("morning_due_at", "id"))


def sessions_never_started(*, before: datetime) -> list[TreatmentSession]:
    """Return the sessions still booked for a time before that one."""
    booked = TreatmentSession.objects.filter(status__in=BOOKED_STATUSES, scheduled_at__lte=before)
    return list(booked.order_by("scheduled_at", "id"))


def sessions_without_a_program() -> list[TreatmentSession]:
    """Return the sessions still booked in an enrollment that has ended: nobody will start them."""
    booked = TreatmentSession.objects.filter(status__in=BOOKED_STATUSES)
    return list(booked.exclude(enrollment__status__in=OPEN_STATUSES).order_by("scheduled_at", "id"))
