"""Expected effects: asked after each session, no event until a clinician says so, and no page for a tick."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from accounts.models import Patient
from desk.queries import standing
from desk.rules import next_step
from safety.models import AdverseEvent, Alert, Hold
from sessions.enums import ExpectedEffect
from sessions.models import EffectsChecklist, EffectsTriage, TreatmentSession
from tests.api import post
from tests.sessions import stages
from tests.sessions.conftest import by_link

pytestmark = pytest.mark.django_db

SICK = {"answers": {"nausea": "yes", "dizziness": "no"}}
EXPECTED = {"outcome": "expected", "reason": "Passed within the hour."}
HARM = {
    "outcome": "adverse_event",
    "reason": "It went on for a day.",
    "description": "Threw up all day.",
    "answers": dict.fromkeys(
        (
            "death",
            "life_threatening",
            "hospitalisation",
            "disability",
            "congenital_anomaly",
            "important_medical_event",
        ),
        "no",
    ),
}


@pytest.fixture
def dosed(ada: Patient, at: datetime) -> TreatmentSession:
    """Ada took her dose, Dan is with her."""
    return stages.dosed(ada, at=at)[0]


@pytest.fixture
def dan(dosed: TreatmentSession) -> APIClient:
    """The monitor's phone."""
    return by_link(stages.token_in_mail(dosed))


def note(client: APIClient, session: TreatmentSession, body: dict[str, Any]) -> Any:
    return post(client, f"sessions/{session.pk}/effects", body)


def triage(client: APIClient, checklist: str, body: dict[str, Any]) -> Any:
    return post(client, f"effects/{checklist}/triages", body)


@pytest.fixture
def ticked(dosed: TreatmentSession, dan: APIClient) -> str:
    """Dan says that Ada was sick."""
    noted = note(dan, dosed, SICK)
    assert noted.status_code == 201, noted.content
    return str(noted.json()["id"])


def test_what_is_not_answered_is_unknown_and_nobody_is_called(ticked: str) -> None:
    checklist = EffectsChecklist.objects.get(pk=ticked)
    assert set(checklist.answers) == set(ExpectedEffect.values)
    said = {effect: checklist.answers[effect] for effect in ("nausea", "dizziness", "headache")}
    assert said == {"nausea": "yes", "dizziness": "no", "headache": "unknown"}
    assert not Alert.objects.exists()
    assert not AdverseEvent.objects.exists()


def test_they_are_due_after_each_dosed_session_until_somebody_has_said_them(
    ada: Patient, as_ada: APIClient, at: datetime
) -> None:
    session, _ = stages.ended(ada, at=at - timedelta(days=2))
    path, enrollment = f"/api/v1/sessions/{session.pk}", session.enrollment
    assert "note_effects" in as_ada.get(path).json()["next_actions"]
    stages.at_home(stages.fetch(session), at=at)
    step = next_step(standing(enrollment, at=at))
    assert (step.code, step.link, step.who) == ("note_effects", f"{path}/effects", "patient")
    assert note(as_ada, session, SICK).status_code == 201
    assert "note_effects" not in as_ada.get(path).json()["next_actions"]
    assert next_step(standing(enrollment, at=at)).code != "note_effects"


def test_nobody_is_asked_for_them_while_it_runs_or_without_a_dose(
    ada: Patient, as_ada: APIClient, at: datetime
) -> None:
    session = stages.reached(ada, "aborted", at=at)
    assert "note_effects" not in as_ada.get(f"/api/v1/sessions/{session.pk}").json()["next_actions"]
    assert next_step(standing(session.enrollment, at=at)).code != "note_effects"


def test_other_words_call_for_triage(dosed: TreatmentSession, as_ada: APIClient, ben: Any) -> None:
    assert note(as_ada, dosed, {"other": "My chest hurts."}).status_code == 201
    assert Alert.objects.get().alert_class == "adverse_event"
    assert EffectsChecklist.objects.get().alert == Alert.objects.get()


def test_the_patient_and_the_clinician_can_say_it_too(
    dosed: TreatmentSession, as_ada: APIClient, as_ben: APIClient
) -> None:
    for client in (as_ada, as_ben):
        assert note(client, dosed, SICK).status_code == 201
        assert len(client.get(f"/api/v1/sessions/{dosed.pk}/effects").json()["results"]) > 0


def test_a_stranger_cannot(dosed: TreatmentSession, as_cyd: APIClient) -> None:
    assert note(as_cyd, dosed, SICK).status_code == 404


def test_without_a_dose_there_are_none(ada: Patient, as_ada: APIClient, at: datetime) -> None:
    answer = note(as_ada, stages.booked(ada, at=at), SICK)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_dosed")


@pytest.mark.parametrize(
    "body",
    [
        {"answers": {"levitation": "yes"}},
        {"answers": {"nausea": "somewhat"}},
        {"answers": {"nausea": True}},
        {"answers": ["nausea"]},
        {"other": "x" * 20_001},
        {"nausea": "yes"},
    ],
)
def test_malformed(body: dict[str, Any], dosed: TreatmentSession, dan: APIClient) -> None:
    assert note(dan, dosed, body).status_code == 400
    assert not EffectsChecklist.objects.exists()


def waiting(client: APIClient) -> list[str]:
    return [row["id"] for row in client.get("/api/v1/effects-to-triage").json()["results"]]


def test_what_was_expected_ends_there(ticked: str, dan: APIClient, as_ben: APIClient) -> None:
    assert waiting(as_ben) == [ticked]
    assert triage(as_ben, ticked, EXPECTED).json().items() >= {"outcome": "expected", "event": None}.items()
    assert waiting(as_ben) == []
    assert not AdverseEvent.objects.exists()


def test_nothing_ticked_waits_for_nobody(dosed: TreatmentSession, dan: APIClient, as_ben: APIClient) -> None:
    note(dan, dosed, {"answers": dict.fromkeys(ExpectedEffect.values, "no")})
    assert waiting(as_ben) == []


def test_harm_becomes_an_event_that_was_asked_for(
    ticked: str, dosed: TreatmentSession, as_ben: APIClient
) -> None:
    done = triage(as_ben, ticked, HARM)
    assert done.status_code == 201, done.content
    event = AdverseEvent.objects.get()
    assert done.json()["event"] == str(event.pk)
    assert (event.is_serious, event.ascertainment) == (False, "asked")
    assert event.session_link.session_id == dosed.pk
    assert not Hold.objects.exists()


def test_harm_without_a_no_counts_as_serious(ticked: str, as_ben: APIClient) -> None:
    triage(as_ben, ticked, HARM | {"answers": {"death": "no"}})
    assert AdverseEvent.objects.get().is_serious
    assert Hold.objects.get().lifted_at is None


def test_once(ticked: str, as_ben: APIClient) -> None:
    triage(as_ben, ticked, EXPECTED)
    answer = triage(as_ben, ticked, HARM)
    assert (answer.status_code, answer.json()["code"]) == (409, "already_triaged")
    assert not AdverseEvent.objects.exists()


def test_only_by_ones_clinician(ticked: str, as_ada: APIClient, as_cyd: APIClient, dan: APIClient) -> None:
    for client in (as_ada, as_cyd, dan):
        assert triage(client, ticked, EXPECTED).status_code == 403
    assert not EffectsTriage.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"outcome": "expected"},
        {"outcome": "nothing", "reason": "x"},
        EXPECTED | {"description": "x"},
        HARM | {"description": ""},
        HARM | {"answers": {"boredom": "no"}},
        HARM | {"answers": {"death": "perhaps"}},
    ],
)
def test_malformed_triage(body: dict[str, Any], ticked: str, as_ben: APIClient) -> None:
    assert triage(as_ben, ticked, body).status_code == 400
    assert not EffectsTriage.objects.exists()


ATTACKS = (
    ("effects_other_words_mean_alert", "INSERT INTO {0} SELECT actor_kind, actor_id, gen_random_uuid(),"
     " answers, 'x', given_at, NULL, session_id FROM {0}"),
    ("permission denied", "UPDATE {0} SET answers = '{{}}'"),
    ("permission denied", "DELETE FROM {0}"),
)  # fmt: skip


@pytest.mark.parametrize(("match", "sql"), ATTACKS)
def test_sql_cannot_either(match: str, sql: str, ticked: str) -> None:
    with pytest.raises(DatabaseError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format("treatment_sessions_effectschecklist"))
