"""What the watch looks for."""

from datetime import datetime

from django.db.models import CharField, Exists, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat

from programs.enums import OPEN_STATUSES
from safety.enums import AlertStatus
from safety.models import Alert
from sessions.enums import BOOKED_STATUSES, SessionStatus
from sessions.models import CheckInDeadline, TreatmentSession

SILENCE, NOT_ENDED = "check-in:", "not-ended:"
"""How alerts are named, before a session's id: about a monitor who fell silent, and that nobody ended it."""


def deadlines_missed(*, at: datetime) -> list[CheckInDeadline]:
    """Return the open deadlines that have passed, the oldest first."""
    late = CheckInDeadline.objects.filter(due_at__lt=at, met_at=None, waived_at=None, missed_at=None)
    return list(late.select_related("session").order_by("due_at", "id"))


def sessions_recovered(*, at: datetime) -> list[TreatmentSession]:
    """Return the sessions whose no-driving time is over."""
    recovering = TreatmentSession.objects.filter(status=SessionStatus.RECOVERING, no_drive_until__lte=at)
    return list(recovering.order_by("no_drive_until", "id"))


def sessions_not_ended(*, before: datetime) -> list[TreatmentSession]:
    """Return the sessions that run though they started before then, and nobody is called about yet.

    Nor about a silence: whoever has that in hand looks at the whole session.
    """
    own, silence = (Concat(Value(name), Cast(OuterRef("pk"), CharField())) for name in (NOT_ENDED, SILENCE))
    of_theirs = Alert.objects.filter(patient_id=OuterRef("enrollment__patient_id"))
    called = of_theirs.filter(Q(source=own) | Q(source=silence) & ~Q(status=AlertStatus.CLOSED))
    running = TreatmentSession.objects.filter(status=SessionStatus.IN_PROGRESS, started_at__lt=before)
    return list(running.exclude(Exists(called)).order_by("started_at", "id"))


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
