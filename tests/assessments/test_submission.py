"""POST /assessments/{id}/submit: complete, once, scored."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from assessments.instruments import instruments
from assessments.models import Assessment
from core import clock
from notifications.enums import DeliveryStatus
from notifications.models import Delivery
from programs import services as programs
from programs.models import Enrollment
from tests.assessments.conftest import (
    CALM,
    CALM_GAD7,
    CALM_PHQ9,
    NO_CLIENTS_CBI,
    SIGNED_IN,
    answered,
    capture,
    pointers,
    save,
    statements,
    submit,
    url,
    without_id,
)
from tests.conftest import make_user


def test_a_complete_form_is_scored(as_ada: APIClient, gad7: Assessment) -> None:
    response = answered(as_ada, gad7, gad7_1=3, gad7_2=3)
    (total,) = response.json()["scores"]["scales"]
    assert (response.status_code, response.json()["status"]) == (200, "submitted")
    assert (total["key"], total["value"], total["band"]) == ("total", 6, "mild")
    assert (total["complete"], total["missing"], total["reason"]) == (True, [], None)


def test_scores_are_stored_with_the_exact_instrument(as_ada: APIClient, gad7: Assessment) -> None:
    response = answered(as_ada, gad7)
    gad7.refresh_from_db()
    assert gad7.scores == response.json()["scores"]
    assert gad7.scores is not None
    assert (gad7.scores["instrument"], gad7.scores["version"]) == ("gad7", gad7.instrument_version)
    assert gad7.scores["content_sha256"] == instruments()["gad7"].content_sha256


def test_the_answer_names_the_new_version(as_ada: APIClient, gad7: Assessment) -> None:
    assert answered(as_ada, gad7)["ETag"] == '"v3"'


def test_a_submission_after_it_was_due_is_kept_and_flagged(
    as_ada: APIClient, gad7: Assessment, demo: None
) -> None:
    clock.advance_demo(by=timedelta(days=4))
    response = answered(as_ada, gad7)
    assert (response.status_code, response.json()["is_late"]) == (200, True)


def test_the_same_key_gets_the_same_answer(as_ada: APIClient, gad7: Assessment) -> None:
    save(as_ada, gad7, CALM_GAD7)
    first, second = (submit(as_ada, gad7, key="once") for _ in range(2))
    gad7.refresh_from_db()
    assert (first.status_code, second.status_code) == (200, 200)
    assert (first.content, first["ETag"]) == (second.content, second["ETag"])
    assert gad7.version == 3


def test_phq9_of_nothing_needs_no_tenth_answer(as_ada: APIClient, phq9: Assessment) -> None:
    response = answered(as_ada, phq9)
    assert response.json()["scores"]["scales"][0]["value"] == 0


def test_phq9_with_its_tenth_answer_is_taken(as_ada: APIClient, phq9: Assessment) -> None:
    response = answered(as_ada, phq9, phq9_1=1, phq9_10=2)
    assert response.json()["scores"]["scales"][0]["value"] == 1


def test_without_client_contact_the_client_scale_has_no_value(as_ada: APIClient, cbi: Assessment) -> None:
    response = answered(as_ada, cbi)
    scales = {scale["key"]: scale for scale in response.json()["scores"]["scales"]}
    assert (scales["client"]["value"], scales["client"]["reason"]) == (None, "not_applicable")
    assert (scales["personal"]["value"], scales["work"]["value"]) == (50, 50)


def test_a_mean_of_what_was_answered_is_kept_to_three_decimals(as_ada: APIClient, cbi: Assessment) -> None:
    gaps = {"cbi_personal_tired": None, "cbi_personal_body": None, "cbi_personal_ill": None}
    save(as_ada, cbi, NO_CLIENTS_CBI | gaps | {"cbi_personal_feelings": 0})
    scales = {scale["key"]: scale for scale in submit(as_ada, cbi).json()["scores"]["scales"]}
    assert (scales["personal"]["value"], scales["personal"]["complete"]) == (33.333, False)
    assert scales["personal"]["missing"] == list(gaps)


def test_the_reminder_stands_until_the_whole_set_is_in(
    as_ada: APIClient, phq9: Assessment, gad7: Assessment, cbi: Assessment, reminder: Delivery
) -> None:
    answered(as_ada, phq9)
    answered(as_ada, gad7)
    reminder.refresh_from_db()
    assert reminder.status == DeliveryStatus.DUE


def test_with_the_whole_set_in_the_reminder_is_called_back(
    as_ada: APIClient, phq9: Assessment, gad7: Assessment, cbi: Assessment, reminder: Delivery
) -> None:
    for assessment in (phq9, gad7, cbi):
        assert answered(as_ada, assessment).status_code == 200
    reminder.refresh_from_db()
    assert reminder.status == DeliveryStatus.CANCELLED


@pytest.fixture
def reminder(enrollment: Enrollment) -> Delivery:
    return Delivery.objects.get(dedupe_key=f"assessments:{enrollment.pk}:0:v1:0")


# Refused


@pytest.mark.parametrize(
    ("answers", "missing"),
    [
        ({}, list(CALM_PHQ9)),
        (CALM_PHQ9 | {"phq9_9": None}, ["phq9_9"]),
        (CALM_PHQ9 | {"phq9_2": None, "phq9_5": None}, ["phq9_2", "phq9_5"]),
        (CALM_PHQ9 | {"phq9_1": 1}, ["phq9_10"]),
        (CALM_PHQ9 | {"phq9_1": 1, "phq9_3": None}, ["phq9_3", "phq9_10"]),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_submitted(
    as_ada: APIClient, phq9: Assessment, answers: dict[str, int | None], missing: list[str]
) -> None:
    if answers:
        save(as_ada, phq9, answers)
    response = submit(as_ada, phq9)
    phq9.refresh_from_db()
    assert (response.status_code, response.json()["code"]) == (422, "answers_missing")
    assert pointers(response) == [f"/answers/{item}" for item in missing]
    assert (phq9.submitted_at, phq9.scores) == (None, None)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"cbi_gate_clients": None}, ["cbi_gate_clients"]),
        (
            {"cbi_gate_clients": 1, "cbi_client_hard": 50, "cbi_client_give": 0},
            ["cbi_client_frustration", "cbi_client_drain", "cbi_client_weary", "cbi_client_how_long"],
        ),
    ],
)
def test_the_gate_before_the_client_scale_is_asked_and_then_the_scale(
    as_ada: APIClient, cbi: Assessment, changes: dict[str, int | None], missing: list[str]
) -> None:
    save(as_ada, cbi, NO_CLIENTS_CBI | changes)
    response = submit(as_ada, cbi)
    assert (response.status_code, pointers(response)) == (422, [f"/answers/{item}" for item in missing])


def test_a_refused_key_can_be_used_again(as_ada: APIClient, gad7: Assessment) -> None:
    assert submit(as_ada, gad7, key="again").status_code == 422
    save(as_ada, gad7, CALM_GAD7)
    assert submit(as_ada, gad7, key="again").status_code == 200


def test_under_another_key_a_second_submission_is_refused(as_ada: APIClient, gad7: Assessment) -> None:
    answered(as_ada, gad7)
    before = Assessment.objects.values().get(pk=gad7.pk)
    response = submit(as_ada, gad7)
    assert (response.status_code, response.json()["code"]) == (409, "assessment_submitted")
    assert Assessment.objects.values().get(pk=gad7.pk) == before


def test_the_same_key_for_another_form_is_refused(
    as_ada: APIClient, gad7: Assessment, phq9: Assessment
) -> None:
    save(as_ada, gad7, CALM_GAD7)
    save(as_ada, phq9, CALM_PHQ9)
    submit(as_ada, gad7, key="mine")
    assert submit(as_ada, phq9, key="mine").status_code == 422


def test_without_a_key_it_is_refused(as_ada: APIClient, gad7: Assessment) -> None:
    save(as_ada, gad7, CALM_GAD7)
    response = as_ada.post(f"{url(gad7)}/submit", {}, format="json")
    gad7.refresh_from_db()
    assert (response.status_code, gad7.submitted_at) == (428, None)


@pytest.mark.parametrize("body", [{"answers": {"gad7_1": 0}}, {"scores": {"total": 0}}, {"at": "2020-01-01"}])
def test_a_body_is_refused(as_ada: APIClient, gad7: Assessment, body: dict[str, Any]) -> None:
    save(as_ada, gad7, CALM_GAD7)
    response = submit(as_ada, gad7, body=body)
    gad7.refresh_from_db()
    assert (response.status_code, gad7.submitted_at) == (400, None)


@pytest.mark.from_the_start
def test_a_form_not_open_yet_is_closed(as_ada: APIClient, gad7: Assessment, at: datetime) -> None:
    save(as_ada, gad7, CALM_GAD7)
    Assessment.objects.filter(pk=gad7.pk).update(opens_at=at + timedelta(hours=1))
    response = submit(as_ada, gad7)
    assert (response.status_code, response.json()["code"]) == (409, "assessment_not_open")


def test_an_expired_form_is_closed(as_ada: APIClient, gad7: Assessment, demo: None) -> None:
    save(as_ada, gad7, CALM_GAD7)
    clock.advance_demo(by=timedelta(days=366))
    response = submit(as_ada, gad7)
    assert (response.status_code, response.json()["code"]) == (409, "assessment_not_open")


def test_after_leaving_the_program_nothing_is_taken(
    as_ada: APIClient, gad7: Assessment, enrollment: Enrollment, at: datetime
) -> None:
    save(as_ada, gad7, CALM_GAD7)
    programs.withdraw(enrollment.pk, patient_user=enrollment.patient.user, reason="", at=at)
    assert submit(as_ada, gad7).status_code == 409


def test_a_stranger_sees_nothing_there(as_cyd: APIClient, gad7: Assessment) -> None:
    absent = Assessment(id=uuid4())
    theirs, none = submit(as_cyd, gad7), submit(as_cyd, absent)
    assert (theirs.status_code, without_id(theirs, gad7.pk)) == (404, without_id(none, absent.pk))


def test_a_clinician_may_not_submit(as_ada: APIClient, as_ben: APIClient, gad7: Assessment) -> None:
    save(as_ada, gad7, CALM_GAD7)
    assert submit(as_ben, gad7).status_code == 403


def test_somebody_without_a_chart_may_not_submit(
    client_of: Callable[[User], APIClient], gad7: Assessment
) -> None:
    assert submit(client_of(make_user("dot@example.org")), gad7).status_code == 403


def test_nobody_may_not_submit(gad7: Assessment) -> None:
    assert submit(APIClient(), gad7).status_code == 401


SUBMITTING = [
    *SIGNED_IN,
    "SELECT",  # a patient is asking
    "BEGIN",
    "INSERT core_idempotencyrecord",  # this key for the first time
    "SELECT assessments_assessment",  # theirs
    "SELECT programs_enrollment FOR UPDATE",  # nothing else happens to this person now
    "SELECT assessments_assessment FOR UPDATE",  # as it is now, with the others of its time point
    "INSERT safety_programresult",  # what screening may ask of it
    "UPDATE assessments_assessment",  # submitted and scored
    "SELECT assessments_assessment",  # those before it: whether it came to worse
    "UPDATE core_idempotencyrecord",  # the answer, for whoever asks again
    "COMMIT",
]


@pytest.mark.django_db(transaction=True)
def test_what_submitting_asks_of_the_database(as_ada: APIClient, gad7: Assessment) -> None:
    save(as_ada, gad7, CALM_GAD7)
    with capture() as captured:
        assert submit(as_ada, gad7).status_code == 200
    assert statements(captured) == SUBMITTING
    assert len(SUBMITTING) == 12


@pytest.mark.django_db(transaction=True)
def test_the_last_of_a_set_asks_two_things_more(as_ada: APIClient, enrollment: Enrollment) -> None:
    *others, last = enrollment.assessments.order_by("id")
    for assessment in others:
        answered(as_ada, assessment)
    save(as_ada, last, CALM[last.instrument])
    with capture() as captured:
        assert submit(as_ada, last).status_code == 200
    assert (
        statements(captured)
        == [
            *SUBMITTING[:-3],  # of this instrument no change is too much
            "UPDATE notifications_delivery",  # one that has left does not leave again
            "UPDATE notifications_delivery",  # one that waits is called back
            *SUBMITTING[-2:],
        ]
    )
