"""POST /assessments/{id}/offline-submissions: filled in without a connection, and sent whole, later."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Patient, User
from assessments.models import Assessment, OfflineSubmission
from assessments.rules import OFFLINE_CONFLICTS, OfflineFacts, offline_conflict
from core import clock
from safety.models import Alert, ProgramResult
from safety.services import acknowledge
from tests.assessments.conftest import CALM_GAD7, CALM_PHQ9, answered, pointers, save, url
from tests.assessments.test_self_harm import close

DAY = timedelta(days=1)
ALARMING = CALM_PHQ9 | {"phq9_9": 1, "phq9_10": 0}


def told(client: APIClient, form: Assessment, filled_in: Any, **said: Any) -> Any:
    body = {
        "client_id": str(uuid4()),
        "filled_in_at": clock.now().isoformat(),
        "etag": '"v1"',
        "answers": filled_in,
    } | said
    # Inside a test's transaction a refusal undoes only that; where there is none, it is as in a request.
    with transaction.atomic() if connection.in_atomic_block else nullcontext():
        return client.post(f"{url(form)}/offline-submissions", body, format="json")


def stored(form: Assessment) -> tuple[bool, dict[str, int]]:
    form.refresh_from_db()
    return form.submitted_at is not None, form.answers


def reason(response: Any) -> str:
    problem = response.json()
    assert (response.status_code, problem["code"]) == (409, "offline_conflict"), problem
    return str(problem["reasons"][0]["code"])


# --- the rule ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored_answers", "is_same", "is_submitted", "could_be", "expected"),
    [
        ({}, True, False, True, ""),
        ({"a": 1}, True, False, True, ""),
        ({"a": 0, "b": 0}, True, False, True, ""),
        ({}, False, False, True, ""),
        ({"a": 0}, False, False, True, ""),
        ({"a": 1}, False, False, True, "changed_meanwhile"),
        ({"a": 0, "c": 0}, False, False, True, "changed_meanwhile"),
        ({}, True, False, False, "not_open"),
        ({"a": 1}, False, False, False, "not_open"),
        ({"a": 0, "b": 0}, False, True, False, ""),
        ({"a": 1, "b": 0}, True, True, True, "submitted_before"),
        ({"a": 0}, True, True, True, "submitted_before"),
    ],
)
def test_when_it_counts(
    stored_answers: dict[str, int], is_same: bool, is_submitted: bool, could_be: bool, expected: str
) -> None:
    facts = OfflineFacts(stored_answers, {"a": 0, "b": 0}, is_same, is_submitted, could_be)
    assert offline_conflict(facts) == expected


# --- it counts ---------------------------------------------------------------------------------------------


def test_it_is_submitted_and_scored(as_ada: APIClient, gad7: Assessment) -> None:
    response = told(as_ada, gad7, CALM_GAD7 | {"gad7_1": 3})
    assert (response.status_code, response.json()["status"]) == (200, "submitted"), response.content
    assert response.json()["scores"]["scales"][0]["value"] == 3
    (kept,) = as_ada.get(f"{url(gad7)}/offline-submissions").json()["results"]
    assert (kept["conflict"], kept["answers"]["gad7_1"]) == ("", 3)


def test_told_again_it_is_one_whatever_came_since(as_ada: APIClient, gad7: Assessment) -> None:
    said = {"client_id": str(uuid4()), "filled_in_at": clock.now().isoformat()}
    first, second = (told(as_ada, gad7, CALM_GAD7, **said) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["submitted_at"] == second.json()["submitted_at"]
    assert OfflineSubmission.objects.count() == 1
    other = told(as_ada, gad7, CALM_GAD7 | {"gad7_1": 1}, **said)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_an_answer_that_was_lost_costs_nothing(as_ada: APIClient, gad7: Assessment) -> None:
    assert answered(as_ada, gad7).status_code == 200
    assert told(as_ada, gad7, CALM_GAD7).status_code == 200


def test_filled_in_in_time_it_counts_late_and_goes_by_that_day(
    as_ada: APIClient, ada: Patient, phq9: Assessment, at: datetime, demo: None
) -> None:
    filled_in_at = clock.now()
    clock.advance_demo(by=phq9.closes_at - at + DAY)
    response = told(as_ada, phq9, CALM_PHQ9, filled_in_at=filled_in_at.isoformat())
    assert (response.status_code, response.json()["is_late"]) == (200, True), response.content
    assert set(ProgramResult.objects.filter(patient=ada).values_list("taken_at", flat=True)) == {filled_in_at}


def test_its_own_draft_whose_answer_was_lost_is_no_conflict(as_ada: APIClient, gad7: Assessment) -> None:
    save(as_ada, gad7, {"gad7_1": 0})
    assert told(as_ada, gad7, CALM_GAD7).status_code == 200


# --- it does not count, and is kept ------------------------------------------------------------------------


def changed(client: APIClient, form: Assessment) -> dict[str, Any]:
    save(client, form, {"phq9_1": 2})
    return {}


def submitted(client: APIClient, form: Assessment) -> dict[str, Any]:
    assert answered(client, form).status_code == 200
    return {}


def before_it_opened(client: APIClient, form: Assessment) -> dict[str, Any]:
    return {"filled_in_at": (form.opens_at - DAY).isoformat()}


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [(changed, "changed_meanwhile"), (submitted, "submitted_before"), (before_it_opened, "not_open")],
)
def test_nothing_is_lost_and_nothing_overwritten(
    as_ada: APIClient,
    as_ben: APIClient,
    phq9: Assessment,
    meanwhile: Callable[[APIClient, Assessment], dict[str, Any]],
    why: str,
) -> None:
    said = meanwhile(as_ada, phq9) | {"client_id": str(uuid4())}
    said.setdefault("filled_in_at", clock.now().isoformat())
    before = stored(phq9)
    response = told(as_ada, phq9, ALARMING, **said)
    assert reason(response) == why
    assert "crisis" in {each["code"] for each in response.json()["reasons"]}
    assert stored(phq9) == before
    alert = Alert.objects.get(alert_class="suicide_risk")
    for client in (as_ada, as_ben):
        (kept,) = client.get(f"{url(phq9)}/offline-submissions").json()["results"]
        assert (kept["conflict"], kept["answers"]) == (why, ALARMING)
    assert reason(told(as_ada, phq9, ALARMING, **said)) == why
    assert OfflineSubmission.objects.count() == 1
    assert Alert.objects.get(alert_class="suicide_risk").pk == alert.pk


def test_after_a_look_at_both_it_is_sent_again(as_ada: APIClient, phq9: Assessment) -> None:
    changed(as_ada, phq9)
    assert reason(told(as_ada, phq9, CALM_PHQ9)) == "changed_meanwhile"
    assert told(as_ada, phq9, CALM_PHQ9, etag='"v2"').status_code == 200
    assert [row.conflict for row in OfflineSubmission.objects.all()] == ["changed_meanwhile", ""]


# --- safety ------------------------------------------------------------------------------------------------


def test_what_it_says_calls_somebody_as_it_arrives(as_ada: APIClient, phq9: Assessment) -> None:
    response = told(as_ada, phq9, ALARMING)
    assert (response.status_code, response.json()["crisis"] is not None) == (200, True)
    phq9.refresh_from_db()
    assert phq9.safety_alert == Alert.objects.get(alert_class="suicide_risk")


@pytest.mark.parametrize("is_counted", [True, False])
def test_what_is_new_calls_again_whoever_has_the_draft_in_hand(
    as_ada: APIClient, ben: User, phq9: Assessment, is_counted: bool
) -> None:
    save(as_ada, phq9, ALARMING)
    alert = Alert.objects.get(alert_class="suicide_risk")
    acknowledge(alert, by=ben, at=clock.now())
    if not is_counted:
        save(as_ada, phq9, {"phq9_1": 2})
    worse = ALARMING | {"phq9_9": 3}
    assert told(as_ada, phq9, worse, etag='"v2"').status_code == (200 if is_counted else 409)
    alert.refresh_from_db()
    assert alert.status == "open"


def test_sent_anew_as_it_was_submitted_it_calls_again(as_ada: APIClient, ben: User, phq9: Assessment) -> None:
    assert told(as_ada, phq9, ALARMING).status_code == 200
    close(Alert.objects.get(alert_class="suicide_risk"), ben, clock.now())
    assert told(as_ada, phq9, ALARMING).status_code == 200
    assert Alert.objects.filter(alert_class="suicide_risk").exclude(status="closed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_ours_keeps_nobody_from_hearing_it(
    as_ada: APIClient, phq9: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("assessments.services.stored_scores", breaks)
    as_ada.raise_request_exception = False
    assert told(as_ada, phq9, ALARMING).status_code == 500
    assert not OfflineSubmission.objects.exists()
    assert Alert.objects.filter(alert_class="suicide_risk").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_loop_fills_nothing_and_is_heard(
    as_ada: APIClient, phq9: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assessments.services.KEPT_AT_MOST", 2)
    for _ in range(2):
        assert told(as_ada, phq9, CALM_PHQ9).status_code == 200
    refused = told(as_ada, phq9, ALARMING)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_kept")
    assert OfflineSubmission.objects.count() == 2
    assert Alert.objects.filter(alert_class="suicide_risk").count() == 1


def test_its_clinician_reads_what_does_not_count(as_ada: APIClient, ben: User, phq9: Assessment) -> None:
    assert told(as_ada, phq9, CALM_PHQ9).status_code == 200
    assert told(as_ada, phq9, ALARMING).status_code == 409
    client = Client()
    client.force_login(ben)
    page = client.get(f"/admin/assessments/assessment/{phq9.pk}/change/").content.decode()
    assert OFFLINE_CONFLICTS["submitted_before"] in page


def test_a_refused_one_is_heard_too(as_ada: APIClient, phq9: Assessment) -> None:
    response = told(as_ada, phq9, ALARMING, filled_in_at="yesterday")
    assert response.status_code == 400
    assert Alert.objects.filter(alert_class="suicide_risk").count() == 1


# --- refused -----------------------------------------------------------------------------------------------


def test_what_is_missing_is_named_and_nothing_is_stored(as_ada: APIClient, gad7: Assessment) -> None:
    response = told(as_ada, gad7, {key: 0 for key in CALM_GAD7 if key != "gad7_3"})
    assert (response.status_code, pointers(response)) == (422, ["/answers/gad7_3"])
    assert not OfflineSubmission.objects.exists()
    assert stored(gad7) == (False, {})


@pytest.mark.parametrize(
    "said",
    [
        {"client_id": "no-uuid"},
        {"client_id": None},
        {"filled_in_at": "2026-03-02T15:00:00"},
        {"filled_in_at": "2999-01-01T00:00:00Z"},
        {"etag": "v1"},
        {"etag": '"v99999999999"'},
        {"answers": {}},
        {"answers": {"gad7_1": None}},
        {"answers": {"gad7_1": 9}},
        {"answers": {"phq9_9": 0}},
        {"answers": [1]},
        {"more": 1},
    ],
)
def test_what_is_no_form_is_refused(as_ada: APIClient, gad7: Assessment, said: dict[str, Any]) -> None:
    assert told(as_ada, gad7, CALM_GAD7, **said).status_code == 400
    assert not OfflineSubmission.objects.exists()


def test_only_its_patient_sends_it(as_cyd: APIClient, as_ben: APIClient, gad7: Assessment) -> None:
    assert told(as_cyd, gad7, CALM_GAD7).status_code == 404
    assert told(as_ben, gad7, CALM_GAD7).status_code == 403
    assert as_cyd.get(f"{url(gad7)}/offline-submissions").status_code == 404


def test_the_database_keeps_it_as_it_came(as_ada: APIClient, gad7: Assessment) -> None:
    told(as_ada, gad7, CALM_GAD7)
    row = OfflineSubmission.objects.get()
    row.pk = uuid4()
    with pytest.raises(IntegrityError, match="offline_submission_taken_once"), transaction.atomic():
        row.save(force_insert=True)
    row.client_id, row.conflict = uuid4(), "lost"
    with pytest.raises(IntegrityError, match="offline_submission_conflict_is_known"), transaction.atomic():
        row.save(force_insert=True)
    kept = OfflineSubmission._meta.get_field("conflict").max_length or 0
    assert max(map(len, OFFLINE_CONFLICTS)) <= kept
    with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("UPDATE assessments_offlinesubmission SET answers = '{}'")
