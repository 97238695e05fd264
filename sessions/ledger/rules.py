"""What may be prescribed, dispensed and taken away of a controlled medicine."""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from core.errors import InputError, Reason
from programs.enums import Route

MOST_REFILLS = 5
"""Source: 21 CFR 1306.22(a), schedules III and IV."""
LASTS_MONTHS = 6
"""How long after its issue a prescription can be filled. Source: 21 CFR 1306.22(a)."""


@dataclass(frozen=True, slots=True)
class External:
    """A prescription that was written elsewhere; none is sent from here. `unit_mg` is a tablet or vial."""

    number: str
    prescriber: str
    route: Route
    unit_mg: Decimal
    units: int
    refills: int
    issued_on: date
    expires_on: date


def months_later(day: date, months: int) -> date:
    """Return the same day of a later month, or that month's last."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def prescription_faults(said: External, *, lawful_until: date | None, today: date) -> list[InputError]:
    """Return everything that keeps an external prescription from being one that can be filled.

    `lawful_until` is the last day of the law by which one is written without a visit; null is none.
    """
    faults = []
    if said.issued_on > today:
        faults.append(
            InputError("/issued_on", "in_the_future", "It cannot have been issued later than today.")
        )
    elif said.expires_on < said.issued_on:
        faults.append(InputError("/expires_on", "before_its_issue", "It cannot expire before it was issued."))
    elif said.expires_on > months_later(said.issued_on, LASTS_MONTHS):
        detail = f"A prescription of this schedule lasts {LASTS_MONTHS} months at most."
        faults.append(InputError("/expires_on", "lasts_too_long", detail))
    if lawful_until is None or said.issued_on > lawful_until:
        detail = "No law by which medicine is prescribed without a visit held on that day."
        faults.append(InputError("/issued_on", "no_authority", detail))
    return faults


@dataclass(frozen=True, slots=True)
class DispenseFacts:
    """What a delivery depends on; null means not known, and refuses."""

    today: date
    expires_on: date
    most_units: int
    dispensed_units: int
    units: int
    open_differences: int | None
    is_in_treatment: bool
    is_paused: bool
    open_holds: int | None


def dispense_faults(facts: DispenseFacts) -> Iterator[Reason]:
    """Give everything that keeps units from being dispensed."""
    if not facts.is_in_treatment:
        yield Reason("not_in_treatment", "This person is not in treatment, or not any more.")
    if facts.is_paused:
        yield Reason("paused", "This person is resting. Nothing is dispensed until they go on.")
    if facts.open_holds != 0:
        yield Reason("on_hold", "Treatment is on hold. Nothing is dispensed until that is lifted.")
    if facts.today > facts.expires_on:
        yield Reason("prescription_expired", "This prescription has expired. A new one is needed.")
    if facts.dispensed_units + facts.units > facts.most_units:
        yield Reason("more_than_prescribed", f"It covers {facts.most_units} units, refills included.")
    if facts.open_differences != 0:
        yield Reason("stock_differs", "A count did not agree. A clinician has to look at that first.")


@dataclass(frozen=True, slots=True)
class Stock:
    """What is left of one lot, of a prescription for one route."""

    prescription_id: UUID
    lot: str
    route: Route
    unit_mg: Decimal
    expires_on: date
    units: int


Taking = tuple[tuple[Stock, int], ...]
"""Of which lots a dose is taken, and how many units of each."""


def stock_for(stocks: Sequence[Stock], *, route: Route, dose_mg: Decimal, on: date) -> Taking | None:
    """Return of which lots a dose can be taken on a day: in date, whole units, exactly that amount.

    From one lot where one has it, else from several; what expires first, first. Milligrams of another route
    are never counted.
    """
    fitting = [stock for stock in stocks if stock.route == route and stock.expires_on >= on]
    ways: dict[Decimal, Taking] = {Decimal(0): ()}
    for stock in sorted(fitting, key=lambda one: (one.expires_on, one.lot)):
        for amount_mg, taken in list(ways.items()):
            most = min(stock.units, int((dose_mg - amount_mg) / stock.unit_mg))
            for units in range(1, most + 1):
                ways.setdefault(amount_mg + units * stock.unit_mg, (*taken, (stock, units)))
    return ways.get(dose_mg)
