"""What a session's effects were, asked after each, and what a clinician makes of the answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.actors import Actor
from core.database import atomic
from core.ids import new_id
from programs.services import lock_open_enrollments
from safety import services as safety
from safety.enums import AlertClass
from safety.services import EventReport
from sessions import errors
from sessions.enums import EffectAnswer, EffectsOutcome, ExpectedEffect
from sessions.models import EffectsChecklist, EffectsTriage, TreatmentSession
from sessions.services.reports import report_event


def note_effects(
    session: TreatmentSession,
    *,
    answers: Mapping[ExpectedEffect, EffectAnswer],
    other: str,
    actor: Actor,
    at: datetime,
) -> EffectsChecklist:
    """Store which expected effects there were; what was not answered is stored as unknown.

    Nobody is paged for a tick. Words about anything else are no checklist's matter: they call for triage in
    the same transaction. Locks the patient's open enrollments. Raises `NotDosed`.
    """
    if session.dosed_at is None:
        raise errors.NotDosed
    patient_id = session.enrollment.patient_id
    with atomic():
        lock_open_enrollments(patient_id)
        alert = None
        if other.strip():
            source = f"events:{patient_id}"
            alert = safety.raise_alert(patient_id, alert_class=AlertClass.ADVERSE_EVENT, source=source, at=at)
        return EffectsChecklist.objects.create(
            id=new_id(),
            session=session,
            answers={effect.value: answers.get(effect, EffectAnswer.UNKNOWN) for effect in ExpectedEffect},
            other=other.strip(),
            alert=alert,
            given_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )


@dataclass(frozen=True, slots=True)
class Triage:
    """What a clinician makes of a checklist, and why; `event` is recorded if it is an adverse event."""

    reason: str
    event: EventReport | None


def triage_effects(
    checklist: EffectsChecklist, *, triage: Triage, actor: Actor, at: datetime
) -> EffectsTriage:
    """Store that what was ticked is expected, or record it as an adverse event with all that follows.

    Locks the patient's open enrollments. Raises `AlreadyTriaged`.
    """
    session = checklist.session
    with atomic():
        lock_open_enrollments(session.enrollment.patient_id)
        if EffectsTriage.objects.filter(checklist=checklist).exists():
            raise errors.AlreadyTriaged
        event = None
        if triage.event is not None:
            patient_id = session.enrollment.patient_id
            event = report_event(patient_id, report=triage.event, session=session, actor=actor, at=at)
        return EffectsTriage.objects.create(
            session=session,
            checklist=checklist,
            outcome=EffectsOutcome.ADVERSE_EVENT if event else EffectsOutcome.EXPECTED,
            reason=triage.reason,
            event=event,
            triaged_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
