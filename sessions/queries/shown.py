"""What people see of a session, and of what was reported in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.queries import code_of, own_chart, patients_guided, visible_patients
from core.actors import Actor, ActorKind
from core.encryption import decrypt
from core.errors import InputError, InvalidInput, NotFound, Reason
from programs.errors import NoSessionPolicy
from programs.models import Enrollment
from safety.models import AdverseEvent
from safety.queries import patients_answered_for
from sessions import rules
from sessions.enums import BOOKED_STATUSES, Audience, SessionStatus
from sessions.models import CheckInDeadline, Observation, ReadingOverride, Reflection, TreatmentSession
from sessions.policy import Emergency, Item, SessionPolicy, parse_policy
from sessions.queries.access import current_link, first_name, sessions_for
from sessions.queries.effects import are_effects_due
from sessions.queries.facts import measured, override_of, policy_in_force, policy_of, reading_overrides
from sessions.queries.mornings import morning_facts, morning_has_come
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
    may_drive: bool
    drive_reasons: Sequence[Reason]
    emergency: Emergency
    emergency_phone: str
    overrides: Sequence[ReadingOverride]
    call_url: str = ""


def day(session: TreatmentSession, *, party: Party, at: datetime) -> Day:
    """Gather what `party` needs to see of a session now: its open deadlines and what they may do next."""
    policy = parse_policy(session.gate.policy.content) if session.gate else policy_in_force(at=at)[1]
    status = SessionStatus(session.status)
    running = status == SessionStatus.IN_PROGRESS
    dosed = session.dosed_at is not None
    may_dose = running and not dosed and not session.dose_outcomes.exists()
    dose_by = session.started_at + policy.dose_window if session.started_at else None
    morning = morning_facts(session, at=at) if morning_has_come(session, at=at) else None
    faults = [] if morning is None else rules.drive_faults(morning, at=at)
    # Where only a clinician has something left to do, no answer changes anything.
    answers = morning is not None and any(one in rules.MENDED_BY_ANSWER for one in faults)
    return Day(
        session=session,
        party=party,
        server_time=at,
        patient_first_name=first_name(session.enrollment.patient),
        dose_by=dose_by if running and not dosed else None,
        deadlines=list(open_deadlines(session)) if running else [],
        next_actions=rules.next_actions(
            status,
            party=party,
            may_dose=may_dose,
            may_answer_morning=answers,
            effects_due=are_effects_due(session),
        ),
        may_drive=morning is not None and not faults,
        drive_reasons=faults,
        emergency=_with_phone(policy.emergency),
        emergency_phone=settings.EMERGENCY_PHONE,
        overrides=overrides_shown(session, policy, at=at),
        call_url=call_link(session),
    )


def overrides_shown(
    session: TreatmentSession, policy: SessionPolicy, *, at: datetime
) -> list[ReadingOverride]:
    """Return by which overrides a session may start now, as far as its blood pressures go, or did start."""
    if session.gate is not None:
        passed_by = [one["id"] for one in session.gate.facts.get("limits_overridden", ())]
        return list(reading_overrides(session).filter(pk__in=passed_by)) if passed_by else []
    signed = {row.pk: row for row in reading_overrides(session)} if session.status in BOOKED_STATUSES else {}
    if not signed:
        return []
    found, given = measured(session, policy, at=at), [override_of(row) for row in signed.values()]
    if any(rules.level_faults(found, policy, overrides=given)):
        return []
    return [signed[one.id] for one in rules.relied_on(found, policy, overrides=given)]


def call_link(session: TreatmentSession) -> str:
    """Return the link to the guide's video call, or nothing."""
    if not session.call_url:
        return ""
    return str(decrypt(bytes(session.call_url), place=call_place(session.pk)))


def call_place(session_id: UUID) -> str:
    """Return the place that the link to a call is encrypted for."""
    return f"treatment_sessions_treatmentsession.call_url:{session_id}"


def emergency(session: TreatmentSession, *, at: datetime) -> Emergency:
    """Return what to do first in a session, the number to call in its place."""
    return _with_phone(policy_of(session, at=at)[1].emergency)


def emergency_shown(*, at: datetime) -> Emergency:
    """Return what anybody who keeps watch does first, by the policy in force; without one, whom to call."""
    try:
        return _with_phone(policy_in_force(at=at)[1].emergency)
    except NoSessionPolicy:
        return _with_phone(Emergency(call_first="In an emergency call {phone} now.", signs=()))


def _with_phone(shown: Emergency) -> Emergency:
    return replace(shown, call_first=shown.call_first.replace("{phone}", settings.EMERGENCY_PHONE))


def open_deadlines(session: TreatmentSession) -> QuerySet[CheckInDeadline]:
    """Return the deadlines that are neither met, missed nor waived."""
    return CheckInDeadline.objects.filter(session=session, met_at=None, waived_at=None, missed_at=None)


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who was asked to stay: empty before anybody is. `code` is what their link waits for."""

    sees: tuple[str, ...]
    first_name: str = ""
    invited_at: datetime | None = None
    expires_at: datetime | None = None
    code: str = ""
    bound_at: datetime | None = None


def watcher(session: TreatmentSession, *, at: datetime) -> Watcher:
    """Return whose link opens the session now, for the patient and whoever cares for them."""
    link = current_link(session.pk, at=at)
    if link is None:
        return Watcher(sees=rules.SHOWN_TO_MONITOR)
    return Watcher(
        sees=rules.SHOWN_TO_MONITOR,
        first_name=link.first_name,
        invited_at=link.invited_at,
        expires_at=link.capability.expires_at,
        code=code_of(link.capability),
        bound_at=link.capability.bound_at,
    )


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


def reflections(session: TreatmentSession, *, party: Party) -> QuerySet[Reflection]:
    """Return what the patient wrote, oldest first: all of it to them, to a clinician what is shared."""
    found = Reflection.objects.filter(session=session)
    if party != Party.PATIENT:
        found = found.filter(shared_with__in=[Audience.CLINICIAN, Audience.CARE_TEAM])
    return found


def reflection_text(row: Reflection) -> str:
    """Return what a reflection says."""
    return str(decrypt(bytes(row.text), place=reflection_place(row.pk)))


def reflection_place(reflection_id: UUID) -> str:
    """Return the place that a reflection's text is encrypted for."""
    return f"treatment_sessions_reflection.text:{reflection_id}"


@dataclass(frozen=True, slots=True)
class About:
    """Whose chart a report of harm belongs to, which session, and which line of its log.

    `unused` is what was named in vain.
    """

    patient_id: UUID
    session: TreatmentSession | None
    unused: tuple[str, ...] = ()
    observation: Observation | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """What a report names: by ids that could be read."""

    session: UUID | None
    enrollment: UUID | None
    observation: UUID | None


def reported_about(actor: Actor, *, named: Named, at: datetime) -> About:
    """Return what a report is about: what it names, else the link's session, else one's own chart.

    A line of a log names its session. What `actor` may not see is as good as not named. Raises `NotFound`
    where only that was named and they have no chart, `InvalidInput` where nothing says whose chart is meant.
    """
    seen = sessions_for(actor, at=at)
    line = _line(named.observation, seen)
    unused = ("observation",) if named.observation is not None and line is None else ()
    session_id = line.session_id if line is not None else named.session
    session = seen.filter(pk=session_id).first() if session_id is not None else None
    if session is not None:
        return About(session.enrollment.patient_id, session, unused, line)
    unused = (*unused, "session") if named.session is not None else unused
    if actor.kind == ActorKind.CAPABILITY and (session := seen.first()) is not None:
        return About(session.enrollment.patient_id, session, unused)
    patient_id = _patient_of(actor, named.enrollment, at=at)
    if patient_id is not None:
        return About(patient_id, None, unused)
    unused = (*unused, "enrollment") if named.enrollment is not None else unused
    return About(_own(actor, named_in_vain=bool(unused)), None, unused)


def _line(observation_id: UUID | None, seen: QuerySet[TreatmentSession]) -> Observation | None:
    if observation_id is None:
        return None
    return Observation.objects.filter(pk=observation_id, session__in=seen).first()


def _own(actor: Actor, *, named_in_vain: bool) -> UUID:
    own = own_chart(actor).first()
    if own is not None:
        return own.pk
    if named_in_vain:
        raise NotFound
    detail = "Say which session or which enrollment this is about."
    raise InvalidInput(errors=[InputError("/enrollment", "required", detail)])


def _patient_of(actor: Actor, enrollment_id: UUID | None, *, at: datetime) -> UUID | None:
    """Return whose enrollment it is, if `actor` may see the chart or guides the patient."""
    if enrollment_id is None:
        return None
    seen = Q(patient__in=visible_patients(actor, at=at)) | Q(patient__in=patients_guided(actor, at=at))
    found = Enrollment.objects.filter(seen, pk=enrollment_id)
    return found.values_list("patient_id", flat=True).first()


def event_for(actor: Actor, event_id: UUID, *, at: datetime) -> AdverseEvent:
    """Return an adverse event in a chart that one may see, was called about, or that one reported.

    Raises `NotFound`.
    """
    own = Q(actor_kind=actor.kind, actor_id=actor.id)
    seen = Q(patient__in=visible_patients(actor, at=at)) | Q(patient__in=patients_answered_for(actor, at=at))
    found = AdverseEvent.objects.filter(own | seen, pk=event_id)
    event = found.select_related("hold", "alert", "session_link").first()
    if event is None:
        raise NotFound
    return event
