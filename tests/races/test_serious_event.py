"""A serious event against a start, and against the lifting of a hold: treatment stands still afterwards.

Of a start only the lock stands in the way; its twin is without. A lift can't pass because each event has a
hold of its own; its twin makes the event lean on the hold that stands already, as a thriftier design would.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction

from accounts import services as accounts
from accounts.models import Patient, User
from core.actors import Actor
from core.database import as_owner
from programs.services import lock_open_enrollments
from safety import queries as safety_queries
from safety import services as safety
from safety.models import Hold
from safety.services import EventReport
from sessions import rules, services
from sessions.errors import SessionNotStartable
from sessions.models import TreatmentSession
from tests.figures import record
from tests.races import together as parties
from tests.races.test_start_and_hold import Acts, patient, race, ready
from tests.races.together import without_row_locks

pytestmark = pytest.mark.django_db(transaction=True)

FEW, MANY = 4, 500
APART = 10_000
SHORTER_WAIT_S = 0.05
"""How long one waits for the other where there are many rounds; who is locked out is so all the while."""


def reporting(patient_id: Any, by: Actor, at: datetime) -> None:
    told = EventReport(description="Could not be woken.", is_serious=True)
    safety.report_event(patient_id, report=told, actor=by, at=at)


def event_and_start(at: datetime) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        session, monitor = ready(number, at)
        patient_id = session.enrollment.patient_id

        def report() -> str:
            with transaction.atomic():
                lock_open_enrollments(patient_id)
                started_at = TreatmentSession.objects.values_list("started_at", flat=True).get(pk=session.pk)
                reporting(patient_id, monitor, at)
            return "reported before it" if started_at is None else "reported after it"

        return lambda: services.start_session(session, actor=monitor, at=at), report

    return acts


LOST = frozenset({"TreatmentSession", "reported before it"})


def started(at: datetime, rounds: int) -> tuple[Any, int]:
    return race(event_and_start(at), (rules, "decide_start"), (safety, "place_hold"), rounds=rounds)


def test_a_start_never_passes_a_serious_event(ben: User, at: datetime) -> None:
    came_to, overlaps = started(at, FEW)
    assert set(came_to) <= {
        frozenset({"TreatmentSession", "reported after it"}),
        frozenset({SessionNotStartable.__name__, "reported before it"}),
    }
    assert overlaps == 0


def test_twin_without_locks_it_does(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = started(at, FEW)
    assert overlaps > FEW / 2
    assert came_to[LOST] > FEW / 2


def event_and_lift(ben: User, at: datetime, people: list[Patient], *, ordered: bool) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        ada = patient(APART + number)
        people.append(ada)
        reporting(ada.pk, Actor.person(ada.user_id), at)
        (standing,) = safety_queries.open_holds(ada.pk)
        is_reported = threading.Event()

        def lift() -> str:
            if ordered:
                is_reported.wait()
            safety.lift_hold(standing, by=ben, reason="Recovered.", at=at)
            return "lifted"

        def report() -> str:
            reporting(ada.pk, Actor.person(ada.user_id), at)
            is_reported.set()
            return "reported"

        return lift, report

    return acts


def lifted(ben: User, at: datetime, rounds: int, *, ordered: bool = False) -> int:
    """Return after how many of the rounds nothing held the patient whose event was reported meanwhile.

    Both meet in the middle; `ordered`, the lift comes when the report is in.
    """
    people: list[Patient] = []
    places = () if ordered else ((safety, "raise_alert"), (accounts, "sign"))
    came_to, _ = race(event_and_lift(ben, at, people, ordered=ordered), *places, rounds=rounds)
    assert came_to == {frozenset({"lifted", "reported"}): rounds}
    return sum(not safety_queries.open_holds(one.pk) for one in people)


@pytest.mark.parametrize("ordered", [False, True])
def test_lifting_one_hold_never_lifts_the_event_that_is_being_reported(
    ben: User, at: datetime, ordered: bool
) -> None:
    assert lifted(ben, at, FEW, ordered=ordered) == 0


@pytest.fixture
def hold_of_any(transactional_db: None) -> Iterator[None]:
    """Let an event lean on a hold that is another's."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE safety_adverseevent DISABLE TRIGGER escalated")
    yield
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE safety_adverseevent ENABLE TRIGGER escalated")


def test_twin_on_a_shared_hold_it_does(
    hold_of_any: None, ben: User, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = safety.place_hold

    def shared(patient_id: Any, **rest: Any) -> Hold:
        lock_open_enrollments(patient_id)
        standing = safety_queries.open_holds(patient_id)
        return standing[0] if standing else placed(patient_id, **rest)

    monkeypatch.setattr(safety, "place_hold", shared)
    assert lifted(ben, at, FEW, ordered=True) == FEW


@pytest.mark.full
def test_a_thousand_times(ben: User, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parties, "LOCKED_OUT_S", SHORTER_WAIT_S)
    came_to, _ = started(at, MANY)
    lost = came_to[LOST] + lifted(ben, at, MANY)
    record("events.races", came_to.total() + MANY)
    record("events.races_lost", lost)
