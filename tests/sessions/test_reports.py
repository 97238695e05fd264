"""Reports of harm: whatever is wrong with one, it is recorded and somebody is called."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import CareTeamMembership, Patient, User
from accounts.services import grant_role
from core.idempotency import idempotent
from programs import services as programs
from safety.enums import AlertClass, Seriousness
from safety.models import AdverseEvent, Alert, Hold
from sessions.models import SessionEventLink, TreatmentSession
from sessions.views.reports import AdverseEvents
from tests import steps
from tests.api import post
from tests.conftest import make_user
from tests.sessions import stages
from tests.sessions.conftest import ClientOf, by_link

WORDS = {"description": "She is not well at all."}


def report(client: APIClient, body: dict[str, Any]) -> Any:
    return post(client, "adverse-events", body)


@pytest.mark.parametrize(
    ("answers", "kept", "serious"),
    [
        (dict.fromkeys(Seriousness.values, "no"), "", False),
        (dict.fromkeys(Seriousness.values, False), "", False),
        ({"death": "no"}, "", True),
        (dict.fromkeys(Seriousness.values, "no") | {"disability": "unknown"}, "", True),
        (dict.fromkeys(Seriousness.values, "no") | {"disability": None}, "", True),
        (dict.fromkeys(Seriousness.values, "no") | {"disability": "a bit"}, "a bit", True),
        (dict.fromkeys(Seriousness.values, "no") | {"boredom": "no"}, "answers.boredom", True),
        ("no", "[answers, as it was given: no]", True),
        (["no"], "no", True),
    ],
)
def test_the_closed_questions(
    session: TreatmentSession, as_dan: APIClient, answers: Any, kept: str, serious: bool
) -> None:
    answer = report(as_dan, WORDS | {"answers": answers})
    assert answer.status_code == 201, answer.content
    event = AdverseEvent.objects.get()
    assert (event.is_serious, kept in event.description) == (serious, True)
    assert ("partly_unreadable" in answer.json()["flags"]) == bool(kept)


def test_a_yes_is_a_criterion(session: TreatmentSession, as_dan: APIClient) -> None:
    body = report(as_dan, WORDS | {"is_serious": "no", "answers": {"hospitalisation": "yes"}}).json()
    assert body.items() >= {"is_serious": True, "seriousness": ["hospitalisation"]}.items()
    assert body["answers"] == {"hospitalisation": True}


def test_gaps_are_named(session: TreatmentSession, as_dan: APIClient) -> None:
    assert report(as_dan, {}).json()["flags"] == ["no_words", "no_onset", "seriousness_open"]


EMOJI = "\N{FACE SCREAMING IN FEAR}" * 50_000


@pytest.mark.parametrize("escaped", [False, True])
def test_fifty_thousand_emoji_are_recorded_flagged_and_escalated(
    session: TreatmentSession, as_dan: APIClient, escaped: bool
) -> None:
    """200 kB as UTF-8; 600 kB where a phone escapes each as two units of UTF-16."""
    sent = json.dumps({"description": EMOJI}, ensure_ascii=escaped)
    key = {"Idempotency-Key": str(uuid4())}
    answer = as_dan.post(
        "/api/v1/adverse-events", sent.encode(), content_type="application/json", headers=key
    )
    assert answer.status_code == 201, answer.content[:500]
    assert answer.json()["flags"] == ["no_onset", "seriousness_open"]
    event = AdverseEvent.objects.get()
    assert event.description == EMOJI
    assert (event.alert.alert_class, event.alert.pages_sent) == (AlertClass.SERIOUS_EVENT, 1)
    assert answer.json()["treatment_is_held"]


def test_a_report_beyond_all_reason_is_too_large(session: TreatmentSession, as_dan: APIClient) -> None:
    assert report(as_dan, {"description": "a" * 2**20}).status_code == 413


def test_a_line_of_the_log_names_its_session(ada: Patient, as_ada: APIClient, at: datetime) -> None:
    session, _ = stages.dosed(ada, at=at)
    line = session.observations.first()
    assert line is not None
    body = report(as_ada, WORDS | {"observation": str(line.pk)}).json()
    assert (body["session"], body["observation"]) == (str(session.pk), str(line.pk))


def test_a_line_of_somebody_elses_log_is_kept_as_words(
    ada: Patient, cyd: Patient, as_cyd: APIClient, at: datetime
) -> None:
    session, _ = stages.dosed(ada, at=at)
    line = session.observations.first()
    assert line is not None
    body = report(as_cyd, WORDS | {"observation": str(line.pk)}).json()
    assert (body["session"], body["observation"]) == (None, None)
    assert f"[observation, as it was given: {line.pk}]" in body["description"]
    assert AdverseEvent.objects.get().patient == cyd


@pytest.fixture
def gus(ada: Patient, at: datetime) -> User:
    """Ada's guide."""
    guide = make_user("gus@clinic.example")
    grant_role(guide, Role.GUIDE, granted_by=None, at=at - timedelta(days=9))
    CareTeamMembership.objects.create(
        patient=ada, member=guide, role=Role.GUIDE, starts_at=at - timedelta(days=9)
    )
    return guide


def test_a_guide_reports_for_whom_they_guide(
    session: TreatmentSession, gus: User, client_of: ClientOf
) -> None:
    as_gus = client_of(gus)
    answer = report(as_gus, WORDS | {"enrollment": str(session.enrollment_id)})
    assert (answer.status_code, answer.json()["treatment_is_held"]) == (201, True), answer.content
    assert AdverseEvent.objects.get().patient_id == session.enrollment.patient_id
    assert as_gus.get(answer["Location"]).status_code == 200


def test_a_guide_reads_no_report_of_others_and_reports_for_nobody_else(
    session: TreatmentSession, gus: User, as_ada: APIClient, cyd: Patient, client_of: ClientOf, at: datetime
) -> None:
    theirs = report(as_ada, WORDS)
    assert client_of(gus).get(theirs["Location"]).status_code == 404
    others = steps.active(cyd, at=at)
    assert report(client_of(gus), WORDS | {"enrollment": str(others.pk)}).status_code == 404


def test_words_alone_are_enough_and_count_as_serious(session: TreatmentSession, as_dan: APIClient) -> None:
    answer = report(as_dan, WORDS)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body.items() >= {"is_serious": True, "treatment_is_held": True, "session": str(session.pk)}.items()
    assert answer["Location"] == f"/api/v1/adverse-events/{body['id']}"
    event = AdverseEvent.objects.get()
    assert event.patient_id == session.enrollment.patient_id
    assert Alert.objects.get().alert_class == AlertClass.SERIOUS_EVENT
    assert Hold.objects.get().lifted_at is None
    assert SessionEventLink.objects.get().session_id == session.pk


def test_an_event_that_was_not_serious_waits_for_triage(session: TreatmentSession, as_dan: APIClient) -> None:
    body = WORDS | {
        "is_serious": "no",
        "grade": 1,
        "ascertainment": "observed",
        "onset_at": "2026-03-02T12:40:00-05:00",
        "action_taken": "A glass of water.",
    }
    answer = report(as_dan, body)
    assert answer.json().items() >= {"is_serious": False, "treatment_is_held": False, "grade": 1}.items()
    event = AdverseEvent.objects.get()
    assert event.onset_at == datetime(2026, 3, 2, 17, 40, tzinfo=UTC)
    assert (event.ascertainment, event.action_taken) == ("observed", "A glass of water.")
    assert Alert.objects.get().alert_class == AlertClass.ADVERSE_EVENT


@pytest.mark.parametrize(
    ("said", "kept", "serious"),
    [
        ({"onset_at": "yesterday evening"}, "onset_at, as it was given: yesterday evening", True),
        ({"onset_at": "2026-03-02T12:40:00"}, "2026-03-02T12:40:00", True),
        ({"onset_at": "9999-12-31T23:59:59-23:59"}, "9999-12-31", True),
        ({"onset_at": 5}, "onset_at, as it was given: 5", True),
        ({"ended_at": False}, "ended_at, as it was given: False", True),
        ({"grade": "bad"}, "grade, as it was given: bad", True),
        ({"grade": 6, "is_serious": "no"}, "grade, as it was given: 6", True),
        ({"grade": True, "is_serious": "no"}, "grade, as it was given: True", True),
        ({"grade": 2.5, "is_serious": "no"}, "grade, as it was given: 2.5", True),
        ({"grade": "five", "is_serious": "no"}, "grade, as it was given: five", True),
        ({"grade": "inf", "is_serious": "no"}, "grade, as it was given: inf", True),
        ({"onset_at": "at noon", "is_serious": "no"}, "onset_at, as it was given: at noon", True),
        ({"is_serious": "I think so"}, "is_serious, as it was given: I think so", True),
        ({"is_serious": 0}, "is_serious, as it was given: 0", True),
        ({"seriousness": ["coma"], "is_serious": "no"}, "seriousness, as it was given: coma", True),
        ({"seriousness": [7], "is_serious": False}, "seriousness, as it was given: 7", True),
        ({"ascertainment": "telepathy", "is_serious": False}, "telepathy", True),
    ],
)
def test_what_cannot_be_read_is_kept_beside_the_words(
    session: TreatmentSession, as_dan: APIClient, said: dict[str, Any], kept: str, serious: bool
) -> None:
    answer = report(as_dan, WORDS | said)
    assert answer.status_code == 201, answer.content
    event = AdverseEvent.objects.get()
    assert event.description.startswith(WORDS["description"])
    assert kept in event.description
    assert event.is_serious is serious


@pytest.mark.parametrize(
    ("said", "serious"),
    [
        ({"is_serious": "no"}, False),
        ({"is_serious": False}, False),
        ({"is_serious": "yes"}, True),
        ({"is_serious": "unknown"}, True),
        ({"is_serious": None}, True),
        ({"is_serious": ""}, True),
        ({"is_serious": "no", "grade": 4}, True),
        ({"is_serious": "no", "grade": "5"}, True),
        ({"is_serious": "no", "grade": 5.0}, True),
        ({"is_serious": "no", "grade": "2"}, False),
        ({"is_serious": "no", "seriousness": ["hospitalisation"]}, True),
    ],
)
def test_without_a_no_it_is_serious(
    session: TreatmentSession, as_dan: APIClient, said: dict[str, Any], serious: bool
) -> None:
    report(as_dan, WORDS | said)
    event = AdverseEvent.objects.get()
    assert event.is_serious is serious
    assert event.description == WORDS["description"]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({}, ""),
        ({"description": ""}, ""),
        ({"description": None}, ""),
        ({"description": ["She is not well."]}, "She is not well."),
        (WORDS | {"grade": [1]}, "[grade, as it was given: [1]]"),
        (WORDS | {"onset_at": {"day": 1}}, "onset_at"),
        (WORDS | {"seriousness": "coma"}, "[seriousness, as it was given: coma]"),
        (WORDS | {"seriousness": "death"}, ""),
        (WORDS | {"seriousness": None, "action_taken": None}, ""),
        (WORDS | {"seriousness": [["coma"]]}, "coma"),
        (WORDS | {"action_taken": 5}, "[action_taken, as it was given: 5]"),
        (WORDS | {"session": "mine"}, "[session, as it was given: mine]"),
        (WORDS | {"session": ["mine"]}, "mine"),
        (WORDS | {"severity": 1, "is_serious": "no"}, "[severity, as it was given: 1]"),
    ],
)
def test_no_report_is_refused_for_its_form(
    session: TreatmentSession, as_dan: APIClient, body: dict[str, Any], kept: str
) -> None:
    answer = report(as_dan, body)
    assert (answer.status_code, answer.json()["session"]) == (201, str(session.pk)), answer.content
    event = AdverseEvent.objects.get()
    assert kept in event.description
    assert event.is_serious


def test_what_is_no_object_is_a_400(session: TreatmentSession, as_dan: APIClient) -> None:
    assert report(as_dan, ["She is not well."]).status_code == 400  # type: ignore[arg-type]
    assert not AdverseEvent.objects.exists()


@pytest.mark.parametrize("status", ["scheduled", "in_progress", "recovering", "completed", "cancelled"])
def test_harm_is_reported_in_every_state(ada: Patient, at: datetime, as_ada: APIClient, status: str) -> None:
    session = stages.reached(ada, status, at=at)
    assert report(as_ada, WORDS | {"session": str(session.pk)}).status_code == 201


def test_harm_is_reported_after_leaving(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    enrollment = steps.active(ada, at=at)
    programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
    answer = report(as_ada, WORDS)
    assert (answer.status_code, answer.json()["session"]) == (201, None)


def test_harm_is_reported_without_any_program(ada: Patient, as_ada: APIClient) -> None:
    assert report(as_ada, WORDS).status_code == 201
    assert AdverseEvent.objects.get().patient_id == ada.pk


def test_a_clinician_says_whose_chart_it_belongs_to(session: TreatmentSession, as_ben: APIClient) -> None:
    answer = report(as_ben, WORDS)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/enrollment")
    for named in ({"session": str(session.pk)}, {"enrollment": str(session.enrollment_id)}):
        assert report(as_ben, WORDS | named).status_code == 201
    assert {event.patient_id for event in AdverseEvent.objects.all()} == {session.enrollment.patient_id}


def test_a_strangers_chart_is_not_reported_into_but_the_words_are_kept(
    session: TreatmentSession, as_cyd: APIClient, cyd: Patient
) -> None:
    for name, named in (("session", session.pk), ("enrollment", session.enrollment_id)):
        answer = report(as_cyd, WORDS | {name: str(named)})
        assert (answer.status_code, answer.json()["session"]) == (201, None)
        event = AdverseEvent.objects.latest("id")
        assert event.patient_id == cyd.pk
        assert f"[{name}, as it was given: {named}]" in event.description


def test_who_has_no_chart_reports_into_none_they_may_not_see(
    session: TreatmentSession, as_ben: APIClient, cyd: Patient, at: datetime
) -> None:
    care = CareTeamMembership.objects.filter(patient=session.enrollment.patient)
    care.update(ends_at=at + timedelta(microseconds=1))
    for named in ({"session": str(session.pk)}, {"enrollment": str(session.enrollment_id)}):
        assert report(as_ben, WORDS | named).status_code == 404
    assert not AdverseEvent.objects.exists()


def test_a_link_reports_into_its_own_session_alone(
    session: TreatmentSession, as_dan: APIClient, cyd: Patient, at: datetime
) -> None:
    others = stages.booked(cyd, at=at)
    answer = report(as_dan, WORDS | {"session": str(others.pk)})
    assert (answer.status_code, answer.json()["session"]) == (201, str(session.pk))
    assert AdverseEvent.objects.get().patient_id == session.enrollment.patient_id


def test_a_report_is_read_by_whoever_it_concerns(
    session: TreatmentSession, as_dan: APIClient, as_ada: APIClient, as_ben: APIClient, as_cyd: APIClient
) -> None:
    path = f"/api/v1/adverse-events/{report(as_dan, WORDS).json()['id']}"
    for client in (as_dan, as_ada, as_ben):
        assert client.get(path).json()["description"] == WORDS["description"]
    assert as_cyd.get(path).status_code == 404


def test_a_link_does_not_read_what_others_reported(
    session: TreatmentSession, as_dan: APIClient, as_ada: APIClient
) -> None:
    answer = report(as_ada, WORDS | {"session": str(session.pk)})
    assert as_dan.get(f"/api/v1/adverse-events/{answer.json()['id']}").status_code == 404


def test_a_report_sent_twice_is_one_report(session: TreatmentSession, as_dan: APIClient) -> None:
    answers = [post(as_dan, "adverse-events", WORDS, key="one") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert AdverseEvent.objects.count() == 1


def test_the_link_still_reports_an_hour_after_the_end(ada: Patient, at: datetime) -> None:
    session, _ = stages.ended(ada, at=at - timedelta(hours=1))
    assert report(by_link(stages.token_in_mail(session)), WORDS).status_code == 201


def report_with(client: APIClient, body: dict[str, Any], **headers: str) -> Any:
    return client.post("/api/v1/adverse-events", body, format="json", headers=headers)


def test_a_report_needs_no_key(session: TreatmentSession, as_dan: APIClient) -> None:
    assert report_with(as_dan, WORDS).status_code == 201
    assert AdverseEvent.objects.count() == Alert.objects.count() == Hold.objects.count() == 1


def test_other_words_under_a_used_key_are_a_new_report(session: TreatmentSession, as_dan: APIClient) -> None:
    for words in ("She is not well.", "She cannot be woken.", "She is not well."):
        assert post(as_dan, "adverse-events", {"description": words}, key="one").status_code == 201
    said = AdverseEvent.objects.order_by("id").values_list("description", flat=True)
    assert list(said) == ["She is not well.", "She cannot be woken."]


@pytest.mark.parametrize("key", ["x" * 101, "k" * 7000, "tab\there", "clé", "\x7f"])
def test_a_report_with_an_unusable_key_is_taken_once(
    session: TreatmentSession, as_dan: APIClient, key: str
) -> None:
    answers = [report_with(as_dan, WORDS, **{"Idempotency-Key": key}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert AdverseEvent.objects.count() == 1


@pytest.mark.parametrize(("key", "code"), [("", 428), ("x" * 101, 400), ("one", 422)])
def test_twin_with_the_ordinary_key_the_report_is_lost(
    session: TreatmentSession,
    as_dan: APIClient,
    key: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(AdverseEvents, "post", idempotent(AdverseEvents.post.__wrapped__))  # type: ignore[attr-defined]
    post(as_dan, "adverse-events", {"description": "She feels sick."}, key="one")
    headers = {"Idempotency-Key": key} if key else {}
    assert report_with(as_dan, WORDS, **headers).status_code == code
    assert AdverseEvent.objects.count() == 1
