"""What was said the morning after."""

from datetime import datetime
from uuid import UUID

from sessions import rules
from sessions.models import MorningAnswer, TreatmentSession


def morning(session: TreatmentSession) -> rules.Morning | None:
    """Return what the person said last of the morning after, if they said anything."""
    newest = MorningAnswer.objects.filter(session=session).order_by("-id").first()
    return None if newest is None else rules.Morning(newest.slept, newest.is_alert)


def morning_awaited(enrollment_id: UUID, *, at: datetime) -> UUID | None:
    """Return the session of whose morning somebody waits to hear now, if there is one."""
    waiting = TreatmentSession.objects.filter(
        enrollment_id=enrollment_id, morning_due_at__isnull=False, no_drive_until__lte=at
    )
    return waiting.order_by("-number").values_list("pk", flat=True).first()


def may_drive(session: TreatmentSession, *, at: datetime) -> bool:
    """Tell whether the person may drive again; asks nothing of the database before the time has come."""
    if session.no_drive_until is None or at < session.no_drive_until:
        return False
    return rules.may_drive(session.no_drive_until, morning(session), at=at)
