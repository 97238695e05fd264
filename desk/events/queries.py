"""Everything about one event on one page: what was told, what stands because of it, what was made of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import Patient
from accounts.queries import clinician_of
from core.actors import Actor, ActorKind
from safety.enums import AlertStatus, Seriousness
from safety.events import queries
from safety.events.models import EventAssessment, EventNews, FollowUp, ReportingClock
from safety.models import AdverseEvent, Alert, Hold
from sessions.models import TreatmentSession


@dataclass(frozen=True)
class Asked:
    """One of the closed questions about seriousness, and what was answered."""

    question: Seriousness
    answer: str


@dataclass(frozen=True)
class Moment:
    """One line of an event's history."""

    at: datetime
    what: str
    who: str = ""


@dataclass(frozen=True)
class EventFile:
    """One event with all that hangs on it; `session` is none where none was named or one may not see it."""

    event: AdverseEvent
    reporter: str
    asked: list[Asked]
    session: TreatmentSession | None
    assessments: list[EventAssessment]
    holds: list[Hold]
    alerts: list[Alert]
    clocks: list[ReportingClock]
    news: list[EventNews]
    follow_ups: list[FollowUp]
    history: list[Moment]

    @property
    def newest(self) -> EventAssessment | None:
        """Return the assessment that holds."""
        return self.assessments[-1] if self.assessments else None

    @property
    def is_serious(self) -> bool:
        """Tell whether it counts as serious now."""
        return self.newest.is_serious if self.newest else self.event.is_serious

    @property
    def waits(self) -> bool:
        """Tell whether nobody has assessed it."""
        return not self.assessments


def event_file(event: AdverseEvent) -> EventFile:
    """Gather what an event's page shows; whoever asks may see the event."""
    assessments = list(queries.assessments_of(event).select_related("hold", "alert"))
    clocks, news = list(queries.clocks_of(event)), list(queries.news_of(event))
    holds = list(Hold.objects.filter(pk__in=_named(event.hold_id, *(row.hold_id for row in assessments))))
    raised = _named(event.alert_id, *(row.alert_id for row in assessments))
    alerts = list(
        Alert.objects.filter(pk__in=raised).select_related("acknowledged_by__clinician", "signature")
    )
    follow_ups = list(queries.follow_ups_of(event))
    moments = [*_told(event), *_stood(holds, alerts), *_made(assessments, news), *_ran(clocks)]
    moments += _followed(follow_ups)
    return EventFile(
        event=event,
        reporter=who(event.actor, event.patient),
        asked=[Asked(question, _answer(event, question)) for question in Seriousness],
        session=session_of(event),
        assessments=assessments,
        holds=holds,
        alerts=alerts,
        clocks=clocks,
        news=news,
        follow_ups=follow_ups,
        history=sorted(moments, key=lambda moment: moment.at),
    )


def session_of(event: AdverseEvent) -> TreatmentSession | None:
    """Return the session that an event was reported about, with its dose, if whoever asks may see it."""
    found = TreatmentSession.objects.filter(event_links__event=event)
    return found.select_related("dose", "enrollment__program").first()


def who(actor: Actor, patient: Patient) -> str:
    """Return who acted, in words for somebody who works here."""
    if actor.kind == ActorKind.CAPABILITY:
        return "the monitor, by their link"
    if actor.kind == ActorKind.SERVICE:
        return "the system"
    if actor == Actor.person(patient.user_id):
        return "the patient"
    found = clinician_of(UUID(actor.id))
    return str(found) if found else "somebody who works here"


def _answer(event: AdverseEvent, question: Seriousness) -> str:
    answered = {True: "yes", False: "no", None: "doesn't know"}
    if question in event.answers:
        return answered[event.answers[question]]
    return "yes" if question in event.seriousness else "not asked"


def _named(*ids: UUID | None) -> set[UUID]:
    return {one for one in ids if one is not None}


def _told(event: AdverseEvent) -> Iterator[Moment]:
    if event.onset_at is not None:
        yield Moment(event.onset_at, "It began")
    if event.ended_at is not None:
        yield Moment(event.ended_at, "It ended")
    yield Moment(event.reported_at, "Reported", who(event.actor, event.patient))


def _stood(holds: list[Hold], alerts: list[Alert]) -> Iterator[Moment]:
    for hold in holds:
        yield Moment(hold.placed_at, "Treatment stands still")
        if hold.lifted_at is not None and hold.lift_signature is not None:
            yield Moment(hold.lifted_at, "Hold lifted", hold.lift_signature.signer_name)
    for alert in alerts:
        yield Moment(alert.opened_at, f"Alert opened: {alert.get_alert_class_display().lower()}")
        if alert.acknowledged_at is not None and alert.acknowledged_by is not None:
            yield Moment(alert.acknowledged_at, "Taken in hand", str(alert.acknowledged_by.clinician))
        if alert.status == AlertStatus.CLOSED and alert.signature is not None:
            yield Moment(alert.signature.signed_at, "Alert closed", alert.signature.signer_name)


def _made(assessments: list[EventAssessment], news: list[EventNews]) -> Iterator[Moment]:
    for row in assessments:
        what = f"Assessed, version {row.version}: {row.term}, grade {row.grade}"
        yield Moment(row.assessed_at, what, row.signature.signer_name)
    for told in news:
        yield Moment(told.noted_at, told.get_kind_display(), who(told.actor, told.patient))


def _ran(clocks: list[ReportingClock]) -> Iterator[Moment]:
    for clock in clocks:
        yield Moment(clock.started_at, f"Clock started: tell {clock.rule['authority']}")
        if clock.ended_at is not None:
            signer = clock.signature.signer_name if clock.signature else ""
            what = f"Clock ended, {clock.get_end_display().lower()}: {clock.rule['authority']}"
            yield Moment(clock.ended_at, what, signer)


def _followed(follow_ups: list[FollowUp]) -> Iterator[Moment]:
    for row in follow_ups:
        yield Moment(row.set_at, f"To be found out: {row.what}")
        if row.ended_at is not None and row.ended_by is not None:
            clinician = getattr(row.ended_by, "clinician", None)
            yield Moment(row.ended_at, f"Found out: {row.found}", str(clinician or "a safety officer"))
