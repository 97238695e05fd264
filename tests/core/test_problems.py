from pathlib import Path

import pytest
from django.urls import get_resolver

from core import errors

pytestmark = pytest.mark.django_db
PAGES = Path(__file__).resolve().parents[2] / "docs" / "problems"


def every_problem(kind=errors.Problem):
    yield kind
    for derived in kind.__subclasses__():
        yield from every_problem(derived)


def test_every_type_has_a_page(client):
    get_resolver().url_patterns  # noqa: B018 - imports every room, and with it their refusals
    for problem in every_problem():
        answer = client.get(f"/problems/{problem.type}")
        assert answer.status_code == 200, problem
        assert answer.content.decode().startswith(f"# {problem.title}\n")


def test_every_refusal_explains_itself():
    for problem in every_problem():
        assert problem.__doc__, problem
        assert problem.__doc__ != problem.__base__.__doc__, f"{problem} says nothing of its own"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/nowhere", 404, "not_found"),
        ("get", "/api/v1/nowhere", 404, "not_found"),
        ("get", "/api/v1/me", 401, "sign_in_required"),
        ("delete", "/api/v1/programs", 405, "method_not_allowed"),
        ("get", "/api/v1/programs?text=%00", 400, "malformed"),
        ("get", "/api/v1/programs?text=%ff", 400, "malformed"),
        ("get", "/api/v1/%E2%80%AEprograms", 400, "malformed"),
        ("get", "/api/v1/enrollments/not-a-uuid", 404, "not_found"),
    ],
)
def test_a_problem_document_whatever_went_wrong(client, method, path, status, code):
    answer = getattr(client, method)(path)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["code"] == code


def test_faults_in_the_input_are_pointed_at(ada, client_of):
    answer = client_of(ada.user).put(
        "/api/v1/me",
        {"legal_name": "", "birth_on": "soon", "timezone": "UTC", "is_staff": True},
        format="json",
    )
    assert answer.status_code == 400
    assert {(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]} == {
        ("/is_staff", "unknown_field")
    }


def test_a_broken_token_is_refused_not_ignored(client):
    answer = client.get("/api/v1/programs", headers={"X-Session-Token": "nonsense"})
    assert answer.status_code == 200, "programs are for anyone; nobody is authenticated there"
    assert client.get("/api/v1/me", headers={"X-Session-Token": "nonsense"}).status_code == 401
    assert client.get("/api/v1/me", headers={"Authorization": "Capability nonsense"}).status_code == 401


def test_a_body_too_large_is_refused(ada, client_of):
    answer = client_of(ada.user).put("/api/v1/me", {"legal_name": "x" * 300_000}, format="json")
    assert answer.status_code == 413


def test_another_media_type_is_refused(ada, client_of):
    answer = client_of(ada.user).put("/api/v1/me", "<a/>", content_type="text/xml")
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "cursor", ["cD1hYmM%3D", "cD0yMDIwLTAxLTAx", "cD0lMDA%3D", "x", "cD0%3D", "bz0tMQ%3D%3D"]
)
@pytest.mark.parametrize("path", ["enrollments", "screenings", "alerts", "holds", "assessments"])
def test_a_cursor_that_we_never_gave(cursor, path, ada, ben, client_of):
    for user in (ada.user, ben):
        answer = client_of(user).get(f"/api/v1/{path}?cursor={cursor}")
        assert answer.status_code in (200, 400, 403, 404)
        assert answer.status_code == 200 or answer["Content-Type"] == "application/problem+json"


def test_who_is_refused_is_told_whom_to_call(ada, client_of, settings):
    settings.CLINIC_PHONE = "+1-555-0199"
    answer = client_of(ada.user).post(
        "/api/v1/enrollments", {"program": "no-such"}, format="json", headers={"Idempotency-Key": "k1"}
    )
    assert answer.status_code == 422
    assert answer.json()["contact"] == {
        "clinic_phone": "+1-555-0199",
        "emergency_phone": settings.EMERGENCY_PHONE,
        "crisis_phone": settings.CRISIS_PHONE,
    }


def test_what_is_only_malformed_names_no_phone(ada, client_of):
    assert "contact" not in client_of(ada.user).put("/api/v1/me", {}, format="json").json()
