"""What people see of a session, and of what was reported in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts.queries import own_chart
from core.actors import Actor, ActorKind
from core.encryption import decrypt
from core.errors import InputError, InvalidInput, NotFound
from programs import queries as programs
from safety import queries as safety
from safety.models import AdverseEvent
from sessions import rules
from sessions.enums import Audience, SessionStatus
from sessions.models import CheckInDeadline, Reflection, TreatmentSession
from sessions.policy import Emergency, Item, parse_policy
from sessions.queries.access import first_name, sessions_for
from sessions.queries.facts import policy_in_force, policy_of
from sessions.rules import Party


@dataclass(frozen=True, slots=True)
class Day:
    """One session as one party sees it, at one moment of our clock."""

    session: TreatmentSession
    party: Party
    server_time: datetime
    patient_first_name: str
    dose_by: datetime | None
    deadlines: Sequence[CheckInDeadline]
    next_actions: Sequence[str]
    emergency: Emergency
    emergency_phone: str


def day(session: TreatmentSession, *, party: Party, at: datetime) -> Day:
    """Gather what `party` needs to see of a session now: its open deadlines and what they may do next."""
    policy = parse_policy(session.gate.policy.content) if session.gate else policy_in_force(at=at)[1]
    status = SessionStatus(session.status)
    running = status == SessionStatus.IN_PROGRESS
    dosed = session.dosed_at is not None
    dose_by = session.started_at + policy.dose_window if session.started_at else None
    return Day(
        session=session,
        party=party,
        server_time=at,
        patient_first_name=first_name(session.enrollment.patient),
        dose_by=dose_by if running and not dosed else None,
        deadlines=list(open_deadlines(session)) if running else [],
        next_actions=rules.next_actions(status, party=party, dosed=dosed),
        emergency=_with_phone(policy.emergency),
        emergency_phone=settings.EMERGENCY_PHONE,
    )


def emergency(session: TreatmentSession, *, at: datetime) -> Emergency:
    """Return what to do first in a session, the number to call in its place."""
    return _with_phone(policy_of(session, at=at)[1].emergency)


def _with_phone(shown: Emergency) -> Emergency:
    return replace(shown, call_first=shown.call_first.replace("{phone}", settings.EMERGENCY_PHONE))


def open_deadlines(session: TreatmentSession) -> QuerySet[CheckInDeadline]:
    """Return the deadlines that are neither met, missed nor waived."""
    return CheckInDeadline.objects.filter(session=session, met_at=None, waived_at=None, missed_at=None)


@dataclass(frozen=True, slots=True)
class PreparedItem:
    """One thing to prepare, in the policy's words, and since when it is done."""

    item: Item
    done_at: datetime | None


def preparation(session: TreatmentSession, *, at: datetime) -> list[PreparedItem]:
    """Return what there is to prepare, in the policy's order."""
    _, policy = policy_of(session, at=at)
    done = dict(session.preparation.values_list("key", "done_at"))
    return [PreparedItem(item, done[item.key]) for item in policy.preparation if item.key in done]


@dataclass(frozen=True, slots=True)
class ReadableReflection:
    """A reflection with its text."""

    row: Reflection
    text: str


def reflections(session: TreatmentSession, *, party: Party) -> list[ReadableReflection]:
    """Return what the patient wrote, oldest first: all of it to them, to a clinician what is shared."""
    found = Reflection.objects.filter(session=session)
    if party != Party.PATIENT:
        found = found.filter(shared_with__in=[Audience.CLINICIAN, Audience.CARE_TEAM])
    return [
        ReadableReflection(row, decrypt(bytes(row.text), place=reflection_place(row.pk))) for row in found
    ]


def reflection_place(reflection_id: UUID) -> str:
    """Return the place that a reflection's text is encrypted for."""
    return f"treatment_sessions_reflection.text:{reflection_id}"


@dataclass(frozen=True, slots=True)
class About:
    """Whose chart a report of harm belongs to, and which session; `unused` is what was named in vain."""

    patient_id: UUID
    session: TreatmentSession | None
    unused: tuple[str, ...] = ()


def reported_about(
    actor: Actor, *, session_id: UUID | None, enrollment_id: UUID | None, at: datetime
) -> About:
    """Return what a report is about: what it names, else the link's session, else one's own chart.

    What `actor` may not see is as good as not named. Raises `NotFound` where only that was named and they
    have no chart, `InvalidInput` where nothing says whose chart is meant.
    """
    seen = sessions_for(actor, at=at)
    session = seen.filter(pk=session_id).first() if session_id is not None else None
    if session is not None:
        return About(session.enrollment.patient_id, session)
    unused = ("session",) if session_id is not None else ()
    if actor.kind == ActorKind.CAPABILITY and (session := seen.first()) is not None:
        return About(session.enrollment.patient_id, session, unused)
    if enrollment_id is not None and (patient_id := _patient_of(actor, enrollment_id, at=at)) is not None:
        return About(patient_id, None, unused)
    unused = (*unused, "enrollment") if enrollment_id is not None else unused
    own = own_chart(actor).first()
    if own is None and unused:
        raise NotFound
    if own is None:
        detail = "Say which session or which enrollment this is about."
        raise InvalidInput(errors=[InputError("/enrollment", "required", detail)])
    return About(own.pk, None, unused)


def _patient_of(actor: Actor, enrollment_id: UUID, *, at: datetime) -> UUID | None:
    try:
        return programs.enrollment_for(actor, enrollment_id, at=at).patient_id
    except NotFound:
        return None


def event_for(actor: Actor, event_id: UUID, *, at: datetime) -> AdverseEvent:
    """Return an adverse event: to the holder of a link what was reported with it; raises `NotFound`."""
    if actor.kind != ActorKind.CAPABILITY:
        return safety.event_for(actor, event_id, at=at)
    own = AdverseEvent.objects.filter(pk=event_id, actor_kind=actor.kind, actor_id=actor.id).first()
    if own is None:
        raise NotFound
    return own
