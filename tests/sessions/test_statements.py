"""How much the two calls that a phone makes all the time ask of the database."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Patient
from core import clock
from sessions.models import TreatmentSession
from tests.sessions import stages
from tests.sessions.conftest import by_link


@pytest.fixture
def running(ada: Patient, at: datetime) -> TreatmentSession:
    """A session in progress."""
    return stages.dosed(ada, at=at)[0]


@pytest.fixture
def as_dan(running: TreatmentSession) -> APIClient:
    """Its monitor."""
    return by_link(stages.token_in_mail(running))


def statements(call: Any) -> list[str]:
    """Return what a call asks of the database: each statement's verb and table."""
    with CaptureQueriesContext(connection) as captured:
        answer = call()
    assert answer.status_code in (200, 201), answer.content
    return [query["sql"].split(" WHERE ")[0] for query in captured.captured_queries]


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
    """The link, the session, the row unless it is there, and the row that is there."""
    asked = statements(lambda: observe(as_dan, running))
    assert len(asked) == 4, asked


def test_reading_a_running_session_by_link(running: TreatmentSession, as_dan: APIClient) -> None:
    """The link, the session, the policy it started under, its open deadlines."""
    asked = statements(lambda: as_dan.get(f"/api/v1/sessions/{running.pk}"))
    assert len(asked) == 4, asked


def test_reading_a_booked_session(session: TreatmentSession, as_ada: APIClient) -> None:
    """Three of the five are the sign-in library's: the token's session, twice, and its user."""
    asked = statements(lambda: as_ada.get(f"/api/v1/sessions/{session.pk}"))
    assert len(asked) == 5, asked


def test_listing_sessions_costs_the_same_for_many(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    session = stages.reached(ada, "cancelled", at=at)
    path = f"/api/v1/enrollments/{session.enrollment_id}/sessions"
    one = len(statements(lambda: as_ada.get(path)))
    for _ in range(5):
        TreatmentSession.objects.create(
            enrollment=session.enrollment,
            number=1,
            status="cancelled",
            scheduled_at=session.scheduled_at,
            timezone=session.timezone,
        )
    assert len(statements(lambda: as_ada.get(path))) == one
