"""What clinicians make of an event: signed versions that stay, bound by hash; serious means held, again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from accounts.enums import SignatureMeaning
from accounts.models import Patient, User
from accounts.services import sign
from core.actors import Actor
from safety import queries as safety
from safety.enums import AlertClass, Grade
from safety.events import queries
from safety.events.models import EventAssessment
from safety.models import AdverseEvent, Alert
from safety.services import EventReport, report_event
from tests.access.declared import ASSESSED
from tests.api import post

pytestmark = pytest.mark.django_db

DIED = {"seriousness": ["death"], "grade": 5, "outcome": "fatal"}
IN_HOSPITAL = {"seriousness": ["hospitalisation"], "grade": 3}


@pytest.fixture
def as_ben(ben: User, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(ben)


@pytest.fixture
def event(ada: Patient, ben: User, at: datetime) -> AdverseEvent:
    """Ada was sick, and said that it was nothing serious."""
    told = EventReport(description="Threw up twice.", is_serious=False)
    return report_event(ada.pk, report=told, actor=Actor.person(ada.user_id), at=at)


def assess(client: APIClient, event: AdverseEvent, **said: Any) -> Any:
    return post(client, f"adverse-events/{event.pk}/assessments", ASSESSED | said)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_first_version_is_signed_and_bound(event: AdverseEvent, as_ben: APIClient) -> None:
    scale = {"1": "yes", "2": "yes", "5": "no"}
    answer = assess(as_ben, event, naranjo=scale, product={"lot": "A12", "dose_mg": "300.0"})
    assert answer.status_code == 201, answer.content
    row = EventAssessment.objects.get()
    assert (row.version, row.naranjo_score, row.product) == (1, 5, {"lot": "A12", "dose_mg": "300.0"})
    assert answer.json()["naranjo_category"] == "probable"
    assert answer.json()["criteria"].startswith("Slight")
    assert row.signature.signer_name == "Ben Example, MD"
    assert queries.is_intact(row)
    assert not safety.open_holds(event.patient_id)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("term", "other"),
        ("grade", 2),
        ("product", {}),
        ("naranjo", {}),
        ("naranjo_score", 3),
        ("version", 2),
        ("is_serious", True),
        ("outcome", "unknown"),
        ("reference_version", "1"),
        ("assessed_at", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_changed_word_breaks_the_signature(
    name: str, value: Any, event: AdverseEvent, as_ben: APIClient
) -> None:
    assess(as_ben, event, naranjo={"2": "yes"}, product={"lot": "A12"})
    row = EventAssessment.objects.get()
    setattr(row, name, value)
    assert not queries.is_intact(row)


def test_a_correction_is_the_next_version(event: AdverseEvent, as_ben: APIClient) -> None:
    assess(as_ben, event)
    assert assess(as_ben, event, replaces=1, why_again="Graded too low.", grade=2).status_code == 201
    found = as_ben.get(f"/api/v1/adverse-events/{event.pk}/assessments").json()["results"]
    assert [(row["version"], row["grade"], row["is_intact"]) for row in found] == [(1, 1, True), (2, 2, True)]
    newest = queries.newest_assessment(event)
    assert newest is not None
    assert newest.version == 2


def test_who_has_not_read_the_newest_does_not_replace_it(event: AdverseEvent, as_ben: APIClient) -> None:
    assess(as_ben, event)
    assert code(assess(as_ben, event)) == (409, "not_the_newest")
    assert code(assess(as_ben, event, replaces=2, why_again="x")) == (409, "not_the_newest")
    assert EventAssessment.objects.count() == 1


def test_finding_it_serious_holds_and_calls(event: AdverseEvent, as_ben: APIClient) -> None:
    answer = assess(as_ben, event, **IN_HOSPITAL)
    assert answer.json()["treatment_is_held"]
    (hold,) = safety.open_holds(event.patient_id)
    alert = Alert.objects.get(source=f"event:{event.pk}")
    assert (alert.alert_class, alert.status) == (AlertClass.SERIOUS_EVENT, "open")
    assess(as_ben, event, replaces=1, why_again="Graded too low.", **IN_HOSPITAL)
    assert safety.open_holds(event.patient_id) == [hold]


def test_finding_it_not_serious_lifts_nothing(ada: Patient, as_ben: APIClient, at: datetime) -> None:
    event = report_event(ada.pk, report=EventReport("Fell."), actor=Actor.person(ada.user_id), at=at)
    assert assess(as_ben, event).status_code == 201
    assert safety.open_holds(ada.pk) == [event.hold]


@pytest.mark.parametrize(
    "said",
    [
        {"grade": 4},
        {"grade": 5},
        {"outcome": "fatal"},
        {"seriousness": ["death"]},
        {"seriousness": ["death"], "grade": 5},
        IN_HOSPITAL | {"outcome": "fatal"},
    ],
)
def test_what_does_not_fit_together(said: dict[str, Any], event: AdverseEvent, as_ben: APIClient) -> None:
    assert code(assess(as_ben, event, **said)) == (400, "does_not_fit")
    assert not EventAssessment.objects.exists()


def test_who_died_has_died_throughout(event: AdverseEvent, as_ben: APIClient) -> None:
    assert assess(as_ben, event, **DIED).status_code == 201
    assert EventAssessment.objects.get().grade == Grade.DEATH


@pytest.mark.parametrize(
    "said",
    [
        {"term": ""},
        {"term": "x" * 201},
        {"meddra_code": "10028813"},
        {"meddra_code": "nausea", "meddra_version": "27.1"},
        {"naranjo": {"11": "yes"}},
        {"naranjo": {"1": "perhaps"}},
        {"grade": 0},
        {"grade": 6},
        {"causality": "surely"},
        {"reference": ""},
        {"replaces": -1},
        {"replaces": 1},
        {"why_again": "There is nothing yet."},
        {"product": {"colour": "blue"}},
        {"product": {"dose_mg": "a lot"}},
        {"is_serious": False},
    ],
)
def test_malformed(said: dict[str, Any], event: AdverseEvent, as_ben: APIClient) -> None:
    assert assess(as_ben, event, **said).status_code == 400
    assert not EventAssessment.objects.exists()


def test_only_clinicians_who_answer_for_the_patient(
    ada: Patient, cyd: Patient, event: AdverseEvent, client_of: Callable[[User], APIClient]
) -> None:
    for user in (ada.user, cyd.user):
        assert assess(client_of(user), event).status_code == 403


FIELDS = EventAssessment._meta.concrete_fields
COLUMNS = [str(field.column) for field in FIELDS if field.name not in ("id", "signature")]


class TestBySql:
    """Each row is the sound one but for what is named."""

    @pytest.fixture(autouse=True)
    def sound(self, event: AdverseEvent, as_ben: APIClient) -> None:
        assess(as_ben, event, meddra_code="10047700", meddra_version="27.1")

    @pytest.fixture
    def signed(self, ben: User, at: datetime) -> str:
        return str(sign(ben, meaning=SignatureMeaning.DECIDED, document_sha256="0" * 64, at=at).pk)

    def insert(self, signed: str, **changed: str) -> None:
        chosen = {"version": "2", "why_again": "'x'"} | changed
        values = ", ".join(chosen.get(column, column) for column in COLUMNS)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO safety_eventassessment (id, signature_id, {', '.join(COLUMNS)})"  # noqa: S608
                f" SELECT gen_random_uuid(), %s, {values} FROM safety_eventassessment;"
                " SET CONSTRAINTS ALL IMMEDIATE",
                [signed],
            )

    def test_the_attack_itself_is_sound(self, signed: str) -> None:
        self.insert(signed)

    @pytest.mark.parametrize(
        ("changed", "constraint"),
        [
            ({"version": "1", "why_again": "''"}, "assessment_version_once"),
            ({"why_again": "''"}, "assessment_again_gives_a_reason"),
            ({"term": "''"}, "assessment_has_a_term"),
            ({"meddra_code": "'nausea'"}, "assessment_code_has_its_version"),
            ({"meddra_version": "''"}, "assessment_code_has_its_version"),
            ({"is_serious": "true"}, "assessment_serious_by_a_criterion"),
            ({"seriousness": "'{disability}'"}, "assessment_serious_by_a_criterion"),
            ({"grade": "4"}, "assessment_grade_4_and_5_are_serious"),
            ({"grade": "6", "is_serious": "true", "seriousness": "'{disability}'"}, "assessment_grade"),
            ({"outcome": "'fatal'"}, "assessment_death_is_death_throughout"),
            ({"causality": "'surely'"}, "assessment_words_are_known"),
            ({"reference_version": "''"}, "assessment_expected_by_a_document"),
            ({"naranjo_score": "14"}, "assessment_naranjo_is_in_range"),
            ({"is_serious": "true", "seriousness": "'{disability}'"}, "assessment_serious_means_held"),
        ],
    )
    def test_no_such_row(self, changed: dict[str, str], constraint: str, signed: str) -> None:
        with pytest.raises(DatabaseError, match=constraint):
            self.insert(signed, **changed)

    def test_not_of_somebody_elses_event(self, cyd: Patient, signed: str) -> None:
        with pytest.raises(DatabaseError, match="assessment_of_its_patient"):
            self.insert(signed, patient_id=f"'{cyd.pk}'")

    @pytest.mark.parametrize(
        "verb", ["UPDATE safety_eventassessment SET term = 'x'", "DELETE FROM safety_eventassessment"]
    )
    def test_what_is_signed_stays(self, verb: str) -> None:
        with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
            cursor.execute(verb)
