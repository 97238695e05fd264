"""Checklists of expected effects, and those that wait for a clinician."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from core.actors import Actor
from core.errors import NotFound
from sessions.enums import EffectAnswer, ExpectedEffect, SessionStatus
from sessions.models import EffectsChecklist, TreatmentSession
from sessions.queries.access import sessions_in_care

_WITH = ("session__enrollment__patient", "triage")


def checklists_of(session: TreatmentSession) -> QuerySet[EffectsChecklist]:
    """Return what was said of a session's effects."""
    return EffectsChecklist.objects.filter(session=session).select_related(*_WITH)


def checklist_in_care(actor: Actor, checklist_id: UUID, *, at: datetime) -> EffectsChecklist:
    """Return a checklist of a patient in a clinician's care; raises `NotFound`."""
    found = _in_care(actor, at=at).filter(pk=checklist_id).first()
    if found is None:
        raise NotFound
    return found


OVER = (SessionStatus.RECOVERING, SessionStatus.COMPLETED)


def are_effects_due(session: TreatmentSession) -> bool:
    """Tell whether a session with a dose is over, and nobody has said what the medicine did."""
    is_over = session.dosed_at is not None and session.status in OVER
    return is_over and not EffectsChecklist.objects.filter(session=session).exists()


def effects_awaited(enrollment_id: UUID) -> UUID | None:
    """Return the last session with a dose, where it is over and nobody has said what the medicine did."""
    dosed = TreatmentSession.objects.filter(enrollment_id=enrollment_id, dosed_at__isnull=False)
    last = dosed.order_by("-number").first()
    return last.pk if last is not None and are_effects_due(last) else None


def effects_to_triage(actor: Actor, *, at: datetime) -> QuerySet[EffectsChecklist]:
    """Return the checklists in a clinician's care that say that there was something, and wait for triage."""
    return _in_care(actor, at=at).filter(_says_something(), triage=None)


def untriaged(session: TreatmentSession) -> QuerySet[EffectsChecklist]:
    """Return a session's checklists that say that there was something, and wait for triage."""
    return EffectsChecklist.objects.filter(_says_something(), session=session, triage=None)


def _says_something() -> Q:
    ticked = ~Q(other="")
    for effect in ExpectedEffect:
        ticked |= Q(**{f"answers__{effect.value}": EffectAnswer.YES})
    return ticked


def _in_care(actor: Actor, *, at: datetime) -> QuerySet[EffectsChecklist]:
    sessions = sessions_in_care(actor, at=at).order_by()
    return EffectsChecklist.objects.filter(session__in=sessions).select_related(*_WITH)
