"""PATCH /assessments/{id}: item by item, over the version that was read."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.enums import CapabilityScope
from accounts.models import Patient, User
from assessments.models import Assessment
from core import clock
from core.actors import Actor, ServiceName
from core.ids import new_id
from programs import services as programs
from programs.models import Enrollment
from tests.assessments.conftest import (
    CALM_GAD7,
    SIGNED_IN,
    answered,
    capture,
    pointers,
    save,
    statements,
    url,
    without_id,
)
from tests.conftest import make_user


def test_answers_are_kept(as_ada: APIClient, gad7: Assessment) -> None:
    response = save(as_ada, gad7, {"gad7_1": 2})
    gad7.refresh_from_db()
    assert (response.status_code, gad7.answers) == (200, {"gad7_1": 2})


def test_what_is_not_named_stays(as_ada: APIClient, gad7: Assessment) -> None:
    save(as_ada, gad7, {"gad7_1": 2})
    assert save(as_ada, gad7, {"gad7_2": 0}).json()["answers"] == {"gad7_1": 2, "gad7_2": 0}


def test_an_answer_can_be_changed(as_ada: APIClient, gad7: Assessment) -> None:
    save(as_ada, gad7, {"gad7_1": 2})
    assert save(as_ada, gad7, {"gad7_1": 3}).json()["answers"] == {"gad7_1": 3}


def test_null_takes_an_answer_back(as_ada: APIClient, gad7: Assessment) -> None:
    save(as_ada, gad7, {"gad7_1": 2, "gad7_2": 1})
    assert save(as_ada, gad7, {"gad7_1": None}).json()["answers"] == {"gad7_2": 1}


def test_taking_back_what_was_never_given_is_harmless(as_ada: APIClient, gad7: Assessment) -> None:
    response = save(as_ada, gad7, {"gad7_1": None})
    assert (response.status_code, response.json()["answers"]) == (200, {})


def test_the_answer_names_the_new_version(as_ada: APIClient, gad7: Assessment) -> None:
    response = save(as_ada, gad7, {"gad7_1": 2})
    assert response["ETag"] == response.json()["etag"] == '"v2"'


def test_the_answer_says_what_is_still_needed(as_ada: APIClient, gad7: Assessment) -> None:
    response = save(as_ada, gad7, CALM_GAD7 | {"gad7_4": None})
    assert response.json()["missing"] == ["gad7_4"]


def test_no_crisis_text_without_a_cause(as_ada: APIClient, gad7: Assessment) -> None:
    assert save(as_ada, gad7, {"gad7_1": 3}).json()["crisis"] is None


def test_a_draft_of_a_late_form_is_taken(as_ada: APIClient, gad7: Assessment, demo: None) -> None:
    clock.advance_demo(by=timedelta(days=30))
    response = save(as_ada, gad7, {"gad7_1": 2})
    assert (response.status_code, response.json()["is_late"]) == (200, True)


# Refused


@pytest.mark.parametrize(
    ("answers", "faulty"),
    [
        ({"gad7_8": 1}, ["/answers/gad7_8"]),
        ({"phq9_1": 1}, ["/answers/phq9_1"]),
        ({"gad7_8": None}, ["/answers/gad7_8"]),
        ({"a/b~c": 1}, ["/answers/a~1b~0c"]),
        ({"": 1}, ["/answers/"]),
        ({"gad7_1": 4}, ["/answers/gad7_1"]),
        ({"gad7_1": -1}, ["/answers/gad7_1"]),
        ({"gad7_1": 1.0}, ["/answers/gad7_1"]),
        ({"gad7_1": "1"}, ["/answers/gad7_1"]),
        ({"gad7_1": True}, ["/answers/gad7_1"]),
        ({"gad7_1": [1]}, ["/answers/gad7_1"]),
        ({"gad7_1": {"value": 1}}, ["/answers/gad7_1"]),
        ({"gad7_1": 10**17}, ["/answers/gad7_1"]),
        ({"gad7_1": 9, "gad7_2": 1, "gad7_9": 0}, ["/answers/gad7_1", "/answers/gad7_9"]),
        ({}, ["/answers"]),
        ([], ["/answers"]),
        ("gad7_1", ["/answers"]),
        (None, ["/answers"]),
        (1, ["/answers"]),
    ],
)
def test_answers_that_cannot_be_are_named_one_by_one_and_nothing_is_saved(
    as_ada: APIClient, gad7: Assessment, answers: Any, faulty: list[str]
) -> None:
    save(as_ada, gad7, {"gad7_3": 1})
    response = save(as_ada, gad7, answers)
    gad7.refresh_from_db()
    assert (response.status_code, pointers(response)) == (400, faulty)
    assert (gad7.answers, gad7.version) == ({"gad7_3": 1}, 2)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/answers"), ({"answers": {"gad7_1": 1}, "scores": {}}, "/scores")],
)
def test_a_body_of_another_shape_is_refused(
    as_ada: APIClient, gad7: Assessment, body: dict[str, Any], pointer: str
) -> None:
    response = as_ada.patch(url(gad7), body, format="json", HTTP_IF_MATCH='"v1"')
    assert (response.status_code, pointers(response)) == (400, [pointer])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff",
        b'{"answers": {"gad7_1": NaN}}',
        b'{"answers": {"gad7_1": 1, "gad7_1": 0}}',
        b'{"answers": {"gad7_1": 1e999}}',
        b'{"answers": {"gad7_1\\u0000": 1}}',
        b'{"answers": {"gad7_1": 99999999999999999999}}',
    ],
)
def test_a_body_that_is_no_strict_json_is_refused(as_ada: APIClient, gad7: Assessment, body: bytes) -> None:
    response = as_ada.patch(url(gad7), body, content_type="application/json", HTTP_IF_MATCH='"v1"')
    gad7.refresh_from_db()
    assert (response.status_code, gad7.answers) == (400, {})


def test_without_if_match_it_is_refused(as_ada: APIClient, gad7: Assessment) -> None:
    response = as_ada.patch(url(gad7), {"answers": {"gad7_1": 1}}, format="json")
    assert response.status_code == 428


@pytest.mark.parametrize("match", ['"v1"', '"v3"', "v2", '"2"', "*", 'W/"v2"', "nonsense"])
def test_over_another_version_it_is_refused(as_ada: APIClient, gad7: Assessment, match: str) -> None:
    save(as_ada, gad7, {"gad7_1": 1})
    response = save(as_ada, gad7, {"gad7_1": 2}, match=match)
    gad7.refresh_from_db()
    assert (response.status_code, gad7.answers) == (412, {"gad7_1": 1})


def test_a_submitted_form_is_closed(as_ada: APIClient, gad7: Assessment) -> None:
    answered(as_ada, gad7)
    response = save(as_ada, gad7, {"gad7_1": 3})
    gad7.refresh_from_db()
    assert (response.status_code, response.json()["code"]) == (409, "assessment_submitted")
    assert gad7.answers == CALM_GAD7


@pytest.mark.from_the_start
def test_a_form_not_open_yet_is_closed(as_ada: APIClient, gad7: Assessment, at: datetime) -> None:
    Assessment.objects.filter(pk=gad7.pk).update(opens_at=at + timedelta(hours=1))
    response = save(as_ada, gad7, {"gad7_1": 3})
    assert (response.status_code, response.json()["code"]) == (409, "assessment_not_open")
    assert (at + timedelta(hours=1)).isoformat() in response.json()["detail"]


def test_an_expired_form_is_closed_and_says_since_when(
    as_ada: APIClient, gad7: Assessment, demo: None
) -> None:
    clock.advance_demo(by=timedelta(days=366))
    response = save(as_ada, gad7, {"gad7_1": 3})
    assert (response.status_code, response.json()["code"]) == (409, "assessment_not_open")
    assert gad7.closes_at.isoformat() in response.json()["detail"]


def test_after_leaving_the_program_nothing_is_asked(
    as_ada: APIClient, gad7: Assessment, enrollment: Enrollment, at: datetime
) -> None:
    programs.withdraw(enrollment.pk, patient_user=enrollment.patient.user, reason="", at=at)
    response = save(as_ada, gad7, {"gad7_1": 3})
    assert (response.status_code, response.json()["code"]) == (409, "assessment_not_open")


def test_a_stranger_sees_nothing_there(as_cyd: APIClient, gad7: Assessment) -> None:
    absent = Assessment(id=uuid4(), version=1)
    answers, match = {"gad7_1": 1}, '"v1"'
    theirs = save(as_cyd, gad7, answers, match=match)
    none = as_cyd.patch(url(absent), {"answers": answers}, format="json", HTTP_IF_MATCH=match)
    assert (theirs.status_code, without_id(theirs, gad7.pk)) == (404, without_id(none, absent.pk))


def test_a_clinician_may_not_answer(as_ben: APIClient, gad7: Assessment) -> None:
    assert save(as_ben, gad7, {"gad7_1": 1}).status_code == 403


def test_a_clinician_who_is_a_patient_too_may_not_answer_for_others(
    as_ben: APIClient, ben: User, gad7: Assessment
) -> None:
    patient_too = Patient(user=ben, legal_name="Ben Example", birth_on="1970-01-01", timezone="UTC")
    patient_too.save()
    assert save(as_ben, gad7, {"gad7_1": 1}).status_code == 404


def test_somebody_without_a_chart_may_not_answer(
    client_of: Callable[[User], APIClient], gad7: Assessment
) -> None:
    assert save(client_of(make_user("dot@example.org")), gad7, {"gad7_1": 1}).status_code == 403


def test_a_link_may_not_answer(gad7: Assessment, at: datetime) -> None:
    _, token = accounts.issue_capability(
        CapabilityScope.MONITOR,
        target_id=new_id(),
        actor=Actor.service(ServiceName.WATCH),
        at=at,
        expires_at=at + timedelta(hours=1),
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Capability {token}")
    assert save(client, gad7, {"gad7_1": 1}).status_code == 403


def test_nobody_may_not_answer(gad7: Assessment) -> None:
    assert save(APIClient(), gad7, {"gad7_1": 1}).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_what_saving_asks_of_the_database(as_ada: APIClient, gad7: Assessment) -> None:
    body = {"answers": {"gad7_1": 1}}
    with capture() as captured:
        response = as_ada.patch(url(gad7), body, format="json", HTTP_IF_MATCH='"v1"')
    assert response.status_code == 200
    assert statements(captured) == [
        *SIGNED_IN,
        "SELECT",  # a patient is asking
        "SELECT assessments_assessment",  # theirs, with the version that If-Match has to name
        "BEGIN",
        "SELECT programs_enrollment FOR UPDATE",  # nothing else happens to this person now
        "SELECT assessments_assessment FOR UPDATE",  # as it is now
        "UPDATE assessments_assessment",
        "COMMIT",
    ]
