"""What was prescribed, and what is left of it."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet, Sum

from accounts.queries import one, visible_charts, within
from core.actors import Actor
from programs import queries as programs
from programs.enums import EnrollmentStatus, Route
from programs.models import Enrollment, TreatmentPlan
from safety import queries as safety
from safety.enums import AlertClass, AlertStatus
from safety.models import Alert
from sessions import rules as session_rules
from sessions.ledger import rules
from sessions.ledger.enums import LEAVES, StockKind
from sessions.ledger.models import Prescription, StockCount, StockEntry
from sessions.ledger.rules import Stock


def prescription_for(actor: Actor, prescription_id: UUID, *, at: datetime) -> Prescription:
    """Return a prescription in a chart that one may see; raises `NotFound`."""
    seen = within(visible_charts(actor, at=at), "enrollment__patient_id")
    return one(Prescription.objects.filter(seen).select_related("enrollment__patient"), prescription_id)


def prescriptions_of(enrollment: Enrollment) -> QuerySet[Prescription]:
    """Return what was prescribed in a program, the oldest first."""
    return Prescription.objects.filter(enrollment=enrollment)


def entries_of(prescription: Prescription) -> QuerySet[StockEntry]:
    """Return what came and went on a prescription, the oldest first."""
    return StockEntry.objects.filter(prescription=prescription)


def last_of_lot(prescription: Prescription, lot: str) -> StockEntry | None:
    """Return the last entry of a lot, which says how much is left of it."""
    return StockEntry.objects.filter(prescription=prescription, lot=lot).order_by("-seq").first()


def stocks(enrollment: Enrollment) -> list[Stock]:
    """Return what should be left of every lot in a program."""
    last = (
        StockEntry.objects.filter(enrollment=enrollment)
        .order_by("prescription_id", "lot", "-seq")
        .distinct("prescription_id", "lot")
        .select_related("prescription")
    )
    return [
        Stock(
            prescription_id=row.prescription_id,
            lot=row.lot,
            route=Route(row.prescription.route),
            unit_mg=row.prescription.unit_mg,
            expires_on=row.prescription.expires_on,
            units=row.balance_units,
        )
        for row in last
    ]


def is_kept(enrollment: Enrollment) -> bool:
    """Tell whether a ledger is kept in a program: once there is a prescription."""
    return Prescription.objects.filter(enrollment=enrollment).exists()


def has_medicine(enrollment: Enrollment, plan: TreatmentPlan | None, *, until: datetime) -> bool:
    """Tell whether the ordered dose is in stock, and in date until then, when it is taken at the latest.

    Where no ledger is kept, nobody knows better.
    """
    if not is_kept(enrollment):
        return True
    if plan is None:
        return False
    return dose_in_stock(enrollment, route=Route(plan.route), dose_mg=plan.dose_mg, at=until) is not None


def dose_in_stock(
    enrollment: Enrollment, *, route: Route, dose_mg: Decimal, at: datetime
) -> rules.Taking | None:
    """Return of which lots a dose can be taken then, `None` where the ledger does not have it."""
    day = session_rules.local_day(at, ZoneInfo(enrollment.patient.timezone))
    return rules.stock_for(stocks(enrollment), route=route, dose_mg=dose_mg, on=day)


def gone_units(prescription: Prescription, lot: str) -> int:
    """Return how many units of a lot are written down as gone without being taken, less what was found."""
    of_lot = StockEntry.objects.filter(prescription=prescription, lot=lot)
    units = of_lot.aggregate(
        gone=Sum("units", filter=Q(kind__in=LEAVES), default=0),
        found=Sum("units", filter=Q(kind=StockKind.FOUND), default=0),
    )
    return int(units["gone"] - units["found"])


def dispense_facts(prescription: Prescription, *, units: int, at: datetime) -> rules.DispenseFacts:
    """Gather what a delivery depends on; the enrollment is locked."""
    enrollment = prescription.enrollment
    came = StockEntry.objects.filter(prescription=prescription, kind=StockKind.DISPENSED)
    open_ones = Alert.objects.filter(patient_id=enrollment.patient_id, alert_class=AlertClass.STOCK_DIFFERS)
    return rules.DispenseFacts(
        today=session_rules.local_day(at, ZoneInfo(enrollment.patient.timezone)),
        expires_on=prescription.expires_on,
        most_units=prescription.most_units,
        dispensed_units=came.aggregate(units=Sum("units"))["units"] or 0,
        units=units,
        open_differences=open_ones.exclude(status=AlertStatus.CLOSED).count(),
        is_in_treatment=enrollment.status == EnrollmentStatus.ACTIVE,
        is_paused=programs.is_paused(enrollment.pk),
        open_holds=len(safety.open_holds(enrollment.patient_id)),
    )


def counts_of(prescription: Prescription) -> QuerySet[StockCount]:
    """Return what was counted on a prescription, the oldest first."""
    return StockCount.objects.filter(prescription=prescription)
