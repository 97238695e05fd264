"""An entry that is being written, against the seal on the log: in what is signed, or marked as after it.

The twin is the same path with the row locks alone taken away, and shows what they are for.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Patient, User
from sessions import queries, services
from sessions.errors import LogChanged
from sessions.models import Observation, TreatmentSession
from tests.races.together import together, without_row_locks
from tests.sessions import stages
from tests.sessions.test_constraints import observation

pytestmark = pytest.mark.django_db(transaction=True)

HELD_S = 1.5


@pytest.fixture
def over(ada: Patient, ben: User, at: datetime) -> TreatmentSession:
    session, _ = stages.ended(ada, at=at - timedelta(days=2))
    services.watch(at=at)
    return stages.fetch(session)


def race(over: TreatmentSession, by: User, at: datetime) -> list[Any]:
    """Write an entry and keep it back for a moment, while a clinician signs for the log without it."""
    read, written = queries.log_sha256(over), Event()

    def write() -> None:
        with transaction.atomic():
            observation(over, kind="note", note="In flight.")
            written.set()
            signing.wait(HELD_S)

    signing = Event()

    def sign() -> Any:
        assert written.wait(30)
        return services.review_session(over, log_sha256=read, note="Read.", by=by, at=at)

    acts: tuple[Callable[[], Any], ...] = (write, sign)
    return together(*acts)


def test_what_is_in_flight_is_waited_for(over: TreatmentSession, ben: User, at: datetime) -> None:
    _, refused = race(over, ben, at)
    assert isinstance(refused, LogChanged), refused
    assert not Observation.objects.get(note="In flight.").after_seal


def test_twin_without_locks_the_seal_misses_it(over: TreatmentSession, ben: User, at: datetime) -> None:
    with without_row_locks():
        race(over, ben, at)
    seal = queries.log(over, at=at).seal
    assert seal is not None
    assert not seal.is_intact
