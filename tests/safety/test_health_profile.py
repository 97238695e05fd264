"""A health profile: versioned, never overwritten; said by patients, confirmed by clinicians, imported."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Patient
from core.actors import Actor
from safety import services
from safety.models import HealthFact
from safety.profile import queries
from safety.queries import screening_policy
from safety.rules import FACTS, decides_the_same
from safety.screening.health import FactSource, Lactation, Pregnancy, facts_from_json
from tests import steps
from tests.api import post
from tests.safety.conftest import ABSENT, code

SERTRALINE = {"section": "medication", "state": "taken", "text": "Sertraline"}
ASTHMA = {
    "section": "condition",
    "state": "active",
    "text": "Asthma",
    "codings": [{"system": "icd10cm", "code": "J45.909"}],
}

pytestmark = pytest.mark.django_db


def said(client: Any, patient: Patient, body: dict[str, Any]) -> Any:
    return post(client, f"patients/{patient.pk}/health-profile/statements", body)


def weighed(at: datetime, **changed: Any) -> dict[str, Any]:
    measurement = {"vital": "weight_kg", "value": 154, "unit": "[lb_av]", "measured_at": at.isoformat()}
    return {"section": "vital", "state": "measured", "measurement": measurement | changed}


def facts(patient: Patient, at: datetime) -> Any:
    return queries.health_facts(patient.pk, enrollment_id=None, at=at)


class TestSaying:
    def test_a_patient_says_and_everybody_sees_who_did(self, ada, as_ada, as_ben):
        assert said(as_ada, ada, SERTRALINE).status_code == 201
        for client in (as_ada, as_ben):
            shown = client.get(f"/api/v1/patients/{ada.pk}/health-profile").json()["statements"]
            assert [(one["text"], one["source"]) for one in shown] == [("Sertraline", "patient")]

    def test_a_clinicians_word_is_theirs(self, ada, as_ben):
        assert said(as_ben, ada, ASTHMA).json()["source"] == "clinician"

    def test_a_new_version_leaves_the_old_one(self, ada, as_ada):
        first = said(as_ada, ada, SERTRALINE).json()["id"]
        stopped = SERTRALINE | {"state": "stopped", "replaces": first}
        assert said(as_ada, ada, stopped).status_code == 201
        assert [fact.state for fact in queries.current(ada.pk)] == ["stopped"]
        history = as_ada.get(f"/api/v1/patients/{ada.pk}/health-profile/history").json()["results"]
        assert [one["state"] for one in history] == ["taken", "stopped"]

    def test_only_the_newest_is_replaced(self, ada, as_ada):
        first = said(as_ada, ada, SERTRALINE).json()["id"]
        again = SERTRALINE | {"replaces": first}
        assert said(as_ada, ada, again).status_code == 201
        assert code(said(as_ada, ada, again)) == (412, "stale")

    def test_what_a_clinician_said_is_not_the_patients_to_take_back(self, ada, as_ada, as_ben):
        fact = said(as_ben, ada, ASTHMA).json()["id"]
        gone = ASTHMA | {"state": "withdrawn", "replaces": fact}
        assert code(said(as_ada, ada, gone)) == (403, "ask_your_clinician")
        assert said(as_ben, ada, gone).status_code == 201
        assert not queries.current(ada.pk).exists()

    def test_a_pregnancy_answer_takes_the_place_of_the_last(self, ada, as_ada, as_ben, at):
        for client, state in ((as_ben, "not_pregnant"), (as_ada, "possible")):
            assert said(client, ada, {"section": "pregnancy", "state": state}).status_code == 201
        assert facts(ada, at).pregnancy == Pregnancy.POSSIBLE
        assert queries.statements(ada.pk).count() == 2

    @pytest.mark.parametrize(
        ("section", "known", "told"),
        [
            ("pregnancy", "pregnant", "not_pregnant"),
            ("pregnancy", "pregnant", "unknown"),
            ("pregnancy", "pregnant", "possible"),
            ("pregnancy", "possible", "withdrawn"),
            ("lactation", "lactating", "not_lactating"),
        ],
    )
    def test_a_pregnancy_that_a_clinician_knows_of_is_not_unsaid(
        self, ada, as_ada, as_ben, section, known, told
    ):
        assert said(as_ben, ada, {"section": section, "state": known}).status_code == 201
        less = {"section": section, "state": told}
        assert code(said(as_ada, ada, less)) == (403, "ask_your_clinician")
        assert said(as_ada, ada, {"section": section, "state": known}).status_code == 201
        assert code(said(as_ada, ada, less)) == (403, "ask_your_clinician")
        assert queries.current(ada.pk).get().state == known
        assert said(as_ben, ada, less).status_code == 201
        assert said(as_ada, ada, less).status_code == 201

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            (SERTRALINE | {"state": "pregnant"}, "/state"),
            (SERTRALINE | {"text": " "}, "/text"),
            ({"section": "medication", "state": "none", "text": "None"}, "/text"),
            ({"section": "pregnancy", "state": "possible", "codings": ASTHMA["codings"]}, "/codings"),
            ({"section": "vital", "state": "measured"}, "/measurement"),
            (SERTRALINE | {"section": "surgery"}, "/section"),
            (SERTRALINE | {"codings": [{"system": "meddra", "code": "1"}]}, "/codings/0/system"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, ada, as_ada, body, pointer):
        answer = said(as_ada, ada, body)
        assert answer.status_code == 400
        assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]

    @pytest.mark.parametrize(
        ("changed", "pointer"),
        [
            ({"value": 14}, "/measurement/value"),
            ({"unit": "stone"}, "/measurement/unit"),
            ({"measured_at": "2199-01-01T00:00:00Z"}, "/measurement/measured_at"),
            ({"measured_at": "2026-01-01T00:00:00"}, "/measurement/measured_at"),
        ],
    )
    def test_what_cannot_have_been_measured_is_refused(self, ada, as_ada, at, changed, pointer):
        answer = said(as_ada, ada, weighed(at, **changed))
        assert answer.status_code == 400
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]

    def test_a_strangers_chart_is_absent(self, ada, cyd_practises, as_cyd):
        for patient_id in (ada.pk, ABSENT):
            here = f"patients/{patient_id}/health-profile"
            assert post(as_cyd, f"{here}/statements", SERTRALINE).status_code == 404
            assert as_cyd.get(f"/api/v1/{here}").status_code == 404
            assert as_cyd.get(f"/api/v1/{here}/history").status_code == 404
            assert post(as_cyd, f"{here}/confirmations", {"statement": str(ABSENT)}).status_code == 404

    def test_another_charts_statement_is_not_replaced(self, ada, cyd, as_ada, as_cyd):
        theirs = said(as_cyd, cyd, SERTRALINE).json()["id"]
        assert said(as_ada, ada, SERTRALINE | {"replaces": theirs}).status_code == 404


class TestConfirming:
    def test_makes_it_the_clinicians_word(self, ada, as_ada, as_ben):
        fact = said(as_ada, ada, SERTRALINE).json()["id"]
        here = f"patients/{ada.pk}/health-profile/confirmations"
        before = queries.profile_digest(ada.pk)
        confirmed = post(as_ben, here, {"statement": fact}).json()
        assert (confirmed["source"], confirmed["replaces"]) == ("clinician", fact)
        assert queries.profile_digest(ada.pk) == before
        assert code(post(as_ben, here, {"statement": fact})) == (412, "stale")
        assert post(as_ben, here, {"statement": confirmed["id"]}).json()["id"] == confirmed["id"]

    def test_is_not_the_patients(self, ada, as_ada):
        fact = said(as_ada, ada, SERTRALINE).json()["id"]
        answer = post(as_ada, f"patients/{ada.pk}/health-profile/confirmations", {"statement": fact})
        assert answer.status_code == 403


class TestFacts:
    def test_nothing_said_is_not_nothing_there(self, ada, as_ada, at):
        assert facts(ada, at).medications is None
        said(as_ada, ada, {"section": "medication", "state": "none"})
        assert facts(ada, at).medications == ()
        said(as_ada, ada, SERTRALINE)
        assert [one.text for one in facts(ada, at).medications] == ["Sertraline"]

    def test_a_medicine_that_was_stopped_is_no_list_of_all(self, ada, as_ada, at):
        said(as_ada, ada, SERTRALINE | {"state": "stopped"})
        assert facts(ada, at).medications is None

    def test_as_a_policy_reads_them(self, ada, as_ada, as_ben, at):
        said(as_ben, ada, ASTHMA)
        said(as_ada, ada, {"section": "lactation", "state": "not_lactating"})
        said(as_ada, ada, weighed(at))
        found = facts(ada, at)
        assert [(one.status, one.source) for one in found.conditions] == [("active", FactSource.CLINICIAN)]
        assert found.lactation == Lactation.NOT_LACTATING
        assert found.vitals[0].counted == pytest.approx(69.85, abs=0.01)
        assert found.location == "US-NY"

    def test_an_unknown_state_is_not_over(self, ada, as_ada, at):
        said(as_ada, ada, ASTHMA | {"state": "unknown"})
        assert [one.status for one in facts(ada, at).conditions] == [None]

    def test_the_hash_changes_with_what_counts_alone(self, ada, as_ada, at):
        seen = [queries.profile_digest(ada.pk)]
        for body in (SERTRALINE, ASTHMA, {"section": "pregnancy", "state": "possible"}):
            said(as_ada, ada, body)
            seen.append(queries.profile_digest(ada.pk))
        assert len(set(seen)) == 4
        said(as_ada, ada, weighed(at))
        assert queries.profile_digest(ada.pk) == seen[-1]


class TestDeciding:
    """What the profile knows decides beside the answers."""

    def test_a_diagnosis_on_record_excludes(self, ada, as_ben, at):
        coded = {"text": "Schizophrenia", "codings": [{"system": "icd10cm", "code": "F20.9"}]}
        assert said(as_ben, ada, ASTHMA | coded).status_code == 201
        enrollment = steps.enrolled(ada, at=at)
        screening = services.screen(
            enrollment.pk, answers=steps.HEALTHY, actor=Actor.person(ada.user_id), at=at
        )
        assert screening.outcome == "ineligible"
        stored = facts_from_json(screening.decision[FACTS])
        assert [entry.text for entry in stored.conditions or ()] == ["Schizophrenia"]

    def test_what_nobody_can_tell_is_reviewed(self, ada, as_ada, at):
        said(as_ada, ada, SERTRALINE)
        enrollment = steps.enrolled(ada, at=at)
        screening = services.screen(
            enrollment.pk, answers=steps.HEALTHY, actor=Actor.person(ada.user_id), at=at
        )
        assert screening.outcome == "needs_review"

    def test_the_same_answers_under_another_version_are_decided_with_the_same_facts(self, ada, as_ben, at):
        coded = {"text": "Schizophrenia", "codings": [{"system": "icd10cm", "code": "F20.9"}]}
        said(as_ben, ada, ASTHMA | coded)
        enrollment = steps.enrolled(ada, at=at)
        screening = services.screen(
            enrollment.pk, answers=steps.HEALTHY, actor=Actor.person(ada.user_id), at=at
        )
        _, policy = screening_policy(at=at)
        assert decides_the_same(policy, screening.answers, screening.decision)


class TestConstraints:
    def attack(self, statement: str, *values: Any) -> None:
        with pytest.raises(Exception) as refusal, transaction.atomic(), connection.cursor() as cursor:  # noqa: PT011
            cursor.execute(statement, values)
        assert isinstance(refusal.value, IntegrityError) or "permission denied" in str(refusal.value)

    def test_history_stays(self, ada, as_ada):
        said(as_ada, ada, SERTRALINE)
        self.attack("UPDATE safety_healthfact SET state = 'stopped'")
        self.attack("DELETE FROM safety_healthfact")

    @pytest.mark.parametrize(
        "changed",
        [
            {"section": "surgery"},
            {"state": "maybe"},
            {"source": "hearsay"},
            {"text": ""},
            {"section": "vital"},
            {"value": 3.0},
        ],
    )
    def test_nothing_is_half_a_statement(self, ada, at, changed):
        whole = {
            "patient": ada,
            "section": "medication",
            "state": "taken",
            "text": "Sertraline",
            "source": "patient",
            "recorded_at": at,
            "actor_kind": Actor.person(ada.user_id).kind,
            "actor_id": str(ada.user_id),
        }
        with pytest.raises(IntegrityError), transaction.atomic():
            HealthFact.objects.create(**(whole | changed))

    def test_one_version_follows_another_once(self, ada, as_ada, at):
        said(as_ada, ada, SERTRALINE)
        first = HealthFact.objects.get()
        for _ in range(2):
            first.pk, first.replaces_id = uuid4(), HealthFact.objects.earliest("recorded_at").pk
            first._state.adding = True
            if _ == 0:
                first.save(force_insert=True)
        with pytest.raises(IntegrityError), transaction.atomic():
            first.save(force_insert=True)


def test_a_later_moment_sees_the_same(ada, as_ada, at):
    said(as_ada, ada, SERTRALINE)
    assert facts(ada, at + timedelta(days=400)).medications is not None
