"""Answering: anonymously, and as a patient; what is stored, said and raised."""

from datetime import date, timedelta

import pytest

from core.documents import digest
from core.enums import DocumentKind
from core.models import DocumentVersion
from notifications.models import Delivery
from programs import services as programs
from programs.models import EnrollmentTransition
from safety import errors, queries
from safety.enums import AlertClass
from safety.models import Alert, Screening
from safety.screening.policy import example_policy
from tests.api import post
from tests.policies import enact
from tests.safety.conftest import (
    ABSENT,
    ADA,
    NOTHING_TO_REPORT,
    answered,
    bytes_without,
    code,
    row_counts,
)
from tests.steps import active, planned

pytestmark = pytest.mark.django_db

MALFORMED = [
    ({}, "/answers"),
    ({"answers": []}, "/answers"),
    ({"answers": None}, "/answers"),
    ({"answers": "yes"}, "/answers"),
    ({"answers": {"pregnant": "maybe"}}, "/answers/pregnant"),
    ({"answers": {"pregnant": True}}, "/answers/pregnant"),
    ({"answers": {"age_years": "44"}}, "/answers/age_years"),
    ({"answers": {"age_years": 444}}, "/answers/age_years"),
    ({"answers": {"shoe_size": 44}}, "/answers/shoe_size"),
    ({"answers": {"current_medicines": [""]}}, "/answers/current_medicines/0"),
    (
        {"answers": {"blood_pressure_readings": [{"systolic_mmhg": 120}]}},
        "/answers/blood_pressure_readings/0",
    ),
    ({"answers": {}, "name": "Ada"}, "/name"),
]


@pytest.fixture
def nothing_in_force(at):
    """Move time before the first policy."""
    return at.replace(year=2020)


class TestFitCheck:
    PATH = "fit-checks"

    def ask(self, client, answers):
        return client.post("/api/v1/fit-checks", {"answers": answers}, "application/json")

    @pytest.mark.parametrize(
        ("changed", "outcome"),
        [
            ({}, "may_be_suitable"),
            ({"current_medicines": ["aspirin"]}, "needs_a_clinician"),
            ({"pregnant": "unknown"}, "needs_a_clinician"),
            ({"age_years": 17}, "not_suitable"),
        ],
    )
    def test_says_what_the_rules_make_of_it(self, changed, outcome, client):
        answer = self.ask(client, ADA | changed)
        assert (answer.status_code, answer.json()["outcome"]) == (200, outcome)

    def test_gives_every_reason_and_what_is_missing(self, client):
        body = self.ask(client, {"age_years": 17, "ketamine_allergy": "yes"}).json()
        assert {"age_under_18", "ketamine_allergy"} <= {reason["code"] for reason in body["reasons"]}
        assert "pregnant" in body["missing"]
        assert set(body) == {"outcome", "summary", "reasons", "missing", "crisis"}

    def test_what_is_certain_comes_before_what_was_not_answered(self, client):
        reasons = self.ask(client, {"ketamine_allergy": "yes"}).json()["reasons"]
        assert [reason["code"] for reason in reasons].index("ketamine_allergy") == 0
        assert "age_under_18" in {reason["code"] for reason in reasons}

    def test_shows_where_to_turn_to(self, client, settings):
        body = self.ask(client, {"thinking_of_ending_life_now": "yes"}).json()
        assert body["crisis"]["phones"] == [settings.CLINIC_PHONE]
        assert "your local emergency number" in body["crisis"]["summary"]

    def test_does_not_show_it_to_whoever_was_not_asked(self, client):
        assert self.ask(client, {}).json()["crisis"] is None

    @pytest.mark.parametrize("answers", [ADA, {"thinking_of_ending_life_now": "yes"}, {"pregnant": "maybe"}])
    def test_nothing_is_stored(self, answers, client):
        before = row_counts()
        self.ask(client, answers)
        assert row_counts() == before

    def test_who_is_signed_in_is_not_looked_at(self, as_ada, client_of):
        before = row_counts()
        answer = as_ada.post("/api/v1/fit-checks", {"answers": ADA}, format="json")
        assert answer.status_code == 200
        assert row_counts() == before
        assert not answer.cookies

    @pytest.mark.parametrize(("body", "pointer"), MALFORMED)
    def test_malformed(self, body, pointer, client):
        answer = client.post("/api/v1/fit-checks", body, "application/json")
        assert code(answer) == (400, "invalid_input")
        assert answer.json()["errors"][0]["pointer"] == pointer

    def test_it_is_not_read(self, client):
        assert client.get("/api/v1/fit-checks").status_code == 405


class TestQuestions:
    def test_are_the_policys_own(self, client):
        body = client.get("/api/v1/screening-questions").json()
        assert (body["policy"], body["version"]) == ("home-ketamine-screening", 2)
        assert "example" in body["note"]
        assert [question["key"] for question in body["questions"]] == list(ADA)

    def test_say_how_to_answer(self, client):
        body = client.get("/api/v1/screening-questions").json()
        questions = {question["key"]: question for question in body["questions"]}
        assert questions["age_years"]["bounds"] == {"minimum": 0.0, "maximum": 120.0}
        assert [choice["value"] for choice in questions["stroke_ever"]["choices"]] == ["yes", "no"]
        assert questions["blood_pressure_readings"]["max_readings"] == 10
        assert "choices" not in questions["current_medicines"]
        assert body["no_answer"] == ["prefer_not_to_say", "unknown"]

    def test_without_a_policy_nobody_is_screened(self, enrollment, ada, nothing_in_force):
        with pytest.raises(errors.NoScreeningPolicy):
            queries.screening_policy(at=nothing_in_force)


class TestAnswering:
    def path(self, enrollment):
        return f"enrollments/{enrollment.pk}/screenings"

    def send(self, client, enrollment, answers):
        return post(client, self.path(enrollment), {"answers": answers})

    @pytest.mark.parametrize(
        ("changed", "outcome"),
        [
            ({}, "eligible"),
            ({"current_medicines": ["sertraline"]}, "needs_review"),
            ({"ketamine_allergy": "yes"}, "ineligible"),
        ],
    )
    def test_says_what_the_policy_makes_of_it(self, changed, outcome, enrollment, as_ada):
        answer = self.send(as_ada, enrollment, NOTHING_TO_REPORT | changed)
        assert (answer.status_code, answer.json()["outcome"]) == (201, outcome)
        assert answer["Location"] == f"/api/v1/screenings/{answer.json()['id']}"
        assert answer.json()["crisis"] is None

    def test_gives_every_reason_in_the_patients_words(self, enrollment, as_ada):
        said = {"ketamine_allergy": "yes", "stroke_ever": "yes"}
        body = self.send(as_ada, enrollment, NOTHING_TO_REPORT | said).json()
        assert [reason["code"] for reason in body["reasons"]] == ["ketamine_allergy", "past_stroke"]
        assert body["reasons"][0]["detail"] == "You told us that ketamine gave you an allergic reaction."
        assert body["reasons"][0]["found"] == [
            {"question": "ketamine_allergy", "quantity": None, "value": "yes"}
        ]
        assert "clinician_text" not in body

    def test_no_answer_is_not_a_no(self, enrollment, as_ada):
        body = self.send(as_ada, enrollment, {}).json()
        assert body["outcome"] == "incomplete"
        assert "pregnant" in body["missing"]
        assert "age_years" not in body["missing"]

    def test_clears_nobody_and_moves_nothing(self, enrollment, as_ada, at):
        self.send(as_ada, enrollment, NOTHING_TO_REPORT)
        enrollment.refresh_from_db()
        assert enrollment.status == "screening"
        assert EnrollmentTransition.objects.count() == 1
        assert not queries.clearance(enrollment.pk, at=at).valid

    def test_keeps_answers_policy_and_decision(self, screening, at):
        screening.refresh_from_db()
        assert screening.answers == NOTHING_TO_REPORT
        assert screening.answers_sha256 == digest(NOTHING_TO_REPORT)
        assert screening.policy.kind == DocumentKind.SCREENING_POLICY
        assert screening.decision["chart"]["age_years"] in (at.year - 1985, at.year - 1984)
        assert screening.decision["texts"]["clinician"].startswith("Eligible by the answers given")
        assert screening.actor.id == str(screening.enrollment.patient.user_id)

    def test_the_chart_says_how_old_somebody_is(self, ada, enrollment, as_ada, at):
        ada.birth_on = date(at.year - 17, at.month, 1)
        ada.save()
        body = self.send(as_ada, enrollment, NOTHING_TO_REPORT | {"age_years": 44}).json()
        assert body["outcome"] == "ineligible"
        assert [reason["code"] for reason in body["reasons"]] == ["age_under_18", "age_differs_from_chart"]

    def test_the_age_is_that_of_the_patients_own_day(self, ada, enrollment, at):
        moment = at.replace(year=2026, month=3, day=2, hour=3)
        ada.birth_on, ada.timezone = date(2008, 3, 2), "America/New_York"
        ada.save()
        assert answered(enrollment, at=moment).outcome == "ineligible"
        assert answered(enrollment, at=moment + timedelta(hours=2)).outcome == "eligible"

    def test_a_thought_of_ending_ones_life_is_answered_at_once(self, enrollment, as_ada, settings, ada):
        said = NOTHING_TO_REPORT | {"thinking_of_ending_life_now": "yes"}
        body = self.send(as_ada, enrollment, said).json()
        assert body["crisis"]["phones"] == ["988", "911", settings.CLINIC_PHONE]
        assert body["summary"] == body["crisis"]["summary"]
        alert = Alert.objects.get()
        assert (alert.patient, alert.alert_class) == (ada, AlertClass.SUICIDE_RISK)
        assert alert.source == f"screening:{body['id']}"
        assert alert.pages_sent == 1
        assert Delivery.objects.filter(dedupe_key__startswith=f"alert:{alert.pk}:0:").count() == 1

    def test_who_would_not_say_is_asked_after_too(self, enrollment, as_ada):
        said = NOTHING_TO_REPORT | {"thinking_of_ending_life_now": "prefer_not_to_say"}
        assert self.send(as_ada, enrollment, said).json()["crisis"] is not None
        assert Alert.objects.count() == 1

    @pytest.mark.parametrize("answers", [NOTHING_TO_REPORT, {}])
    def test_who_says_no_or_was_not_asked_raises_no_alert(self, answers, enrollment, as_ada):
        assert self.send(as_ada, enrollment, answers).json()["crisis"] is None
        assert not Alert.objects.exists()

    def test_a_stranger_must_sign_in(self, enrollment, client):
        answer = client.post(f"/api/v1/{self.path(enrollment)}", {}, "application/json")
        assert code(answer) == (401, "sign_in_required")

    def test_a_clinician_does_not_answer_for_a_patient(self, enrollment, as_ben):
        assert code(self.send(as_ben, enrollment, {})) == (403, "not_allowed")
        assert not Screening.objects.exists()

    def test_a_clinician_who_is_a_patient_does_not_either(self, enrollment, ben_ill, as_ben):
        assert code(self.send(as_ben, enrollment, {})) == (404, "not_found")
        assert not Screening.objects.exists()

    def test_somebody_elses_is_as_absent_as_none(self, enrollment, as_cyd):
        others = self.send(as_cyd, enrollment, {})
        absent = post(as_cyd, f"enrollments/{ABSENT}/screenings", {"answers": {}})
        assert others.status_code == absent.status_code == 404
        assert bytes_without(others, enrollment.pk) == bytes_without(absent, ABSENT)
        assert not Screening.objects.exists()

    @pytest.mark.parametrize(("body", "pointer"), MALFORMED)
    def test_malformed(self, body, pointer, enrollment, as_ada):
        answer = post(as_ada, self.path(enrollment), body)
        assert code(answer) == (400, "invalid_input")
        assert answer.json()["errors"][0]["pointer"] == pointer
        assert not Screening.objects.exists()

    def test_every_fault_is_listed(self, enrollment, as_ada):
        answer = self.send(as_ada, enrollment, {"pregnant": 1, "shoe_size": 44, "age_years": "old"})
        assert len(answer.json()["errors"]) == 3

    def test_without_a_key_nothing_happens(self, enrollment, as_ada):
        answer = as_ada.post(f"/api/v1/{self.path(enrollment)}", {"answers": {}}, format="json")
        assert answer.status_code == 428
        assert not Screening.objects.exists()

    def test_sent_twice_it_is_stored_once(self, enrollment, as_ada):
        first, again = (post(as_ada, self.path(enrollment), {"answers": {}}, key="k") for _ in range(2))
        assert first.content == again.content
        assert Screening.objects.count() == 1

    def test_between_plan_and_treatment_too(self, ada, as_ada, at):
        enrollment = planned(ada, at=at)
        assert self.send(as_ada, enrollment, {}).status_code == 201
        assert Screening.objects.count() == 2

    def test_not_after_leaving(self, enrollment, ada, as_ada, at):
        programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
        assert code(self.send(as_ada, enrollment, {})) == (409, "not_screening")

    def test_again_during_treatment_and_the_clearance_is_gone(self, ada, as_ada, at):
        enrollment = active(ada, at=at)
        assert queries.clearance(enrollment.pk, at=at).valid
        assert self.send(as_ada, enrollment, NOTHING_TO_REPORT).status_code == 201
        clearance = queries.clearance(enrollment.pk, at=at)
        assert [reason.code for reason in clearance.reasons] == ["not_reviewed"]

    def test_without_a_policy_it_is_unavailable(self, enrollment, as_ada, monkeypatch, nothing_in_force):
        monkeypatch.setattr("core.clock.now", lambda: nothing_in_force)
        answer = self.send(as_ada, enrollment, {})
        assert code(answer) == (503, "no_screening_policy")
        assert answer["Retry-After"] == "5"

    def test_a_newer_policy_decides_from_its_day_on(self, enrollment, at):
        content = example_policy() | {"version": 3}
        enact(DocumentKind.SCREENING_POLICY, version=3, content=content, effective_at=at, at=at)
        before = answered(enrollment, at=at - timedelta(seconds=1))
        assert (before.policy.version, answered(enrollment, at=at).policy.version) == (2, 3)
        assert DocumentVersion.objects.filter(kind=DocumentKind.SCREENING_POLICY).count() == 3
