"""How much the two calls that a phone makes all the time ask of the database."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import Patient
from core import clock
from sessions.models import TreatmentSession
from tests.sessions import stages
from tests.sessions.conftest import by_link
from tests.statements import asked


@pytest.fixture
def running(ada: Patient, at: datetime) -> TreatmentSession:
    """A session in progress."""
    return stages.dosed(ada, at=at)[0]


@pytest.fixture
def as_dan(running: TreatmentSession) -> APIClient:
    """Its monitor."""
    return by_link(stages.token_in_mail(running))


def observe(client: APIClient, session: TreatmentSession) -> Any:
    body = {
        "kind": "heart_rate",
        "heart_rate_bpm": 64,
        "client_id": str(uuid4()),
        "client_seq": 1,
        "observed_at": clock.now().isoformat(),
    }
    return client.post(f"/api/v1/sessions/{session.pk}/observations", body, format="json")


def test_an_observation_by_link(running: TreatmentSession, as_dan: APIClient) -> None:
    """The link, the session, the row unless it is there, what screening reads of it."""
    found = asked(lambda: observe(as_dan, running))
    assert len(found) == 4, found


def test_reading_a_running_session_by_link(running: TreatmentSession, as_dan: APIClient) -> None:
    """The link, the session with the policy it started under, its open deadlines, the look."""
    found = asked(lambda: as_dan.get(f"/api/v1/sessions/{running.pk}"))
    assert len(found) == 4, found


def test_reading_a_running_session(running: TreatmentSession, as_ada: APIClient) -> None:
    """The sign-in with its user, the session with the policy it started under, its deadlines, the look."""
    found = asked(lambda: as_ada.get(f"/api/v1/sessions/{running.pk}"))
    assert len(found) == 4, found


def test_reading_a_booked_session(session: TreatmentSession, as_ada: APIClient) -> None:
    """The sign-in with its user, the session, the policy in force, what was overridden, the look."""
    found = asked(lambda: as_ada.get(f"/api/v1/sessions/{session.pk}"))
    assert len(found) == 5, found


def test_listing_sessions_costs_the_same_for_many(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    session = stages.reached(ada, "cancelled", at=at)
    path = f"/api/v1/enrollments/{session.enrollment_id}/sessions"
    one = len(asked(lambda: as_ada.get(path)))
    for _ in range(5):
        TreatmentSession.objects.create(
            enrollment=session.enrollment,
            number=1,
            status="cancelled",
            scheduled_at=session.scheduled_at,
            timezone=session.timezone,
        )
    assert len(asked(lambda: as_ada.get(path))) == one
