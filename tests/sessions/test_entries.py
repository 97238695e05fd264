"""What phones send, by the API: each entry stored once, nothing implausible, nothing silently dropped."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from accounts.models import Patient
from core import clock
from safety.enums import AlertClass
from safety.models import Alert
from sessions.models import CheckIn, Observation, TreatmentSession
from tests.sessions import stages
from tests.sessions.conftest import by_link


def numbered() -> dict[str, Any]:
    """Return what every entry of a phone carries."""
    return {"client_id": str(uuid4()), "client_seq": 1, "observed_at": clock.now().isoformat()}


def entry(**changed: Any) -> dict[str, Any]:
    """Return a blood pressure as a phone sends it now."""
    return numbered() | {"kind": "blood_pressure", "systolic_mmhg": 118, "diastolic_mmhg": 76} | changed


def send(
    client: APIClient, session: TreatmentSession, body: dict[str, Any], what: str = "observations"
) -> Any:
    """Send an entry; whatever a refusal has begun is undone, as it is where no test is around it."""
    with transaction.atomic():
        return client.post(f"/api/v1/sessions/{session.pk}/{what}", body, format="json")


def test_an_observation_is_stored_once_however_often_it_is_sent(
    session: TreatmentSession, as_dan: APIClient
) -> None:
    body = entry(heart_rate_bpm=64)
    first, again = send(as_dan, session, body), send(as_dan, session, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert Observation.objects.count() == 1


@pytest.mark.parametrize(
    "changed", [{"systolic_mmhg": 119}, {"observed_at": "2026-11-22T00:00:00Z"}, {"note": "left arm"}]
)
def test_the_same_number_with_other_content_is_refused(
    session: TreatmentSession, as_dan: APIClient, changed: dict[str, Any]
) -> None:
    body = entry()
    send(as_dan, session, body)
    if "observed_at" in changed:
        changed = {"observed_at": (clock.now() - timedelta(minutes=3)).isoformat()}
    answer = send(as_dan, session, body | changed)
    assert (answer.status_code, answer.json()["code"]) == (409, "entry_changed")
    assert Observation.objects.get().systolic_mmhg == 118


def test_somebody_else_cannot_take_over_a_number(
    session: TreatmentSession, as_dan: APIClient, as_ada: APIClient
) -> None:
    body = entry()
    send(as_dan, session, body)
    assert send(as_ada, session, body).status_code == 409


def test_patient_monitor_and_clinician_may_observe(
    session: TreatmentSession, as_dan: APIClient, as_ada: APIClient, as_ben: APIClient
) -> None:
    for client in (as_dan, as_ada, as_ben):
        assert send(client, session, entry()).status_code == 201


@pytest.mark.parametrize(
    ("changed", "pointer", "said"),
    [
        ({"systolic_mmhg": 14}, "/systolic_mmhg", "digit missing"),
        ({"systolic_mmhg": 1180}, "/systolic_mmhg", "digit missing"),
        ({"diastolic_mmhg": 8}, "/diastolic_mmhg", "digit missing"),
        ({"systolic_mmhg": 76, "diastolic_mmhg": 118}, "/systolic_mmhg", "swapped"),
        ({"systolic_mmhg": 90, "diastolic_mmhg": 90}, "/systolic_mmhg", "swapped"),
        ({"systolic_mmhg": 118.5}, "/systolic_mmhg", "integer"),
        ({"systolic_mmhg": True}, "/systolic_mmhg", "integer"),
        ({"systolic_mmhg": None}, "/systolic_mmhg", "null"),
        ({"heart_rate_bpm": 640}, "/heart_rate_bpm", "digit missing"),
        ({"kind": "heart_rate"}, "/heart_rate_bpm", "needs this"),
        ({"kind": "heart_rate", "heart_rate_bpm": 64}, "/systolic_mmhg", "does not belong"),
        ({"kind": "blood_sugar"}, "/kind", "not a valid choice"),
        ({"observed_at": "2026-03-02T12:00:00"}, "/observed_at", "offset"),
        ({"observed_at": "1970-01-01T00:00:00Z"}, "/observed_at", "clock"),
        ({"observed_at": "2100-01-01T00:00:00Z"}, "/observed_at", "clock"),
        ({"client_id": "one"}, "/client_id", "UUID"),
        ({"client_seq": -1}, "/client_seq", "0"),
        ({"client_seq": 2**31}, "/client_seq", "2147483647"),
        ({"weight_kg": 70}, "/weight_kg", "not known"),
    ],
)
def test_what_cannot_be_a_reading_is_refused_and_explained(
    session: TreatmentSession, as_dan: APIClient, changed: dict[str, Any], pointer: str, said: str
) -> None:
    answer = send(as_dan, session, entry(**changed))
    assert answer.status_code == 400, answer.content
    found = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert said in found[pointer]
    assert not Observation.objects.exists()


@pytest.mark.parametrize("missing", ["kind", "client_id", "client_seq", "observed_at", "diastolic_mmhg"])
def test_what_is_missing_is_named(session: TreatmentSession, as_dan: APIClient, missing: str) -> None:
    body = entry()
    del body[missing]
    answer = send(as_dan, session, body)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{missing}"]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "heart_rate", "heart_rate_bpm": 64},
        {"kind": "oxygen_saturation", "oxygen_saturation_pct": 97},
        {"kind": "alertness", "alertness": "wakes_when_spoken_to"},
        {"kind": "comfort", "comfort": 0, "note": "under the blanket"},
        {"kind": "bathroom"},
        {"kind": "bathroom", "note": "She leaned on me."},
        {"kind": "guide_call"},
        {"kind": "note", "note": "Asked for water."},
    ],
)
def test_every_kind_can_be_stored(session: TreatmentSession, as_dan: APIClient, body: dict[str, Any]) -> None:
    answer = send(as_dan, session, numbered() | body)
    assert answer.status_code == 201, answer.content
    assert answer.json().items() >= body.items()


def test_how_far_away_somebody_feels_is_theirs_to_say(
    session: TreatmentSession, as_ada: APIClient, as_dan: APIClient, as_ben: APIClient
) -> None:
    rating = {"kind": "dissociation", "dissociation": 6}
    assert send(as_ada, session, numbered() | rating).json()["dissociation"] == 6
    for other in (as_dan, as_ben):
        answer = send(other, session, numbered() | rating)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
        assert "theirs alone to say" in answer.json()["detail"]
    assert Observation.objects.get().actor_id == str(session.enrollment.patient.user_id)
    lines = as_ben.get(f"/api/v1/sessions/{session.pk}/log").json()["lines"]
    rated = [line for line in lines if line["kind"] == "dissociation"]
    assert [(line["by"], line["content"]) for line in rated] == [("patient", {"dissociation": 6})]


def test_somebody_who_cannot_be_woken_raises_one_alert(session: TreatmentSession, as_dan: APIClient) -> None:
    body = entry(kind="alertness", alertness="cannot_be_woken")
    for name in ("systolic_mmhg", "diastolic_mmhg"):
        del body[name]
    assert [send(as_dan, session, body).status_code for _ in range(2)] == [201, 200]
    assert Alert.objects.get().alert_class == AlertClass.SERIOUS_EVENT


def test_an_emergency_is_heard_whatever_the_clock_says(session: TreatmentSession, as_dan: APIClient) -> None:
    body = {
        "kind": "alertness",
        "alertness": "cannot_be_woken",
        "client_id": str(uuid4()),
        "client_seq": 1,
        "observed_at": "1970-01-01T00:00:00Z",
    }
    assert send(as_dan, session, body).status_code == 201
    assert Alert.objects.count() == 1


def test_an_entry_kept_offline_is_taken_with_both_times(session: TreatmentSession, as_dan: APIClient) -> None:
    made = clock.now() - timedelta(hours=2)
    answer = send(as_dan, session, entry(observed_at=made.isoformat()))
    assert answer.status_code == 201
    stored = Observation.objects.get()
    assert (stored.observed_at, stored.received_at > made) == (made, True)


@pytest.mark.parametrize("status", ["cancelled", "missed", "aborted", "completed"])
def test_a_session_that_is_over_takes_no_more_entries(
    ada: Patient, at: datetime, as_ada: APIClient, status: str
) -> None:
    session = stages.reached(ada, status, at=at)
    before = Observation.objects.count()
    answer = send(as_ada, session, entry())
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_session_state")
    assert Observation.objects.count() == before


def test_a_check_in_is_stored_once(ada: Patient, at: datetime) -> None:
    session, _ = stages.started(ada, at=at)
    as_dan = by_link(stages.token_in_mail(session))
    body = {
        "client_id": str(uuid4()),
        "client_seq": 1,
        "observed_at": clock.now().isoformat(),
        "all_well": True,
    }
    answers = [send(as_dan, session, body, "check-ins") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    assert len(stages.open_due(session)) == 9
    assert CheckIn.objects.count() == 1
    assert not Alert.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_call_for_help_under_a_used_number_is_refused_and_heard(ada: Patient, at: datetime) -> None:
    session, _ = stages.started(ada, at=at)
    as_dan = by_link(stages.token_in_mail(session))
    body = {"client_id": str(uuid4()), "client_seq": 1, "observed_at": clock.now().isoformat()}
    path = f"/api/v1/sessions/{session.pk}/check-ins"
    as_dan.post(path, body | {"all_well": True}, format="json")
    answer = as_dan.post(path, body | {"all_well": False}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "entry_changed")
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["call_emergency"]
    assert CheckIn.objects.get().all_well
    assert Alert.objects.get().alert_class == AlertClass.SERIOUS_EVENT


@pytest.mark.parametrize("missing", ["all_well", "client_id", "client_seq", "observed_at"])
def test_a_check_in_says_everything(ada: Patient, at: datetime, missing: str) -> None:
    session, _ = stages.started(ada, at=at)
    body = {
        "client_id": str(uuid4()),
        "client_seq": 1,
        "observed_at": clock.now().isoformat(),
        "all_well": True,
    }
    del body[missing]
    answer = send(by_link(stages.token_in_mail(session)), session, body, "check-ins")
    assert answer.status_code == 400
    assert len(stages.open_due(session)) == 10


def test_a_clinician_does_not_check_in(session: TreatmentSession, as_ben: APIClient) -> None:
    answer = send(as_ben, session, {"all_well": True}, "check-ins")
    assert answer.status_code == 403


HELP: list[tuple[str, dict[str, Any]]] = [
    ("check-ins", {"all_well": False}),
    ("check-ins", {"all_well": "false", "client_seq": None}),
    ("check-ins", {"all_well": False, "observed_at": "2026-03-02T12:00:00"}),
    ("check-ins", {"all_well": False, "note": "come"}),
    ("observations", {"kind": "alertness", "alertness": "cannot_be_woken", "note": ""}),
    ("observations", {"kind": "alertness", "alertness": "cannot_be_woken", "comfort": None}),
    ("observations", {"alertness": "cannot_be_woken"}),
    ("observations", {"kind": "blood_pressure", "systolic_mmhg": 190}),
    ("observations", {"kind": "blood_pressure", "systolic_mmhg": " 190.0", "diastolic_mmhg": None}),
    ("observations", {"kind": "blood_pressure", "systolic_mmhg": 100, "diastolic_mmhg": 185}),
    ("observations", {"systolic_mmhg": 150, "diastolic_mmhg": 125}),
]


@pytest.mark.parametrize(("what", "said"), HELP)
@pytest.mark.parametrize("status", ["scheduled", "aborted"])
def test_a_call_for_help_is_heard_though_refused(
    ada: Patient, at: datetime, as_ada: APIClient, status: str, what: str, said: dict[str, Any]
) -> None:
    """Outside a session, and malformed: nothing is stored, somebody is called, and they are told whom to."""
    session = stages.reached(ada, status, at=at)
    before = Observation.objects.count()
    body = {"client_id": str(uuid4()), "client_seq": 1, "observed_at": clock.now().isoformat()} | said
    for _ in range(2):
        answer = as_ada.post(f"/api/v1/sessions/{session.pk}/{what}", body, format="json")
        assert answer.status_code in (400, 409), answer.content
        (reason,) = answer.json()["reasons"]
        assert (reason["code"], reason["detail"][:12]) == ("call_emergency", "Call 911 now")
    assert Alert.objects.get().alert_class == AlertClass.SERIOUS_EVENT
    assert (CheckIn.objects.count(), Observation.objects.count()) == (0, before)


NO_CRISIS: list[dict[str, Any]] = [
    {"systolic_mmhg": 179, "diastolic_mmhg": 119},
    {"systolic_mmhg": 1180, "diastolic_mmhg": 760},
    {"systolic_mmhg": 80, "diastolic_mmhg": 130},
    {"systolic_mmhg": "NaN", "diastolic_mmhg": True},
    {"systolic_mmhg": [190], "diastolic_mmhg": {"mmhg": 130}},
]


CALLS_NOBODY: list[dict[str, Any]] = [{"all_well": True}, {"all_well": None}, {}, {"alertness": "asleep"}]


@pytest.mark.parametrize("said", [*CALLS_NOBODY, *NO_CRISIS])
def test_a_refusal_that_calls_for_nobody_raises_nothing(
    session: TreatmentSession, as_dan: APIClient, said: dict[str, Any]
) -> None:
    for what in ("check-ins", "observations"):
        answer = send(as_dan, session, said, what)
        assert (answer.status_code, "reasons" in answer.json()) == (400, False)
    assert not Alert.objects.exists()


def test_a_stranger_calls_nobody_to_a_session(session: TreatmentSession, as_cyd: APIClient) -> None:
    assert send(as_cyd, session, {"all_well": False}, "check-ins").status_code == 404
    assert not Alert.objects.exists()
