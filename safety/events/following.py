"""Sees to it that somebody asks again until it is known how an event ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts import queries as accounts_queries
from accounts import services as accounts
from accounts.enums import Role, SignatureMeaning
from accounts.models import User
from core.acting import seeing_all_charts
from core.actors import Actor
from core.database import atomic
from core.documents import digest
from core.errors import InputError
from core.ids import new_id
from programs.services import lock_open_enrollments
from safety.events import queries
from safety.events.enums import FollowUpEnd, FollowUpKind
from safety.events.errors import FollowUpHasEnded, NotAFollowUp
from safety.events.models import EventAssessment, FollowUp
from safety.models import AdverseEvent

ASKS_AGAIN = timedelta(days=7)
"""How long until somebody asks again how an event goes on. Proposed default; no published figure."""
LONGEST = timedelta(days=366)
"""How far ahead something can be left to be found out."""
HOW_IT_ENDED = "Find out how it goes on, and sign how it ended."
FOLLOWS = (Role.CLINICIAN, Role.SAFETY_OFFICER)


@dataclass(frozen=True)
class Asked:
    """What must be found out, by whom and by when."""

    what: str
    assignee_id: UUID
    due_at: datetime


def set_follow_up(event: AdverseEvent, *, asked: Asked, actor: Actor, at: datetime) -> FollowUp:
    """Have somebody find something out about an event; raises `NotAFollowUp` with every fault."""
    if faults := _faults(event, asked, at=at):
        raise NotAFollowUp(errors=faults)
    return _set(event, FollowUpKind.DETAIL, asked, actor=actor, at=at)


def _faults(event: AdverseEvent, asked: Asked, *, at: datetime) -> list[InputError]:
    faults = []
    follows = {user.pk for user in accounts_queries.holders(*FOLLOWS, at=at)} - {event.patient.user_id}
    if asked.assignee_id not in follows:
        detail = "No clinician or safety officer here has this id."
        faults.append(InputError("/assignee", "follows_no_events", detail))
    if not at < asked.due_at <= at + LONGEST:
        faults.append(InputError("/due_at", "not_ahead", "Give a time to come, within a year."))
    return faults


def _set(event: AdverseEvent, kind: FollowUpKind, asked: Asked, *, actor: Actor, at: datetime) -> FollowUp:
    return FollowUp.objects.create(
        id=new_id(),
        event=event,
        patient_id=event.patient_id,
        kind=kind,
        what=asked.what,
        assignee_id=asked.assignee_id,
        due_at=asked.due_at,
        set_at=at,
        actor_kind=actor.kind,
        actor_id=actor.id,
    )


def follow_report(event: AdverseEvent, *, at: datetime) -> None:
    """Have somebody find out how a reported event ends, though nobody may ever assess it.

    The patient's own clinician; where they have none, another who practises, or who looks after safety here.
    With none of these its alert waits alone, and says that it has nobody to page. The caller has the lock.
    """
    there = [*accounts_queries.on_call(event.patient_id, at=at), *accounts_queries.holders(*FOLLOWS, at=at)]
    assignee = next((user for user in there if user.pk != event.patient.user_id), None)
    if assignee is not None:
        asked = Asked(HOW_IT_ENDED, assignee.pk, at + ASKS_AGAIN)
        _set(event, FollowUpKind.OUTCOME, asked, actor=event.actor, at=at)


def follow_outcome(assessment: EventAssessment, *, by: User, at: datetime) -> None:
    """Let whoever assessed an event ask again, unless it is known how it ended. The caller has the lock."""
    asking = FollowUp.objects.filter(event=assessment.event, kind=FollowUpKind.OUTCOME, ended_at=None)
    is_settled = assessment.outcome in queries.SETTLED
    found = f"Assessment version {assessment.version}: {assessment.get_outcome_display().lower()}."
    end = FollowUpEnd.SETTLED if is_settled else FollowUpEnd.DONE
    asking.update(ended_at=at, end=end, found=found, ended_by=by)
    if not is_settled:
        _ask_again(assessment.event, assignee_id=by.pk, by=by, at=at)


def _ask_again(event: AdverseEvent, *, assignee_id: UUID, by: User, at: datetime) -> None:
    asked = Asked(HOW_IT_ENDED, assignee_id, at + ASKS_AGAIN)
    _set(event, FollowUpKind.OUTCOME, asked, actor=Actor.person(by.pk), at=at)


def end_follow_up(follow_up: FollowUp, *, end: FollowUpEnd, found: str, by: User, at: datetime) -> FollowUp:
    """Say what was found out, or sign that nothing more is to be had.

    Whoever asked for an outcome that is still not known asks again: the next one begins. Locks the patient's
    open enrollments, then the follow-up. Raises `FollowUpHasEnded`, or to give up `MayNotTreat`.
    """
    with atomic():
        lock_open_enrollments(follow_up.patient_id)
        locked = FollowUp.objects.select_for_update(of=("self",)).get(pk=follow_up.pk)
        if locked.ended_at is not None:
            raise FollowUpHasEnded
        if end == FollowUpEnd.NOT_TO_BE_HAD:
            _sign(locked, found=found, by=by, at=at)
        locked.ended_at, locked.end, locked.found, locked.ended_by = at, end, found, by
        locked.save(update_fields=["ended_at", "end", "found", "ended_by", "signature"])
        if locked.kind == FollowUpKind.OUTCOME and end == FollowUpEnd.DONE:
            _ask_again(locked.event, assignee_id=locked.assignee_id, by=by, at=at)
        return locked


def _sign(follow_up: FollowUp, *, found: str, by: User, at: datetime) -> None:
    # Who is on call doesn't see where somebody lives; their licence is for there all the same.
    with seeing_all_charts():
        accounts.require_may_treat(by, follow_up.patient_id, at=at)
    signed = digest({"follow_up": str(follow_up.pk), "what": follow_up.what, "found": found})
    follow_up.signature = accounts.sign(by, meaning=SignatureMeaning.CLOSED, document_sha256=signed, at=at)
