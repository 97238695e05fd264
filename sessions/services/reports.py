"""Reports of harm from a session, or from anywhere in between."""

from datetime import datetime
from uuid import UUID

from core.actors import Actor
from core.database import atomic
from safety import services as safety
from safety.models import AdverseEvent
from safety.services import EventReport
from sessions.models import Observation, SessionEventLink, TreatmentSession


def report_event(
    patient_id: UUID,
    *,
    report: EventReport,
    session: TreatmentSession | None,
    observation: Observation | None = None,
    actor: Actor,
    at: datetime,
) -> AdverseEvent:
    """Store an adverse event with everything that follows from it, and which session and reading it is about.

    Accepted in every state of a session and of a program. Locks the patient's open enrollments.
    """
    with atomic():
        event = safety.report_event(patient_id, report=report, actor=actor, at=at)
        if session is not None:
            SessionEventLink.objects.create(session=session, event=event, observation=observation)
        return event
