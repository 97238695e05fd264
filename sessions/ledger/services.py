"""Writes what came and went of a controlled medicine, so that every unit is somewhere."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts import services as accounts
from accounts.models import User
from core.actors import Actor
from core.database import atomic
from core.errors import InputError
from programs import services as programs
from programs.enums import Route
from safety import queries as safety_queries
from safety import services as safety
from safety.enums import AlertClass
from sessions.ledger import errors, queries, rules
from sessions.ledger.enums import COMES, StockKind
from sessions.ledger.models import Prescription, StockCount, StockEntry
from sessions.ledger.rules import External
from sessions.models import Dose, TreatmentSession
from sessions.rules import local_day


def record_prescription(enrollment_id: UUID, *, said: External, by: User, at: datetime) -> Prescription:
    """Record what somebody prescribed elsewhere, and the law by which; from now on a ledger is kept.

    Locks the enrollment. Raises `NotAPrescription` with every fault, or `MayNotTreat`.
    """
    with atomic():
        enrollment = programs.lock_enrollment(enrollment_id)
        accounts.require_may_treat(by, enrollment.patient_id, at=at)
        today = local_day(at, ZoneInfo(enrollment.patient.timezone))
        law = safety_queries.authority(at=at)
        lawful_until = law[1].ends_on if law else None
        faults = rules.prescription_faults(said, lawful_until=lawful_until, today=today)
        if Prescription.objects.filter(enrollment=enrollment, number=said.number).exists():
            faults.append(InputError("/number", "recorded_already", "This one is recorded already."))
        if faults or law is None:
            raise errors.NotAPrescription(errors=faults)
        actor = Actor.person(by.pk)
        return Prescription.objects.create(
            enrollment=enrollment,
            **asdict(said),
            authority=law[0],
            recorded_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )


@dataclass(frozen=True, slots=True)
class Moved:
    """Units of a lot that came or went."""

    kind: StockKind
    lot: str
    units: int
    note: str = ""


def move_stock(prescription: Prescription, *, moved: Moved, actor: Actor, at: datetime) -> StockEntry:
    """Write down units that came from a pharmacy, that went without being taken, or that were not gone.

    Locks the enrollment. Raises `NotDispensable` with every reason, `NotInStock`, or `NeverGone`.
    """
    with atomic():
        prescription.enrollment = programs.lock_enrollment(prescription.enrollment_id)
        if moved.kind == StockKind.DISPENSED:
            facts = queries.dispense_facts(prescription, units=moved.units, at=at)
            if faults := list(rules.dispense_faults(facts)):
                raise errors.NotDispensable(reasons=faults)
        if moved.kind == StockKind.FOUND and moved.units > queries.gone_units(prescription, moved.lot):
            raise errors.NeverGone
        return _write(prescription, moved, session=None, actor=actor, at=at)


def count_stock(
    prescription: Prescription, *, lot: str, counted_units: int, actor: Actor, at: datetime
) -> StockCount:
    """Keep what somebody counted; where it differs from the ledger, a clinician is called.

    Until that alert is closed nothing more is dispensed. Locks the enrollment.
    """
    with atomic():
        programs.lock_enrollment(prescription.enrollment_id)
        last = queries.last_of_lot(prescription, lot)
        expected_units = last.balance_units if last else 0
        alert = None
        if counted_units != expected_units:
            alert = safety.raise_alert(
                prescription.enrollment.patient_id,
                alert_class=AlertClass.STOCK_DIFFERS,
                source=f"stock:{prescription.pk}",
                at=at,
            )
        return StockCount.objects.create(
            enrollment_id=prescription.enrollment_id,
            prescription=prescription,
            lot=lot,
            counted_units=counted_units,
            expected_units=expected_units,
            alert=alert,
            counted_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )


def take_dose(dose: Dose) -> None:
    """Take a session's dose out of the ledger, where one is kept; the enrollment is locked.

    A dose that was taken is a fact: where the ledger does not have it, a clinician is called and the dose
    stands.
    """
    session, enrollment, at = dose.session, dose.session.enrollment, dose.recorded_at
    if not queries.is_kept(enrollment):
        return
    taken = queries.dose_in_stock(enrollment, route=Route(dose.route), dose_mg=dose.dose_mg, at=dose.taken_at)
    if taken is None:
        source = f"stock-dose:{session.pk}"
        safety.raise_alert(enrollment.patient_id, alert_class=AlertClass.STOCK_DIFFERS, source=source, at=at)
    for stock, units in taken or ():
        prescription = Prescription.objects.get(pk=stock.prescription_id)
        moved = Moved(StockKind.TAKEN, stock.lot, units)
        _write(prescription, moved, session=session, actor=dose.actor, at=at)


def _write(
    prescription: Prescription,
    moved: Moved,
    *,
    session: TreatmentSession | None,
    actor: Actor,
    at: datetime,
) -> StockEntry:
    last = queries.last_of_lot(prescription, moved.lot)
    before = last.balance_units if last else 0
    after = before + (moved.units if moved.kind in COMES else -moved.units)
    if after < 0:
        raise errors.NotInStock
    return StockEntry.objects.create(
        enrollment_id=prescription.enrollment_id,
        prescription=prescription,
        lot=moved.lot,
        kind=moved.kind,
        units=moved.units,
        session=session,
        seq=last.seq + 1 if last else 1,
        balance_units=after,
        note=moved.note,
        recorded_at=at,
        actor_kind=actor.kind,
        actor_id=actor.id,
    )
