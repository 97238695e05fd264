"""Reads of events and of what was made of them."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.queries import one
from core.actors import Actor
from core.documents import digest
from safety.events.models import EventAssessment, ReportingClock
from safety.models import AdverseEvent
from safety.queries import patients_answered_for

_NOT_SIGNED = {"id", "hold_id", "alert_id", "signature_id"}


def events_for(actor: Actor, *, at: datetime) -> QuerySet[AdverseEvent]:
    """Return the events of a clinician's patients, and of those they were called about."""
    events = AdverseEvent.objects.filter(patient__in=patients_answered_for(actor, at=at))
    return events.select_related("patient", "hold", "alert")


def event_for(actor: Actor, event_id: UUID, *, at: datetime) -> AdverseEvent:
    """Return one event that a clinician answers for; raises `NotFound`."""
    return one(events_for(actor, at=at), event_id)


def assessments_of(event: AdverseEvent) -> QuerySet[EventAssessment]:
    """Return every version of an event's assessment."""
    return EventAssessment.objects.filter(event=event).select_related("signature")


def newest_assessment(event: AdverseEvent) -> EventAssessment | None:
    """Return the version that holds, if the event was assessed."""
    return assessments_of(event).order_by("-version").first()


CLOCK_LISTS = ("running", "overdue", "ended", "all")


def clocks_for(actor: Actor, *, at: datetime) -> QuerySet[ReportingClock]:
    """Return the clocks of the events that a clinician answers for."""
    clocks = ReportingClock.objects.filter(patient__in=patients_answered_for(actor, at=at))
    return clocks.select_related("patient", "signature")


def listed_clocks(actor: Actor, which: str, *, at: datetime) -> QuerySet[ReportingClock]:
    """Return those on the list `which`; `overdue` run still and are late."""
    running = Q(ended_at=None)
    lists = {"running": running, "overdue": running & Q(due_at__lte=at), "ended": ~running, "all": Q()}
    return clocks_for(actor, at=at).filter(lists[which])


def clock_for(actor: Actor, clock_id: UUID, *, at: datetime) -> ReportingClock:
    """Return one clock that a clinician answers for; raises `NotFound`."""
    return one(clocks_for(actor, at=at), clock_id)


def assessment_digest(row: EventAssessment) -> str:
    """Return the hash that a signature is bound to: every column that says something, and of which event."""
    fields = [field for field in row._meta.concrete_fields if field.attname not in _NOT_SIGNED]
    return digest({field.attname: _plain(getattr(row, field.attname)) for field in fields})


def is_intact(row: EventAssessment) -> bool:
    """Tell whether an assessment still says what was signed."""
    return assessment_digest(row) == row.signature.document_sha256


def _plain(value: object) -> object:
    """Return a value as canonical JSON can hold it, the same before and after it was stored."""
    if isinstance(value, str | int | dict | None):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, list):
        return [str(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else str(value)
