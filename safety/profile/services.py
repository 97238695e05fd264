"""Writes: what somebody says about a patient's health, confirms, or brings from elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from accounts.models import Patient
from core.actors import Actor
from core.database import atomic
from core.errors import InputError, InvalidInput, NotFound, Stale
from programs.services import lock_chart, lock_open_enrollments
from safety import errors
from safety.enums import ProfileSection, ProfileSource, ProfileState
from safety.models import HealthFact, ProgramResult
from safety.profile import fhir, queries, rules
from safety.profile.rules import Statement
from safety.screening.health import CodeSystem, InstrumentFact, Vital, VitalFact

ONE_AT_A_TIME = (ProfileSection.PREGNANCY, ProfileSection.LACTATION)


def state_fact(
    patient_id: UUID,
    *,
    said: Statement,
    source: ProfileSource,
    replaces: UUID | None = None,
    actor: Actor,
    at: datetime,
) -> HealthFact:
    """Store what somebody says; what it replaces stays in the history. It counts from this commit on.

    Pregnancy and lactation replace what was said of them before. Locks the patient's open enrollments first:
    a start has either happened, or sees it. Raises `InvalidInput` with every fault, `NotFound` for what is
    replaced and isn't there, `AskYourClinician` where a patient would change what others said, and `Stale`
    where somebody has replaced it already.
    """
    if faults := rules.statement_faults(said, at=at):
        raise InvalidInput(errors=faults)
    with atomic():
        lock_open_enrollments(patient_id)
        lock_chart(patient_id)
        return _stored(
            patient_id,
            said,
            source=source,
            replaces=_replaced(patient_id, said, replaces, source=source),
            actor=actor,
            at=at,
        )


def keep_results(
    patient_id: UUID, *, results: Iterable[InstrumentFact | VitalFact], actor: Actor, at: datetime
) -> None:
    """Write down what was asked or measured in this program, for every screening and clearance from now on.

    For the rooms above, in the transaction that stores their own row. Nothing is refused: a value that can't
    be right is unknown to the rules, which is never no. What claims to be of a later moment is of now, or it
    would count for nobody until then. The caller holds the enrollment's lock wherever a start could be
    deciding at the same time.
    """
    rows = [_result_row(result) for result in results]
    for row in rows:
        row.patient_id, row.taken_at, row.recorded_at = patient_id, min(row.taken_at, at), at
        row.actor_kind, row.actor_id = actor.kind, actor.id
    ProgramResult.objects.bulk_create(rows)


def _result_row(result: InstrumentFact | VitalFact) -> ProgramResult:
    if isinstance(result, VitalFact):
        return ProgramResult(
            about=queries.VITALS, name=result.vital, value=result.counted, taken_at=result.measured_at
        )
    found = result.value
    value, word = (None, found) if isinstance(found, str) else (found, "")
    return ProgramResult(
        about=result.instrument, name=result.result, value=value, word=word, taken_at=result.taken_at
    )


def confirm_fact(patient_id: UUID, fact_id: UUID, *, clinician: Actor, at: datetime) -> HealthFact:
    """Store that a clinician says so too; what was confirmed already stays as it is.

    Locks the patient's open enrollments. Raises `NotFound`, or `Stale` where it was replaced meanwhile.
    """
    with atomic():
        lock_open_enrollments(patient_id)
        lock_chart(patient_id)
        fact = _standing(patient_id, fact_id)
        if fact.source == ProfileSource.CLINICIAN:
            return fact
        source = ProfileSource.CLINICIAN
        return _stored(patient_id, _said(fact), source=source, replaces=fact, actor=clinician, at=at)


@dataclass(frozen=True)
class Imported:
    """What came of a record from elsewhere."""

    added: int
    changed: int
    unchanged: int
    skipped: dict[str, int]


def import_bundle(patient: Patient, *, bundle: object, actor: Actor, at: datetime) -> Imported:
    """Take over what a FHIR R4 bundle says of a patient's health; the same bundle again changes nothing.

    What a clinician has corrected here stays beside what the other record says now. All of it or nothing.
    Locks the patient's open enrollments. Raises `NotABundle`, `NotThisPerson`, or `InvalidInput` for a
    measurement that can't be right.
    """
    try:
        found = fhir.read_bundle(bundle)
    except fhir.NotABundle as error:
        raise errors.NotABundle(errors=[InputError("/bundle", "not_a_bundle", str(error))]) from None
    names = set(patient.legal_name.casefold().split())
    if found.birth_on != patient.birth_on or not any(
        set(name.split()) <= names for name in found.family_names
    ):
        raise errors.NotThisPerson
    faults = [fault for said in found.statements for fault in rules.statement_faults(said, at=at)]
    if faults:
        raise InvalidInput(errors=faults)
    with atomic():
        lock_open_enrollments(patient.pk)
        lock_chart(patient.pk)
        before = queries.imported(patient.pk)
        named = {fact.external_id: fact for fact in before if fact.external_id}
        unnamed = {_said(fact) for fact in before if not fact.external_id}
        added = changed = 0
        for said in found.statements:
            last = named.get(said.external_id)
            if said in unnamed or (last is not None and said == _said(last)):
                continue
            # What somebody here has corrected meanwhile is not the other record's to overwrite: both stand.
            replaces = None if last is None or hasattr(last, "replaced_by") else last
            _stored(patient.pk, said, source=ProfileSource.IMPORT, replaces=replaces, actor=actor, at=at)
            added, changed = (added + 1, changed) if last is None else (added, changed + 1)
    unchanged = len(found.statements) - added - changed
    return Imported(added, changed, unchanged, dict(found.skipped))


def carry_over(patient_id: UUID, *, to: UUID, actor: Actor, at: datetime) -> None:
    """Say in the chart `to` what another one of the same person says of their health; again changes nothing.

    That there is nothing to heed is not said on, nor what was measured: `to` is asked and measured anew. Of
    pregnancy and lactation the word counts that leaves more to heed. What was taken back in the other chart
    meanwhile, as a stranger's, is withdrawn. The caller has locked both.
    """
    _withdraw(to, _taken_back(patient_id), actor=actor, at=at)
    newest = {fact.external_id: fact for fact in queries.imported(to)}
    # What was taken back as a mistake is told again; what a clinician here struck out is theirs.
    told = {name for name, fact in newest.items() if fact.state != ProfileState.WITHDRAWN}
    theirs = {_carried_from(pk) for pk in queries.statements(to).values_list("pk", flat=True)}
    found = queries.current(patient_id).exclude(section=ProfileSection.VITAL)
    for fact in found.exclude(external_id__in=theirs):
        said = replace(_said(fact), external_id=_carried_from(fact.pk))
        before = queries.latest(to, said.section) if said.section in ONE_AT_A_TIME else None
        known = [before] if before else queries.current(to).filter(section=said.section)
        if said.external_id in told or not rules.is_to_heed(said) or any(_covers(one, fact) for one in known):
            continue
        _stored(to, said, source=ProfileSource.IMPORT, replaces=before, actor=actor, at=at)


def take_back(patient_id: UUID, *, from_: UUID, actor: Actor, at: datetime) -> None:
    """Withdraw from the chart `from_` what was carried over from another one that is somebody else's.

    A word on pregnancy or lactation that it had taken the place of holds again. What a clinician has
    confirmed or corrected since stays theirs. The caller has locked both.
    """
    carried = queries.statements(patient_id).values_list("pk", flat=True)
    _withdraw(from_, {_carried_from(pk) for pk in carried}, actor=actor, at=at)


def _withdraw(patient_id: UUID, names: Iterable[str], *, actor: Actor, at: datetime) -> None:
    copies = queries.current(patient_id).filter(source=ProfileSource.IMPORT, external_id__in=names)
    for fact in copies.select_related("replaces"):
        said = replace(_said(fact), state=ProfileState.WITHDRAWN)
        gone = _stored(patient_id, said, source=ProfileSource.IMPORT, replaces=fact, actor=actor, at=at)
        if (before := fact.replaces) is not None:
            source = ProfileSource(before.source)
            _stored(patient_id, _said(before), source=source, replaces=gone, actor=actor, at=at)


def _taken_back(patient_id: UUID) -> set[str]:
    """Return the names of copies of what a chart held by mistake."""
    gone = queries.statements(patient_id).filter(state=ProfileState.WITHDRAWN, source=ProfileSource.IMPORT)
    return {_carried_from(pk) for pk in gone.exclude(replaces=None).values_list("replaces_id", flat=True)}


def _covers(known: HealthFact, fact: HealthFact) -> bool:
    """Tell whether a statement says as much as another, and is as hard to take back."""
    if known.source == ProfileSource.PATIENT and fact.source != ProfileSource.PATIENT:
        return False
    if known.section in ONE_AT_A_TIME:
        return not rules.weighs_less(ProfileState(known.state), ProfileState(fact.state))
    return _said(known) == _said(fact)


def _carried_from(fact_id: UUID) -> str:
    return f"chart:{fact_id}"


def _replaced(
    patient_id: UUID, said: Statement, replaces: UUID | None, *, source: ProfileSource
) -> HealthFact | None:
    if replaces is not None:
        fact = _standing(patient_id, replaces, section=said.section)
        if source == ProfileSource.PATIENT and fact.source != ProfileSource.PATIENT:
            raise errors.AskYourClinician
        return fact
    if said.section not in ONE_AT_A_TIME:
        return None
    known = queries.latest_by_others(patient_id, said.section) if source == ProfileSource.PATIENT else None
    # Anybody may add to what a clinician knows; to take from it is not a patient's, by a detour neither.
    if known is not None and rules.weighs_less(said.state, ProfileState(known.state)):
        raise errors.AskYourClinician
    return queries.latest(patient_id, said.section)


def _standing(patient_id: UUID, fact_id: UUID, *, section: ProfileSection | None = None) -> HealthFact:
    fact = queries.statements(patient_id).filter(pk=fact_id).select_related("replaced_by").first()
    if fact is None or section not in (None, fact.section):
        raise NotFound
    if hasattr(fact, "replaced_by"):
        raise Stale
    return fact


def _said(fact: HealthFact) -> Statement:
    measurement = None
    if fact.value is not None and fact.measured_at is not None:
        vital = Vital(fact.vital)
        measurement = rules.Measurement(vital, fact.value, fact.unit, fact.measured_at)
    return Statement(
        section=ProfileSection(fact.section),
        state=ProfileState(fact.state),
        text=fact.text,
        codings=tuple((CodeSystem(one["system"]), one["code"]) for one in fact.codings),
        measurement=measurement,
        external_id=fact.external_id,
    )


def _stored(
    patient_id: UUID,
    said: Statement,
    *,
    source: ProfileSource,
    replaces: HealthFact | None,
    actor: Actor,
    at: datetime,
) -> HealthFact:
    measured = said.measurement
    return HealthFact.objects.create(
        patient_id=patient_id,
        section=said.section,
        state=said.state,
        text=said.text,
        codings=[{"system": system, "code": code} for system, code in said.codings],
        vital=measured.vital if measured else "",
        value=measured.value if measured else None,
        unit=measured.unit if measured else "",
        measured_at=measured.measured_at if measured else None,
        source=source,
        external_id=said.external_id or (replaces.external_id if replaces else ""),
        replaces=replaces,
        recorded_at=at,
        actor_kind=actor.kind,
        actor_id=actor.id,
    )
