"""A request that the database cuts off: a 503 that can be tried again, and nothing half-written."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from threading import Event, Thread
from time import sleep
from typing import Any

import pytest
from django.db import IntegrityError, InternalError, OperationalError, connection, transaction
from django.test import RequestFactory
from rest_framework.test import APIClient

from accounts.models import Patient, User
from core import api, clock, problems
from core.models import IdempotencyRecord
from core.postgresql import base as postgresql
from programs.models import Enrollment
from programs.services import lock_enrollment
from tests import steps
from tests.api import post

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 20
AT_MOST = "SET LOCAL {} = '200ms'"
LOOK = "/api/v1/enrollments"


@pytest.fixture
def enrollment(ada: Patient, at: datetime) -> Enrollment:
    """Ada is in treatment."""
    return steps.active(ada, at=at)


@pytest.fixture
def as_ada(enrollment: Enrollment, client_of: Callable[[User], APIClient]) -> APIClient:
    """Her app."""
    client = client_of(enrollment.patient.user)
    client.raise_request_exception = False
    return client


@contextmanager
def standing_still() -> Iterator[None]:
    """Every look at the clock takes longer than a transaction may stand still."""
    now = clock.now

    def slow() -> datetime:
        sleep(0.6)
        return now()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(postgresql, "IDLE_AT_MOST", AT_MOST.format("idle_in_transaction_session_timeout"))
        patched.setattr(clock, "now", slow)
        yield


@contextmanager
def waiting(enrollment: Enrollment, limit: str) -> Iterator[None]:
    """Somebody has the enrollment in hand, for longer than a statement may wait."""
    with held(enrollment), pytest.MonkeyPatch.context() as patched:
        patched.setattr(postgresql, "IDLE_AT_MOST", AT_MOST.format(limit))
        yield


@contextmanager
def held(enrollment: Enrollment) -> Iterator[None]:
    """Somebody has the enrollment in hand, and does not let go."""
    locked, done = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            lock_enrollment(enrollment.pk)
            locked.set()
            done.wait(PATIENCE_S)
        connection.close()

    holds = Thread(target=hold)
    holds.start()
    try:
        assert locked.wait(PATIENCE_S)
        yield
    finally:
        done.set()
        holds.join()


def is_a_way_on(answer: Any) -> bool:
    document = answer.json()
    return (
        answer.status_code == document["status"] == 503
        and document["code"] == "unavailable"
        and int(answer["Retry-After"]) > 0
        and answer["Content-Type"] == "application/problem+json"
    )


def pause(client: APIClient, enrollment: Enrollment) -> Any:
    return post(client, f"enrollments/{enrollment.pk}/pauses", key="the same")


def nothing_written(enrollment: Enrollment) -> bool:
    return not IdempotencyRecord.objects.exists() and not enrollment.pauses.exists()


def cut_off(limit: str, enrollment: Enrollment) -> AbstractContextManager[None]:
    return standing_still() if limit.startswith("idle") else waiting(enrollment, limit)


@pytest.mark.parametrize(
    "limit", ["idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout"]
)
def test_a_request_that_is_cut_off_can_be_sent_again(
    enrollment: Enrollment, as_ada: APIClient, limit: str
) -> None:
    with cut_off(limit, enrollment):
        answer = pause(as_ada, enrollment)
    assert is_a_way_on(answer), answer.content
    assert nothing_written(enrollment)
    again = pause(as_ada, enrollment)
    assert again.status_code == 201, again.content
    assert (enrollment.pauses.count(), IdempotencyRecord.objects.count()) == (1, 1)


def test_so_can_one_that_only_reads(enrollment: Enrollment, as_ada: APIClient) -> None:
    with standing_still():
        assert is_a_way_on(as_ada.get(LOOK))
    assert as_ada.get(LOOK).status_code == 200


def test_outside_our_own_views_too(rf: RequestFactory) -> None:
    """Where Django's last resort answers: the admin's pages, the sign-in library's paths."""
    for raised, status in ((OperationalError("cut"), 503), (ValueError("ours"), 500)):
        try:
            raise raised
        except type(raised):
            assert problems.server_error(rf.get("/admin/")).status_code == status


@pytest.mark.parametrize("read", [True, False])
def test_twin_where_a_cut_is_not_known_it_is_our_fault(
    enrollment: Enrollment, as_ada: APIClient, monkeypatch: pytest.MonkeyPatch, read: bool
) -> None:
    monkeypatch.setattr(problems, "was_cut_off", lambda raised: False)
    monkeypatch.setattr(api, "was_cut_off", lambda raised: False)
    with standing_still():
        answer = as_ada.get(LOOK) if read else pause(as_ada, enrollment)
    assert answer.status_code == 500


def test_another_fault_of_the_database_stays_our_fault() -> None:
    assert problems.problem_for(IntegrityError("twice")).status == 500
    assert problems.problem_for(InternalError("odd")).status == 500
