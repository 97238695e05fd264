"""What people in a session vouch for, see, measure and write."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from core.actors import Actor, ActorKind
from core.database import atomic, insert_once
from core.encryption import encrypt
from core.errors import InputError, InvalidInput, NotAllowed
from core.ids import new_id
from programs import services as programs
from safety import services as safety
from safety.enums import AlertClass
from safety.profile import services as profile
from safety.screening.health import VITAL_UNITS, Vital, VitalFact
from sessions import errors, queries, rules
from sessions.enums import (
    BOOKED_STATUSES,
    LIVE_STATUSES,
    Alertness,
    AttestationKind,
    Audience,
    ObservationKind,
    SessionEvent,
    SessionStatus,
)
from sessions.models import Attestation, CheckIn, Observation, Reflection, TreatmentSession
from sessions.services.steps import is_theirs, lock, move, require_status, was_there

_Entry = TypeVar("_Entry", Observation, CheckIn)


def attest_monitor_present(session: TreatmentSession, *, actor: Actor, at: datetime) -> Attestation:
    """Store that the monitor is an adult, is there, and stays; the first time, the session is ready.

    Locks the enrollment, then the session. Raises `WrongSessionState` once it has started.
    """
    with atomic():
        locked = lock(session)
        require_status(locked, BOOKED_STATUSES)
        if locked.status == SessionStatus.SCHEDULED:
            move(locked, SessionEvent.MONITOR_ACCEPTED, actor=actor, at=at)
        return _attest(locked, AttestationKind.MONITOR_PRESENT, answers={}, actor=actor, at=at)


def attest_patient_today(
    session: TreatmentSession, *, answers: Mapping[str, str], actor: Actor, at: datetime
) -> Attestation:
    """Store how the patient says they are today; what they leave out counts as not known.

    Locks the enrollment, then the session. Raises `WrongSessionState` once it has started, or `InvalidInput`
    for a question that nobody asked.
    """
    with atomic():
        locked = lock(session)
        require_status(locked, BOOKED_STATUSES)
        _, policy = queries.policy_in_force(at=at)
        asked = {question.key for question in policy.today_questions}
        if unknown := sorted(set(answers) - asked):
            detail = "There is no such question."
            raise InvalidInput(
                errors=[InputError(f"/answers/{key}", "unknown_question", detail) for key in unknown]
            )
        return _attest(locked, AttestationKind.PATIENT_TODAY, answers=answers, actor=actor, at=at)


@dataclass(frozen=True, slots=True)
class ObservationEntry:
    """One thing seen or measured, as a phone sends it; units are in the names."""

    kind: ObservationKind
    client_id: UUID
    client_seq: int
    observed_at: datetime
    systolic_mmhg: int | None = None
    diastolic_mmhg: int | None = None
    heart_rate_bpm: int | None = None
    oxygen_saturation_pct: int | None = None
    alertness: str = ""
    comfort: int | None = None
    dissociation: int | None = None
    note: str = ""


def observe(
    session: TreatmentSession, *, entry: ObservationEntry, actor: Actor, at: datetime
) -> tuple[Observation, bool]:
    """Store one observation, and whether it is new; sent again it is the one that is there.

    What was measured goes into the health profile too. Somebody who cannot be woken, or a reading at crisis
    level, raises an alert in the same transaction, whatever the phone's clock says. So it does before the
    start: whoever measures that needs a clinician more than a session, and it cannot slip through while the
    session starts.
    What was made in a session and reaches us after it is taken too, sealed or not; the database marks what
    comes after the seal. Raises `WrongSessionState`, `EntryChanged`, `InvalidInput` for a clock that is
    off, or `NotAllowed` for somebody else's rating of the patient's dissociation.
    """
    if entry.kind == ObservationKind.DISSOCIATION and not is_theirs(session, actor):
        raise NotAllowed("How far away somebody feels is theirs alone to say. Write a note of what you see.")
    row = Observation(session=session, **asdict(entry))
    fault = rules.clock_fault(entry.observed_at, received_at=at)
    # A savepoint inside a bigger transaction: an entry that is refused is heard afterwards.
    with transaction.atomic():
        _require_open(session, entry, (*BOOKED_STATUSES, *LIVE_STATUSES), actor=actor)
        is_emergency = _is_emergency(session, entry, at=at)
        if fault and not is_emergency:
            raise InvalidInput(errors=[InputError("/observed_at", "clock_is_off", fault)])
        taken_at = at if fault else entry.observed_at
        return _keep(row, entry, is_emergency=is_emergency, taken_at=taken_at, actor=actor, at=at)


def correct(
    session: TreatmentSession,
    observation: Observation,
    *,
    entry: ObservationEntry,
    reason: str,
    actor: Actor,
    at: datetime,
) -> tuple[Observation, bool]:
    """Store a newer version of an observation, with a reason, and whether it is new.

    It says something else of the same moment and kind; the old one stays, and so does what was decided or
    raised by it: for the gate both count. Its values are heeded as those of any new entry. Before the seal
    who wrote it or a clinician corrects it, after it a clinician alone. Locks the enrollment, then the
    session. Raises `NotAllowed`, `LogSealed`, `EntryReplaced`, `EntryChanged` or `InvalidInput`.
    """
    if entry.kind != observation.kind:
        detail = f"This corrects a {observation.kind}."
        raise InvalidInput(errors=[InputError("/kind", "other_kind", detail)])
    row = Observation(session=session, replaces=observation, reason=reason, **asdict(entry))
    with transaction.atomic():
        locked = lock(session)
        _require_corrector(locked, observation, actor=actor)
        newer = Observation.objects.filter(replaces=observation).first()
        if newer is not None and (newer.client_id, newer.client_seq) != (entry.client_id, entry.client_seq):
            raise errors.EntryReplaced
        is_emergency = _is_emergency(locked, entry, at=at)
        is_off = rules.clock_fault(entry.observed_at, received_at=observation.received_at)
        taken_at = at if is_off else entry.observed_at
        return _keep(row, entry, is_emergency=is_emergency, taken_at=taken_at, actor=actor, at=at)


def _require_corrector(session: TreatmentSession, observation: Observation, *, actor: Actor) -> None:
    if not was_there(session, actor):
        return
    if queries.review_of(session) is not None:
        raise errors.LogSealed
    if observation.actor != actor:
        raise NotAllowed("Who wrote this down corrects it, or a clinician.")


def _require_open(
    session: TreatmentSession,
    entry: "ObservationEntry | CheckInEntry",
    statuses: Collection[SessionStatus],
    *,
    actor: Actor,
) -> None:
    """Raise `WrongSessionState` unless the session takes entries, or who was there made it in time.

    Locks the enrollment and the session where it is over: a review that is being signed goes first.
    """
    status, over_at = SessionStatus(session.status), session.no_drive_until or session.ended_at
    if not rules.comes_late(entry.observed_at, status=status, over_at=over_at) or not was_there(
        session, actor
    ):
        require_status(session, statuses)
        return
    lock(session)


def _keep(
    row: Observation,
    entry: ObservationEntry,
    *,
    is_emergency: bool,
    taken_at: datetime,
    actor: Actor,
    at: datetime,
) -> tuple[Observation, bool]:
    """Store an observation with all that follows from its values.

    Where the dose is still to come, what was measured is written under the enrollment's lock: a start or a
    dose either sees it or came before. As for an alarm, the lock comes before the entry.
    """
    results = _vitals(entry, taken_at=taken_at)
    if is_emergency:
        stored, is_new = _store_alarm(row, f"observation:{row.pk}", actor=actor, at=at)
    else:
        if results and row.session.dosed_at is None:
            programs.lock_open_enrollments(row.session.enrollment.patient_id)
        stored, is_new = _store(row, actor=actor, at=at)
    if is_new and results:
        profile.keep_results(row.session.enrollment.patient_id, results=results, actor=actor, at=at)
    return stored, is_new


def _vitals(entry: ObservationEntry, *, taken_at: datetime) -> list[VitalFact]:
    """Return what was measured for the health profile: screenings and clearances go by it from now on.

    `taken_at` is our own time where the phone's is off, or an emergency would be too old to count.
    """
    measured = {
        Vital.SYSTOLIC: entry.systolic_mmhg,
        Vital.DIASTOLIC: entry.diastolic_mmhg,
        Vital.HEART_RATE: entry.heart_rate_bpm,
    }
    return [
        VitalFact(vital, value, next(iter(VITAL_UNITS[vital])), taken_at)
        for vital, value in measured.items()
        if value is not None
    ]


def _is_emergency(session: TreatmentSession, entry: ObservationEntry, *, at: datetime) -> bool:
    measured = rules.Measured(
        systolic_mmhg=entry.systolic_mmhg,
        diastolic_mmhg=entry.diastolic_mmhg,
        heart_rate_bpm=entry.heart_rate_bpm,
        oxygen_saturation_pct=entry.oxygen_saturation_pct,
    )
    if measured == rules.Measured():
        return entry.alertness == Alertness.CANNOT_BE_WOKEN
    policy = queries.policy_to_hear_by(session, at=at)
    return policy is not None and rules.is_emergency(measured, policy)


def heed(session: TreatmentSession, said: object, *, at: datetime) -> bool:
    """Raise the alert for a refused entry that calls for help; tell whether it did.

    In a transaction of its own, after the refusal has undone everything else: that the number was used
    before, the clock off, a value malformed or the session over is no reason not to hear it.
    """
    if not rules.calls_for_help(said, queries.policy_to_hear_by(session, at=at)):
        return False
    source = f"call:{session.pk}"
    patient_id = session.enrollment.patient_id
    safety.raise_alert(patient_id, alert_class=AlertClass.SERIOUS_EVENT, source=source, at=at)
    return True


@dataclass(frozen=True, slots=True)
class CheckInEntry:
    """That all is well, or that help is wanted, as a phone sends it."""

    all_well: bool
    client_id: UUID
    client_seq: int
    observed_at: datetime


def check_in(
    session: TreatmentSession, *, entry: CheckInEntry, actor: Actor, at: datetime
) -> tuple[CheckIn, bool]:
    """Store one check-in, and whether it is new; the monitor's meets the deadline whose interval it falls in.

    What counts is when it reaches us, whatever the phone's clock says: a late one leaves a missed deadline
    missed. One that by its own time is older than an interval says nothing of now: kept, it meets nothing,
    and so does the patient's own tap. That not all is well raises an alert in the same transaction. One that
    was made in a session and reaches us after it is kept too. Raises `WrongSessionState` or `EntryChanged`.
    """
    row = CheckIn(session=session, **asdict(entry))
    with transaction.atomic():
        _require_open(session, entry, LIVE_STATUSES, actor=actor)
        if entry.all_well:
            stored, is_new = _store(row, actor=actor, at=at)
        else:
            stored, is_new = _store_alarm(row, f"help:{row.pk}", actor=actor, at=at)
        if is_new and actor.kind == ActorKind.CAPABILITY:
            _meet_deadline(session, entry, at=at)
        return stored, is_new


def _meet_deadline(session: TreatmentSession, entry: CheckInEntry, *, at: datetime) -> None:
    _, policy = queries.policy_of(session, at=at)
    if entry.all_well and not rules.is_news(entry.observed_at, heard_at=at, policy=policy):
        return
    still_open = queries.open_deadlines(session)
    met = [row.pk for row in still_open if rules.meets(row.due_at, heard_at=at, policy=policy)]
    still_open.filter(pk__in=met).update(met_at=at)


def reflect(session: TreatmentSession, *, text: str, shared_with: Audience, at: datetime) -> Reflection:
    """Store what surfaced, encrypted, for the patient alone unless they share it.

    Raises `WrongSessionState` before the session.
    """
    require_status(session, (*LIVE_STATUSES, SessionStatus.COMPLETED))
    reflection_id = new_id()
    return Reflection.objects.create(
        id=reflection_id,
        session=session,
        text=encrypt(text, place=queries.reflection_place(reflection_id)),
        shared_with=shared_with,
        written_at=at,
    )


def _attest(
    session: TreatmentSession,
    kind: AttestationKind,
    *,
    answers: Mapping[str, str],
    actor: Actor,
    at: datetime,
) -> Attestation:
    return Attestation.objects.create(
        session=session,
        kind=kind,
        answers=dict(answers),
        attested_at=at,
        actor_kind=actor.kind,
        actor_id=actor.id,
    )


def _store(row: _Entry, *, actor: Actor, at: datetime) -> tuple[_Entry, bool]:
    """Store an entry once per session, device and number; the same number with other content is refused."""
    row.actor_kind, row.actor_id, row.received_at = actor.kind, actor.id, at
    if insert_once(row):
        return row, True
    model = type(row)
    stored = model.objects.get(session_id=row.session_id, client_id=row.client_id, client_seq=row.client_seq)
    content = {field.attname for field in model._meta.concrete_fields} - {"id", "received_at", "after_seal"}
    if any(getattr(stored, name) != getattr(row, name) for name in content):
        raise errors.EntryChanged
    return stored, False


def _store_alarm(row: _Entry, source: str, *, actor: Actor, at: datetime) -> tuple[_Entry, bool]:
    """Store an entry that calls for help, with an alert as for a serious event: nobody has said it is not.

    The locks that the alert takes come first: the database holds the session's key for a new entry, and a
    start or a dose that has the enrollment waits for that key. In the other order they would wait for each
    other, and one of them would be lost.
    """
    patient_id = row.session.enrollment.patient_id
    programs.lock_open_enrollments(patient_id)
    stored, is_new = _store(row, actor=actor, at=at)
    if is_new:
        safety.raise_alert(patient_id, alert_class=AlertClass.SERIOUS_EVENT, source=source, at=at)
    return stored, is_new
