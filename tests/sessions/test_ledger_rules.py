"""What may be prescribed, dispensed and taken away, as values alone."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from programs.enums import Route
from sessions.ledger.rules import (
    DispenseFacts,
    External,
    Stock,
    dispense_faults,
    months_later,
    prescription_faults,
    stock_for,
)

TODAY = date(2026, 3, 2)
WRITTEN = External(
    number="RX-1",
    prescriber="Ben Example, MD",
    route=Route.SUBLINGUAL,
    unit_mg=Decimal("100.0"),
    units=9,
    refills=1,
    issued_on=date(2026, 3, 1),
    expires_on=date(2026, 9, 1),
)
FACTS = DispenseFacts(
    today=TODAY,
    expires_on=TODAY,
    most_units=18,
    dispensed_units=9,
    units=9,
    open_differences=0,
    is_in_treatment=True,
    is_paused=False,
    open_holds=0,
)
STOCK = Stock(
    prescription_id=UUID(int=1),
    lot="K-1",
    route=Route.SUBLINGUAL,
    unit_mg=Decimal("100.0"),
    expires_on=TODAY,
    units=3,
)
DOSE: dict[str, Any] = {"route": Route.SUBLINGUAL, "dose_mg": Decimal("300.0"), "on": TODAY}


def test_a_prescription_that_can_be_filled() -> None:
    assert prescription_faults(WRITTEN, lawful_until=WRITTEN.issued_on, today=TODAY) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"issued_on": date(2026, 3, 3), "expires_on": date(2026, 9, 3)}, "in_the_future"),
        ({"expires_on": date(2026, 2, 28)}, "before_its_issue"),
        ({"expires_on": date(2026, 9, 2)}, "lasts_too_long"),
    ],
)
def test_one_that_cannot(changed: dict[str, Any], code: str) -> None:
    faults = prescription_faults(replace(WRITTEN, **changed), lawful_until=date.max, today=TODAY)
    assert [fault.code for fault in faults] == [code]


@pytest.mark.parametrize("lawful_until", [None, WRITTEN.issued_on - timedelta(days=1)])
def test_none_is_written_without_a_law_that_lets_it(lawful_until: date | None) -> None:
    faults = prescription_faults(WRITTEN, lawful_until=lawful_until, today=TODAY)
    assert [(fault.pointer, fault.code) for fault in faults] == [("/issued_on", "no_authority")]


@pytest.mark.parametrize(
    ("day", "later"),
    [
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2027, 8, 31), date(2028, 2, 29)),
        (date(2026, 6, 30), date(2026, 12, 30)),
        (date(2026, 7, 1), date(2027, 1, 1)),
    ],
)
def test_six_months_later_is_a_day_that_exists(day: date, later: date) -> None:
    assert months_later(day, 6) == later


def test_what_may_be_dispensed() -> None:
    assert list(dispense_faults(FACTS)) == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"expires_on": TODAY - timedelta(days=1)}, "prescription_expired"),
        ({"units": 10}, "more_than_prescribed"),
        ({"open_differences": 1}, "stock_differs"),
        ({"open_differences": None}, "stock_differs"),
        ({"is_in_treatment": False}, "not_in_treatment"),
        ({"is_paused": True}, "paused"),
        ({"open_holds": 1}, "on_hold"),
        ({"open_holds": None}, "on_hold"),
    ],
)
def test_what_may_not(changed: dict[str, Any], code: str) -> None:
    assert [reason.code for reason in dispense_faults(replace(FACTS, **changed))] == [code]


def test_a_dose_comes_from_what_expires_first() -> None:
    later = replace(STOCK, lot="K-0", expires_on=TODAY + timedelta(days=9))
    assert stock_for([later, STOCK], **DOSE) == ((STOCK, 3),)


def lot(name: str, units: int, *, unit_mg: str = "100.0") -> Stock:
    return replace(STOCK, lot=name, units=units, unit_mg=Decimal(unit_mg))


@pytest.mark.parametrize(
    ("stocks", "taken"),
    [
        ([lot("K-1", 1), lot("K-2", 2)], {"K-1": 1, "K-2": 2}),
        ([lot("K-1", 1), lot("K-2", 3)], {"K-2": 3}),
        ([lot("K-1", 1), lot("K-2", 1), lot("K-3", 9)], {"K-3": 3}),
        ([lot("K-1", 2), lot("K-2", 2, unit_mg="50.0")], {"K-1": 2, "K-2": 2}),
        ([lot("K-1", 2, unit_mg="200.0"), lot("K-2", 1)], {"K-1": 1, "K-2": 1}),
        ([lot("K-1", 2), lot("K-2", 1, unit_mg="50.0")], None),
        ([lot("K-1", 1), lot("K-2", 1)], None),
        ([], None),
    ],
)
def test_several_lots_make_a_dose_where_none_has_it_alone(
    stocks: list[Stock], taken: dict[str, int] | None
) -> None:
    found = stock_for(stocks, **DOSE)
    assert (found and {stock.lot: units for stock, units in found}) == taken
    assert found is None or sum(stock.unit_mg * units for stock, units in found) == 300


@pytest.mark.parametrize(
    "changed",
    [
        {"units": 2},
        {"expires_on": TODAY - timedelta(days=1)},
        {"route": Route.SUBCUTANEOUS},
        {"unit_mg": Decimal("200.0")},
        {"unit_mg": Decimal("0.7")},
    ],
)
def test_what_does_not_fit_is_not_taken(changed: dict[str, Any]) -> None:
    """Too few, too old, another route, or no whole number of units."""
    assert stock_for([replace(STOCK, **changed)], **DOSE) is None
