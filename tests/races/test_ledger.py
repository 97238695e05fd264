"""Two who write into one ledger at once: never less than nothing, never more than was prescribed."""

from contextlib import nullcontext
from datetime import datetime
from functools import partial

import pytest
from django.db import IntegrityError

from accounts.models import Patient, User
from core.actors import Actor
from sessions.ledger import queries, services
from sessions.ledger.enums import StockKind
from sessions.ledger.errors import NotDispensable, NotInStock
from sessions.ledger.models import Prescription, StockEntry
from sessions.ledger.services import Moved
from tests.races.together import meeting, together, without_row_locks
from tests.sessions import stages
from tests.sessions.test_ledger import said

ROUNDS = 4
MOST = ROUNDS // 2 + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locked", [True, False])
def test_five_and_five_of_nine(ada: Patient, ben: User, at: datetime, locked: bool) -> None:
    """With the lock the second is refused; in the twin without it, the database refuses, and both overlap."""
    enrollment, actor = stages.measured(ada, at=at), Actor.person(ben.pk)
    prescription = services.record_prescription(enrollment.pk, said=said(at, units=90), by=ben, at=at)
    overlaps, kinds = 0, set[type]()
    for number in range(ROUNDS):
        lot = f"K-{number}"
        came = Moved(StockKind.DISPENSED, lot, 9)
        services.move_stock(prescription, moved=came, actor=actor, at=at)

        def lose(lot: str = lot) -> StockEntry:
            return services.move_stock(prescription, moved=Moved(StockKind.LOST, lot, 5), actor=actor, at=at)

        locks = nullcontext() if locked else without_row_locks()
        with locks, meeting((queries, "last_of_lot")) as point:
            results = together(lose, lose)
        overlaps += point.met
        kinds |= {type(result) for result in results}
        assert [row.balance_units for row in queries.entries_of(prescription).filter(lot=lot)] == [9, 4]
    assert {StockEntry, NotInStock if locked else IntegrityError} <= kinds
    assert overlaps == 0 if locked else overlaps >= MOST


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locked", [True, False])
def test_two_deliveries_of_one_prescription(ada: Patient, ben: User, at: datetime, locked: bool) -> None:
    """With the lock the second is refused; in the twin without it the rule lets both pass."""
    enrollment, actor = stages.measured(ada, at=at), Actor.person(ben.pk)
    overlaps, kinds = 0, set[type]()
    for number in range(ROUNDS):
        written = said(at, number=f"RX-{number}", units=9, refills=0)
        prescription = services.record_prescription(enrollment.pk, said=written, by=ben, at=at)

        def deliver(lot: str, of: Prescription = prescription) -> StockEntry:
            return services.move_stock(of, moved=Moved(StockKind.DISPENSED, lot, 9), actor=actor, at=at)

        locks = nullcontext() if locked else without_row_locks()
        with locks, meeting((queries, "last_of_lot")) as point:
            results = together(partial(deliver, "K-1"), partial(deliver, "K-2"))
        overlaps += point.met
        kinds |= {type(result) for result in results}
        if locked:
            assert [row.units for row in queries.entries_of(prescription)] == [9]
    # Without it, whichever commits first decides whether the database still sees too much.
    either = {StockEntry, NotDispensable}
    assert kinds == either if locked else kinds <= either | {IntegrityError}
    assert overlaps == 0 if locked else overlaps >= MOST
