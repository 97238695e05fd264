"""A whole first session over the API, each step by the person who takes it, on the demo clock."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from accounts.models import Patient
from core import clock
from safety.models import Alert
from sessions.tasks import watch
from sessions.views.places import HERE
from tests.api import post
from tests.sessions import stages
from tests.sessions.conftest import by_link


class Phone:
    """Somebody's app: numbers its own entries, and reads its clock."""

    def __init__(self, client: APIClient, session_id: str) -> None:
        self.client, self.session_id = client, session_id
        self.client_id, self.seq = str(uuid4()), 0

    def send(self, what: str, **body: Any) -> Any:
        """Send an entry, numbered; refusals are undone as they are where no test is around them."""
        self.seq += 1
        entry = {"client_id": self.client_id, "client_seq": self.seq, "observed_at": clock.now().isoformat()}
        with transaction.atomic():
            return self.client.post(f"/api/v1/sessions/{self.session_id}/{what}", entry | body, format="json")

    def ask(self, what: str, **body: Any) -> Any:
        return post(self.client, f"sessions/{self.session_id}/{what}", body)

    def look(self) -> dict[str, Any]:
        seen: dict[str, Any] = self.client.get(f"/api/v1/sessions/{self.session_id}").json()
        return seen


@pytest.fixture
def wait(demo: None) -> Callable[..., None]:
    """Let time pass, with the watch looking at the end of it."""

    def pass_time(**duration: float) -> None:
        clock.advance_demo(by=timedelta(**duration))
        watch()

    return pass_time


def codes(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.content
    return {reason["code"] for reason in answer.json()["reasons"]}


def test_a_first_session(ada: Patient, at: datetime, as_ada: APIClient, wait: Callable[..., None]) -> None:
    enrollment = stages.measured(ada, at=at)
    booking = {
        "scheduled_at": (at + timedelta(days=2)).isoformat(),
        "timezone": stages.zone_at_noon(at),
    }
    booked = post(as_ada, f"enrollments/{enrollment.pk}/sessions", booking)
    app = Phone(as_ada, booked.json()["id"])
    assert app.ask("monitor-invitations", first_name="Dan", email="dan@example.org").status_code == 201
    monitor = Phone(by_link(stages.token_in_mail_of(app.session_id)), app.session_id)

    # A day early nothing is ready, and every reason is named.
    wait(days=1)
    stages.watchdog_lives()
    assert "before_its_day" in codes(app.ask("start"))
    wait(days=1, minutes=1)

    assert monitor.ask("attestations", kind="monitor_present").status_code == 201
    assert app.ask("attestations", kind="patient_today", answers=stages.WELL).status_code == 201
    assert codes(monitor.ask("start")) == {"too_few_readings", "heart_rate_missing", "something_else"}
    assert app.ask("places", **HERE).status_code == 201
    for _ in range(2):
        reading = {"systolic_mmhg": 118, "diastolic_mmhg": 76, "heart_rate_bpm": 64}
        assert monitor.send("observations", kind="blood_pressure", **reading).status_code == 201
        wait(minutes=1)
    started = monitor.ask("start")
    assert started.status_code == 200, started.content
    assert (started["ETag"], len(started.json()["deadlines"])) == ('"v3"', 10)

    dose = {"route": "sublingual", "dose_mg": "300.0"}
    assert codes(app.ask("doses", **dose | {"dose_mg": "400.0"})) == {
        "other_amount",
        "clinician_called",
    }
    assert app.ask("doses", **dose).json()["dose_mg"] == "300.0"
    assert codes(app.ask("end")) == {"still_watched"}

    for quarter in range(8):
        wait(minutes=14)
        assert monitor.send("check-ins", all_well=True).status_code == 201
        assert monitor.send("observations", kind="comfort", comfort=7).status_code == 201
        wait(minutes=1)
        assert monitor.look()["status"] == "in_progress", quarter
    event = {"description": "A little sick, better after water.", "is_serious": "no", "grade": 1}
    assert post(monitor.client, "adverse-events", event).status_code == 201

    assert codes(monitor.ask("end")) == {"alertness_not_seen", "pressure_not_measured"}
    assert monitor.send("observations", kind="alertness", alertness="talks_normally").status_code == 201
    assert monitor.send("observations", kind="blood_pressure", **reading).status_code == 201
    ended = monitor.ask("end")
    assert ended.json()["status"] == "recovering"
    assert not Alert.objects.filter(alert_class="missed_check_in").exists()
    assert app.ask("reflections", text="I said yes to everything.").status_code == 201
    until = datetime.fromisoformat(app.look()["no_drive_until"])
    assert until - clock.now() > timedelta(hours=11)

    # Two hours later the link opens nothing; after the no-driving time the session is complete.
    wait(hours=2, minutes=1)
    assert monitor.client.get(f"/api/v1/sessions/{app.session_id}").status_code == 401
    wait(days=2)
    assert app.look()["status"] == "completed"


def test_the_shape_of_a_session_stays(session: Any, as_ada: APIClient) -> None:
    """What an app may rely on."""
    assert set(as_ada.get(f"/api/v1/sessions/{session.pk}").json()) == {
        "id",
        "enrollment",
        "number",
        "status",
        "scheduled_at",
        "timezone",
        "call_url",
        "overrides",
        "started_at",
        "dosed_at",
        "ended_at",
        "no_drive_until",
        "may_drive",
        "drive_reasons",
        "server_time",
        "patient_first_name",
        "dose_by",
        "deadlines",
        "next_actions",
        "emergency",
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"route": "sublingual"},
        {"dose_mg": "300.0"},
        {"route": "nasal", "dose_mg": "300.0"},
        {"route": "sublingual", "dose_mg": "NaN"},
        {"route": "sublingual", "dose_mg": "300.05"},
        {"route": "sublingual", "dose_mg": -300},
        {"route": "sublingual", "dose_mg": "1e5"},
        {"route": "sublingual", "dose_mg": "300 mg"},
        {"route": "sublingual", "dose_mg": "300.0", "taken_at": "at noon"},
    ],
)
def test_a_malformed_dose_is_a_400(
    ada: Patient, at: datetime, as_ada: APIClient, body: dict[str, Any]
) -> None:
    session, _ = stages.started(ada, at=at)
    assert post(as_ada, f"sessions/{session.pk}/doses", body).status_code == 400
    assert stages.fetch(session).dosed_at is None


@pytest.mark.parametrize(
    "path", ["start", "doses", "end", "cancel", "reschedule", "attestations", "reflections"]
)
def test_an_act_needs_a_key(session: Any, as_ada: APIClient, path: str) -> None:
    answer = as_ada.post(f"/api/v1/sessions/{session.pk}/{path}", {}, format="json")
    assert answer.status_code == 428


@pytest.mark.parametrize("session_id", ["1", "mine", "0199c0de-0000-7000-8000-00000000003", "%00"])
def test_an_address_that_is_no_id_is_absent(db: None, as_ada: APIClient, session_id: str) -> None:
    assert as_ada.get(f"/api/v1/sessions/{session_id}").status_code in (400, 404)
