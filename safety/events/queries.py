"""Reads of events and of what was made of them."""

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts import queries as accounts
from accounts.enums import Role
from accounts.queries import one
from core.actors import Actor, ActorKind
from core.documents import digest
from safety.enums import IS_A_TASK, AlertStatus
from safety.events.enums import EventOutcome
from safety.events.models import EventAssessment, EventNews, FollowUp, ReportingClock
from safety.models import AdverseEvent, Alert, Hold
from safety.queries import patients_answered_for

_NOT_SIGNED = {"id", "hold_id", "alert_id", "signature_id"}


def events_for(actor: Actor, *, at: datetime) -> QuerySet[AdverseEvent]:
    """Return the events of a clinician's patients, and of those they were called about."""
    events = AdverseEvent.objects.filter(patient__in=patients_answered_for(actor, at=at))
    return events.select_related("patient", "hold", "alert")


def event_for(actor: Actor, event_id: UUID, *, at: datetime) -> AdverseEvent:
    """Return one event that a clinician answers for; raises `NotFound`."""
    return one(events_for(actor, at=at), event_id)


def roles_in_triage(actor: Actor, *, at: datetime) -> frozenset[Role]:
    """Return by which roles somebody follows events: as a clinician, a safety officer, both, or neither."""
    if actor.kind != ActorKind.PERSON:
        return frozenset()
    return accounts.roles_of(UUID(actor.id), at=at) & {Role.CLINICIAN, Role.SAFETY_OFFICER}


def followed_events(actor: Actor, *, at: datetime) -> QuerySet[AdverseEvent]:
    """Return the events that a clinician answers for; for a safety officer all, but about themselves."""
    if Role.SAFETY_OFFICER not in roles_in_triage(actor, at=at):
        return events_for(actor, at=at)
    events = AdverseEvent.objects.exclude(patient__user_id=actor.id)
    return events.select_related("patient", "hold", "alert")


SETTLED = (EventOutcome.RECOVERED, EventOutcome.RECOVERED_WITH_SEQUELAE, EventOutcome.FATAL)
"""How an event ends for good: with any other outcome somebody has to ask again."""

EVENT_LISTS = {
    "not_assessed": Q(outcome_now=None),
    "not_over": Q(outcome_now__isnull=False) & ~Q(outcome_now__in=SETTLED),
    "all": Q(),
}


def triage_queue(events: QuerySet[AdverseEvent]) -> QuerySet[AdverseEvent]:
    """Return events with what a queue shows of each: `serious_now`, `outcome_now`, `is_held`, `due_next_at`.

    Each counts as its newest assessment says, or else its report. `assessments` are fetched along, with what
    each raised.
    """
    newest = EventAssessment.objects.filter(event=OuterRef("pk")).order_by("-version")
    running = ReportingClock.objects.filter(event=OuterRef("pk"), ended_at=None).order_by("due_at")
    made = EventAssessment.objects.select_related("alert__acknowledged_by__clinician", "hold", "signature")
    return (
        events.select_related("patient", "hold", "alert__acknowledged_by__clinician")
        .prefetch_related(Prefetch("assessments", made.order_by("version")))
        .annotate(
            serious_now=Coalesce(Subquery(newest.values("is_serious")[:1]), "is_serious"),
            outcome_now=Subquery(newest.values("outcome")[:1]),
            is_held=Exists(Hold.objects.filter(patient=OuterRef("patient"), lifted_at=None)),
            due_next_at=Subquery(running.values("due_at")[:1]),
        )
    )


def news_of(event: AdverseEvent) -> QuerySet[EventNews]:
    """Return what came to be known of an event after its report, oldest first."""
    return EventNews.objects.filter(event=event).order_by("noted_at", "id")


def clocks_of(event: AdverseEvent) -> QuerySet[ReportingClock]:
    """Return the clocks of an event, those that run and those that ended, the first to be due first."""
    return ReportingClock.objects.filter(event=event).select_related("signature").order_by("due_at", "id")


def follow_ups_of(event: AdverseEvent) -> QuerySet[FollowUp]:
    """Return what had and has to be found out about an event, the first to be due first."""
    found = FollowUp.objects.filter(event=event).select_related("assignee__clinician", "ended_by__clinician")
    return found.order_by("due_at", "id")


def open_tasks(patient_id: UUID, *, at: datetime) -> int:
    """Return how many safety tasks of a patient are still to be done before the next dose.

    What was reported and no clinician has closed, and what nobody found out about an event in time.
    """
    reported = Alert.objects.filter(patient_id=patient_id, alert_class__in=IS_A_TASK)
    overdue = FollowUp.objects.filter(patient_id=patient_id, ended_at=None, due_at__lte=at)
    return reported.exclude(status=AlertStatus.CLOSED).count() + overdue.count()


FOLLOW_UP_LISTS = ("open", "overdue", "mine", "ended", "all")


def listed_follow_ups(actor: Actor, which: str, *, at: datetime) -> QuerySet[FollowUp]:
    """Return the follow-ups of events that somebody follows which are on the list `which`."""
    return on_list(follow_ups_for(actor, at=at), which, actor=actor, at=at)


def on_list(found: QuerySet[FollowUp], which: str, *, actor: Actor, at: datetime) -> QuerySet[FollowUp]:
    """Narrow follow-ups to the list `which`; `mine` are those that `actor` is to find out."""
    going = Q(ended_at=None)
    lists = {
        "open": going,
        "overdue": going & Q(due_at__lte=at),
        "mine": going & Q(assignee=actor.id),
        "ended": ~going,
        "all": Q(),
    }
    return found.filter(lists[which])


def follow_ups_for(actor: Actor, *, at: datetime) -> QuerySet[FollowUp]:
    """Return the follow-ups of the events that somebody follows."""
    events = followed_events(actor, at=at).order_by().values("pk")
    found = FollowUp.objects.filter(event__in=events)
    return found.select_related(
        "event__patient", "patient", "assignee__clinician", "ended_by__clinician", "signature"
    )


def follow_up_for(actor: Actor, follow_up_id: UUID, *, at: datetime) -> FollowUp:
    """Return a follow-up of an event that somebody follows; raises `NotFound`."""
    return one(follow_ups_for(actor, at=at), follow_up_id)


def followed_event(actor: Actor, event_id: UUID, *, at: datetime) -> AdverseEvent:
    """Return one event that somebody follows; raises `NotFound`."""
    return one(followed_events(actor, at=at), event_id)


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
