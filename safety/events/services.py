"""What clinicians make of an event: one signed version after another."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from accounts import services as accounts
from accounts.enums import SignatureMeaning
from accounts.models import User
from core.acting import seeing_all_charts
from core.actors import Actor
from core.database import atomic
from core.ids import new_id
from programs.services import lock_open_enrollments
from safety.enums import AlertClass, Grade, HoldReason, Seriousness
from safety.events import naranjo, queries, rules
from safety.events.enums import (
    ActionTaken,
    Causality,
    Challenge,
    ClockStart,
    EventOutcome,
    Expectedness,
    NaranjoAnswer,
)
from safety.events.errors import DoesNotFit, NotTheNewest
from safety.events.following import follow_outcome
from safety.events.models import EventAssessment
from safety.events.reporting import start_clocks
from safety.models import AdverseEvent
from safety.services import open_alert, place_hold


@dataclass(frozen=True)
class Assessed:
    """What a clinician makes of an event; `reference` is the document that expectedness is judged by.

    An event is serious if one of `seriousness` fits, and by nothing else. `naranjo` is left empty where the
    scale was not used.
    """

    term: str
    seriousness: frozenset[Seriousness]
    grade: Grade
    causality: Causality
    expectedness: Expectedness
    reference: str
    reference_version: str
    outcome: EventOutcome
    action_taken: ActionTaken
    dechallenge: Challenge
    rechallenge: Challenge
    naranjo: Mapping[str, NaranjoAnswer]
    product: Mapping[str, str]
    meddra_code: str = ""
    meddra_version: str = ""
    why_again: str = ""


def assess(event: AdverseEvent, *, said: Assessed, replaces: int, by: User, at: datetime) -> EventAssessment:
    """Sign the next version of an event's assessment; `replaces` is the version read, 0 for none.

    One that finds serious what was not reported so holds treatment and raises the alert in the same
    transaction. One that finds it not serious lifts nothing: that is a second person's (ADR 0019). One that
    leaves the outcome open has somebody ask again. Locks the patient's open enrollments. Raises `DoesNotFit`,
    `NotTheNewest`, or `MayNotTreat`.
    """
    weighed = rules.Weighed(said.seriousness, said.grade, said.outcome)
    if faults := rules.assessment_faults(weighed):
        raise DoesNotFit(errors=faults)
    with atomic():
        lock_open_enrollments(event.patient_id)
        newest = queries.newest_assessment(event)
        if (newest.version if newest else 0) != replaces:
            raise NotTheNewest
        # Who is on call doesn't see where somebody lives; their licence is for there all the same.
        with seeing_all_charts():
            accounts.require_may_treat(by, event.patient_id, at=at)
        row = _row(event, said, version=replaces + 1, at=at)
        if row.is_serious and not event.is_serious:
            _escalate(row, after=newest, actor=Actor.person(by.pk), at=at)
        row.signature = accounts.sign(
            by, meaning=SignatureMeaning.DECIDED, document_sha256=queries.assessment_digest(row), at=at
        )
        row.save(force_insert=True)
        start_clocks(event, assessment=row, start=ClockStart.ASSESSED, at=at)
        follow_outcome(row, by=by, at=at)
        return row


def _row(event: AdverseEvent, said: Assessed, *, version: int, at: datetime) -> EventAssessment:
    columns = asdict(said) | {
        "seriousness": [criterion for criterion in Seriousness if criterion in said.seriousness],
        "naranjo": dict(said.naranjo),
        "product": dict(said.product),
    }
    return EventAssessment(
        id=new_id(),
        event=event,
        patient_id=event.patient_id,
        version=version,
        is_serious=bool(said.seriousness),
        naranjo_score=naranjo.score(said.naranjo) if said.naranjo else None,
        assessed_at=at,
        **columns,
    )


def _escalate(row: EventAssessment, *, after: EventAssessment | None, actor: Actor, at: datetime) -> None:
    """Hold and call as a serious report does, the first time that a version says so."""
    if after is not None and after.is_serious:
        row.hold, row.alert = after.hold, after.alert
        return
    note = "An event was found to be serious."
    row.hold = place_hold(row.patient_id, reason=HoldReason.SERIOUS_EVENT, note=note, actor=actor, at=at)
    source = f"event:{row.event_id}"
    row.alert = open_alert(row.patient_id, alert_class=AlertClass.SERIOUS_EVENT, source=source, at=at)
