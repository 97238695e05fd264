"""Everything about oneself: all of it, readable, and nobody else's."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from rest_framework.test import APIClient

from accounts.models import Patient, User
from core.actors import Actor
from desk.export import PARTS, WITHHELD
from safety import services as safety
from sessions import services
from sessions.enums import Audience
from tests.accounts.test_step_up import wait
from tests.guards.test_architecture import ROOMS
from tests.sessions import stages

ClientOf = Callable[[User], APIClient]
NOTHING_YET = {
    "safety.healthfact",
    "safety.exclusionoverride",
    "notifications.reminderpreference",
    "notifications.device",
    "notifications.textnumber",
    "accounts.breakglass",
    "safety.eventassessment",
    "safety.eventnews",
    "safety.identitycheck",
    "treatment_sessions.sessionproposal",
    "treatment_sessions.effectschecklist",
    "treatment_sessions.effectstriage",
    "treatment_sessions.unattributeddose",
    "treatment_sessions.doseoutcome",
    "treatment_sessions.overrule",
    "treatment_sessions.readingoverride",
    "treatment_sessions.sessionreview",
    "treatment_sessions.morninganswer",
    "treatment_sessions.deviation",
    "treatment_sessions.deviationassessment",
    "treatment_sessions.prescription",
    "treatment_sessions.stockentry",
    "treatment_sessions.stockcount",
    "safety.monitoringquery",
    "accounts.rolegrant",
    "looks",
    "programs.consentwithdrawal",
    "programs.pause",
    "assessments.rescoring",
    "assessments.offlinesubmission",
    "assessments.formcause",
    "assessments.worseform",
    "treatment_sessions.sessioneventlink",
}
"""What Ada has none of: no role, nothing taken back, no look, no worse form, no report of a session."""
WORDS = "<b>A river</b> & my grandmother"


def chapters(client: APIClient) -> dict[str, list[dict[str, Any]]]:
    answer = client.get("/api/v1/me/export")
    assert answer.status_code == 200, answer.content
    return {chapter["name"]: chapter["rows"] for chapter in answer.json()["chapters"]}


@pytest.fixture
def told(ada: Patient, at: datetime) -> Patient:
    """Ada after a session, with a reflection and a report of harm."""
    session = stages.reached(ada, "recovering", at=at)
    own = Actor.person(ada.user_id)
    services.reflect(session, text=WORDS, shared_with=Audience.PRIVATE, at=at)
    safety.report_event(ada.pk, report=safety.EventReport(description="A headache."), actor=own, at=at)
    return ada


def test_it_holds_what_was_said_signed_measured_and_sent(told: Patient, client_of: ClientOf) -> None:
    found = chapters(client_of(told.user))
    assert found["accounts.patient"][0]["legal_name"] == "Ada Example"
    assert found["treatment_sessions.reflection"][0]["text"] == WORDS
    assert found["treatment_sessions.monitorinvitation"][0]["address"] == stages.MONITOR_EMAIL
    assert found["safety.adverseevent"][0]["description"] == "A headache."
    consent = found["programs.consent"][0]
    assert consent["signature"]["document_sha256"] == consent["document"]["sha256"]
    assert consent["document"]["content"]["text"]
    assert "content" not in found["safety.screening"][0]["policy"]
    plan = found["programs.treatmentplan"][0]
    assert plan["signature"]["signer_name"] == "Ben Example, MD"
    empty = {name for name, rows in found.items() if not rows}
    assert empty == NOTHING_YET


def test_it_holds_no_secret(told: Patient, client_of: ClientOf) -> None:
    whole = client_of(told.user).get("/api/v1/me/export").content.decode()
    assert told.user.password not in whole
    assert not {"session_key", "token_sha256", "password", "payload"} & keys(json.loads(whole))


def keys(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return set(value) | {key for part in value.values() for key in keys(part)}
    return {key for part in value for key in keys(part)} if isinstance(value, list) else set()


def test_it_holds_nobody_elses(told: Patient, cyd: Patient, client_of: ClientOf) -> None:
    whole = client_of(cyd.user).get("/api/v1/me/export").content.decode()
    assert "Cyd Example" in whole
    assert not any(hers in whole for hers in (str(told.pk), str(told.user_id), "Ada Example", "headache"))


def test_it_can_be_read_and_runs_nothing(told: Patient, client_of: ClientOf) -> None:
    page = client_of(told.user).get("/api/v1/me/export/readable")
    text = page.content.decode()
    assert page["Content-Type"].startswith("text/html")
    assert "attachment" in page["Content-Disposition"]
    assert "&lt;b&gt;A river&lt;/b&gt; &amp; my grandmother" in text
    assert not any(word in text.lower() for word in ("<script", "<style", " style=", " onclick"))
    assert all(part.title in text for part in PARTS)


@pytest.mark.parametrize("path", ["me/export", "me/export/readable"])
def test_it_is_for_patients_about_themselves(path: str, ben: User, client_of: ClientOf) -> None:
    assert client_of(ben).get(f"/api/v1/{path}").status_code == 403
    assert APIClient().get(f"/api/v1/{path}").status_code == 401


# --- nothing is forgotten --------------------------------------------------------------------------------


def leads_to_a_person(model: type[Model], seen: frozenset[type[Model]] = frozenset()) -> bool:
    """Tell whether foreign keys lead from a table to a patient or an account."""
    targets = {field.related_model for field in model._meta.concrete_fields if field.is_relation}
    return any(
        target in (Patient, User) or leads_to_a_person(target, seen | {model})
        for target in targets - seen - {model, None}
        if isinstance(target, type)
    )


def forgotten(named: set[type[Model]]) -> Iterator[str]:
    tables = (model for model in apps.get_models() if not model._meta.proxy)
    for model in tables:
        if model.__module__.split(".")[0] in ROOMS and model not in named and leads_to_a_person(model):
            yield model._meta.label


def test_every_table_that_leads_to_a_patient_is_in_it_or_has_a_reason_not_to_be() -> None:
    named = {part.model for part in PARTS} | set(WITHHELD)
    assert list(forgotten(named)) == []


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.model.__name__)
def test_a_table_that_is_forgotten_is_found(part: Any) -> None:
    if part.model.__module__.split(".")[0] in ROOMS and part.model not in (Patient, User):
        named = {other.model for other in PARTS if other is not part} | set(WITHHELD)
        if leads_to_a_person(part.model):
            assert list(forgotten(named)) == [part.model._meta.label]


def test_every_part_leads_somewhere(ada: Patient) -> None:
    for part in PARTS:
        assert part.model._default_manager.filter(**{part.path: ada.pk}).count() >= 0


@pytest.mark.parametrize("path", ["me/export", "me/export/readable"])
def test_nobody_takes_it_from_a_device_left_open(path: str, ada: Patient, client_of: ClientOf) -> None:
    client = client_of(ada.user)
    wait(minutes=5)
    refused = client.get(f"/api/v1/{path}")
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/reauthentication-required")
    wait(minutes=4.9)
    assert client.get(f"/api/v1/{path}").status_code == 200
