"""A clinician reads and decides: once, on the newest answers, never against what excludes."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.enums import SignatureMeaning
from accounts.models import Signature
from core.enums import DocumentKind
from core.errors import NotFound
from notifications.models import Suppression
from programs import services as programs
from programs.models import EnrollmentTransition
from safety import queries, services
from safety.enums import ReviewOutcome
from safety.models import ScreeningReview
from safety.rules import Advice
from safety.screening.policy import example_policy
from tests.api import post
from tests.policies import enact
from tests.safety.conftest import ABSENT, answered, bytes_without, code
from tests.safety.test_screening_rules import sentences
from tests.steps import active, enrolled

pytestmark = pytest.mark.django_db

ACCEPT = {"outcome": "accepted", "reason": "Nothing speaks against it."}
DECLINE = {"outcome": "declined", "reason": "Too soon after the surgery."}


def decide(client, screening, body=None):
    return post(client, f"screenings/{screening.pk}/reviews", ACCEPT if body is None else body)


class TestDeciding:
    def test_accepting_signs_and_moves_on(self, screening, enrollment, as_ben):
        answer = decide(as_ben, screening)
        assert answer.status_code == 201
        assert answer.json()["enrollment_status"] == "awaiting_plan"
        assert answer.json()["signature"]["signer_name"] == "Ben Example, MD"
        enrollment.refresh_from_db()
        assert enrollment.status == "awaiting_plan"

    def test_declining_signs_and_ends_it(self, screening, enrollment, as_ben):
        answer = decide(as_ben, screening, DECLINE)
        assert (answer.status_code, answer.json()["enrollment_status"]) == (201, "declined")

    def test_what_needs_review_can_be_accepted(self, enrollment, as_ben, at):
        assert decide(as_ben, answered(enrollment, at=at, stroke_ever="yes")).status_code == 201

    def test_the_signature_is_bound_to_what_was_decided(self, screening, ben, as_ben):
        decide(as_ben, screening)
        review = ScreeningReview.objects.get()
        assert review.signature.signer == ben
        assert review.signature.meaning == SignatureMeaning.DECIDED
        bound_to = {
            queries.review_digest(screening, outcome=outcome, reason=reason)
            for outcome in ReviewOutcome
            for reason in (ACCEPT["reason"], "Another.")
        }
        assert len(bound_to) == 4
        screening.refresh_from_db()
        right = queries.review_digest(screening, outcome=ReviewOutcome.ACCEPTED, reason=ACCEPT["reason"])
        assert review.signature.document_sha256 == right

    def test_the_step_is_written_down_with_policy_and_reason(self, screening, ben, as_ben):
        decide(as_ben, screening)
        step = EnrollmentTransition.objects.get(event="accepted")
        assert (step.actor_id, step.reason, step.policy_version) == (str(ben.pk), ACCEPT["reason"], 2)

    def test_nobody_is_reminded_after_a_no(self, screening, ada, as_ben):
        decide(as_ben, screening, DECLINE)
        assert set(Suppression.objects.filter(user=ada.user).values_list("kind", flat=True)) == {
            "assessment_due",
            "session_tomorrow",
        }


class TestRefusals:
    def unchanged(self, enrollment):
        enrollment.refresh_from_db()
        return enrollment.status == "screening" and not ScreeningReview.objects.exists()

    def test_a_stranger_must_sign_in(self, screening, enrollment, client):
        answer = client.post(f"/api/v1/screenings/{screening.pk}/reviews", ACCEPT, "application/json")
        assert code(answer) == (401, "sign_in_required")
        assert self.unchanged(enrollment)

    def test_a_patient_does_not_decide(self, screening, enrollment, as_ada):
        assert code(decide(as_ada, screening)) == (403, "not_allowed")
        assert self.unchanged(enrollment)

    def test_somebody_elses_is_as_absent_as_none(self, screening, enrollment, cyd_practises, as_cyd):
        others = decide(as_cyd, screening)
        absent = post(as_cyd, f"screenings/{ABSENT}/reviews", ACCEPT)
        assert others.status_code == absent.status_code == 404
        assert bytes_without(others, screening.pk) == bytes_without(absent, ABSENT)
        assert self.unchanged(enrollment)

    def test_nobody_decides_about_themselves(self, ben_ill, as_ben, at):
        own = answered(enrolled(ben_ill, at=at), at=at)
        assert code(decide(as_ben, own)) == (404, "not_found")

    def test_the_service_knows_no_such_screening(self, ben, at):
        with pytest.raises(NotFound):
            services.review(ABSENT, outcome=ReviewOutcome.ACCEPTED, reason="Because.", reviewer=ben, at=at)

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/outcome"),
            ({"outcome": "accepted"}, "/reason"),
            (ACCEPT | {"reason": ""}, "/reason"),
            (ACCEPT | {"reason": "   "}, "/reason"),
            (ACCEPT | {"reason": "x" * 4001}, "/reason"),
            (ACCEPT | {"outcome": "maybe"}, "/outcome"),
            (ACCEPT | {"signature": ABSENT}, "/signature"),
        ],
    )
    def test_malformed(self, body, pointer, screening, enrollment, as_ben):
        answer = decide(as_ben, screening, body)
        assert code(answer) == (400, "invalid_input")
        assert answer.json()["errors"][0]["pointer"] == pointer
        assert self.unchanged(enrollment)

    def test_what_is_excluded_cannot_be_accepted(self, enrollment, as_ben, at):
        screening = answered(enrollment, at=at, ketamine_allergy="yes", stroke_ever="yes")
        answer = decide(as_ben, screening)
        assert code(answer) == (422, "ineligible")
        (reason,) = answer.json()["reasons"]
        assert reason["code"] == "ketamine_allergy"
        assert self.unchanged(enrollment)

    def test_what_is_excluded_can_be_declined(self, enrollment, as_ben, at):
        screening = answered(enrollment, at=at, ketamine_allergy="yes")
        assert decide(as_ben, screening, DECLINE).status_code == 201

    @pytest.mark.parametrize("again", [ACCEPT, DECLINE])
    def test_once(self, again, screening, as_ben):
        decide(as_ben, screening)
        assert code(decide(as_ben, screening, again)) == (409, "already_reviewed")
        assert ScreeningReview.objects.get().outcome == "accepted"
        assert Signature.objects.count() == 1

    @pytest.mark.parametrize("body", [ACCEPT, DECLINE])
    def test_only_the_newest_answers(self, body, screening, enrollment, as_ben, at):
        newer = answered(enrollment, at=at)
        assert code(decide(as_ben, screening, body)) == (409, "superseded_screening")
        assert self.unchanged(enrollment)
        assert decide(as_ben, newer, body).status_code == 201

    def test_not_by_a_policy_that_has_gone(self, screening, enrollment, as_ben, at):
        content = example_policy() | {"version": 3}
        enact(DocumentKind.SCREENING_POLICY, version=3, content=content, effective_at=at, at=at)
        assert code(decide(as_ben, screening)) == (409, "policy_changed")
        assert self.unchanged(enrollment)
        assert decide(as_ben, screening, DECLINE).status_code == 201

    def test_not_after_the_patient_has_left(self, screening, enrollment, ada, as_ben, at):
        programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
        assert code(decide(as_ben, screening)) == (409, "wrong_enrollment_state")
        assert not Signature.objects.exists()


class TestARefusalIsKind:
    ADVICE = DECLINE | {"instead": "Your cardiologist comes first.", "ask_again_on": "2199-09-01"}

    def refusal(self, as_ada, screening):
        return as_ada.get(f"/api/v1/screenings/{screening.pk}").json()["review"]["refusal"]

    def test_with_what_to_do_and_when_to_ask_again(self, screening, as_ada, as_ben, settings):
        assert decide(as_ben, screening, self.ADVICE).status_code == 201
        read = self.refusal(as_ada, screening)
        assert len(sentences(read["summary"])) == 2
        assert settings.CLINIC_PHONE in read["summary"]
        assert read["instead"] == "Your cardiologist comes first."
        assert read["again"] == "You can ask us again from September 1, 2199."
        assert read["cost"] == "You pay nothing for this."
        assert DECLINE["reason"] not in str(read)

    def test_without_any_there_is_a_way_on(self, screening, as_ada, as_ben):
        decide(as_ben, screening, DECLINE)
        read = self.refusal(as_ada, screening)
        assert read["ask_again_on"] is None
        assert all(read[name] for name in ("summary", "instead", "again", "cost", "phone"))
        assert all(len(sentences(read[name])) <= 2 for name in ("summary", "instead", "again", "cost"))

    def test_who_is_accepted_reads_none(self, screening, as_ada, as_ben):
        decide(as_ben, screening)
        assert self.refusal(as_ada, screening) is None

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            (ACCEPT | {"instead": "Rest."}, "/outcome"),
            (DECLINE | {"ask_again_on": "2020-01-01"}, "/ask_again_on"),
            (DECLINE | {"ask_again_on": "soon"}, "/ask_again_on"),
        ],
    )
    def test_advice_that_makes_no_sense_is_refused(self, screening, as_ben, body, pointer):
        answer = decide(as_ben, screening, body)
        assert answer.status_code == 400
        assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]

    def test_advice_is_part_of_what_is_signed(self, screening, as_ben, at):
        decide(as_ben, screening, self.ADVICE)
        review = ScreeningReview.objects.get()
        advice = Advice(review.instead, review.ask_again_on)
        said: Any = {"outcome": ReviewOutcome.DECLINED, "reason": DECLINE["reason"]}
        signed = [queries.review_digest(screening, advice=one, **said) for one in (advice, Advice())]
        assert [one == review.signature.document_sha256 for one in signed] == [True, False]


class TestDuringTreatment:
    def test_accepting_again_changes_no_status_and_clears_again(self, ada, as_ben, at):
        enrollment = active(ada, at=at)
        again = answered(enrollment, at=at)
        assert decide(as_ben, again).json()["enrollment_status"] == "active"
        clearance = queries.clearance(enrollment.pk, at=at)
        assert (clearance.valid, clearance.screening_id) == (True, again.pk)

    def test_declining_ends_the_treatment(self, ada, as_ben, at):
        enrollment = active(ada, at=at)
        again = answered(enrollment, at=at, psychotic_disorder="active")
        assert decide(as_ben, again, DECLINE).json()["enrollment_status"] == "discontinued"
        assert not queries.clearance(enrollment.pk, at=at).valid


class TestQueue:
    def listed(self, client, query=""):
        return [row["id"] for row in client.get(f"/api/v1/screenings{query}").json()["results"]]

    def test_what_waits_and_only_the_newest(self, screening, enrollment, as_ben, at):
        assert self.listed(as_ben) == [str(screening.pk)]
        newer = answered(enrollment, at=at)
        assert self.listed(as_ben, "?status=waiting") == [str(newer.pk)]
        assert self.listed(as_ben, "?status=all") == [str(screening.pk), str(newer.pk)]

    def test_what_is_decided_waits_no_more(self, screening, as_ben):
        decide(as_ben, screening)
        assert self.listed(as_ben) == []
        (row,) = as_ben.get("/api/v1/screenings?status=all").json()["results"]
        assert row["review"]["outcome"] == "accepted"
        assert row["patient"]["legal_name"] == "Ada Example"

    def test_who_has_left_waits_no_more(self, screening, enrollment, ada, as_ben, at):
        programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
        assert self.listed(as_ben) == []

    def test_it_comes_in_pages(self, screening, enrollment, as_ben, at):
        newer = answered(enrollment, at=at)
        first = as_ben.get("/api/v1/screenings?status=all&limit=1").json()
        second = as_ben.get(first["next"]).json()
        assert [row["id"] for page in (first, second) for row in page["results"]] == [
            str(screening.pk),
            str(newer.pk),
        ]

    def test_a_stranger_sees_nobodys(self, screening, cyd_practises, as_cyd):
        assert self.listed(as_cyd, "?status=all") == []

    def test_a_patient_has_no_queue(self, screening, as_ada):
        assert code(as_ada.get("/api/v1/screenings")) == (403, "not_allowed")

    def test_a_stranger_must_sign_in(self, client):
        assert code(client.get("/api/v1/screenings")) == (401, "sign_in_required")

    @pytest.mark.parametrize("query", ["status=mine", "status=", "limit=0", "limit=x", "patient=1"])
    def test_malformed(self, query, as_ben):
        assert code(as_ben.get(f"/api/v1/screenings?{query}")) == (400, "invalid_input")


class TestReading:
    def path(self, screening_id):
        return f"/api/v1/screenings/{screening_id}"

    def test_the_patient_reads_their_own_words(self, screening, as_ada, as_ben):
        decide(as_ben, screening)
        body = as_ada.get(self.path(screening.pk)).json()
        assert set(body["review"]) == {"outcome", "decided_at", "refusal"}
        assert "clinician_text" not in body
        assert "patient" not in body

    def test_the_clinician_reads_the_whole_explanation(self, enrollment, as_ben, at):
        screening = answered(enrollment, at=at, stroke_ever="yes")
        body = as_ben.get(self.path(screening.pk)).json()
        assert "Rule: stroke_ever" in body["clinician_text"]
        assert body["reasons"][0]["found"][0]["value"] == "yes"
        assert body["answers"]["stroke_ever"] == "yes"
        assert body["review"] is None

    def test_the_clinician_reads_the_whole_review(self, screening, as_ben):
        decide(as_ben, screening)
        assert as_ben.get(self.path(screening.pk)).json()["review"]["reason"] == ACCEPT["reason"]

    def test_a_clinicians_own_is_read_as_a_patient(self, ben_ill, as_ben, at):
        own = answered(enrolled(ben_ill, at=at), at=at)
        assert "clinician_text" not in as_ben.get(self.path(own.pk)).json()

    def test_somebody_elses_is_as_absent_as_none(self, screening, as_cyd):
        others, absent = as_cyd.get(self.path(screening.pk)), as_cyd.get(self.path(ABSENT))
        assert others.status_code == absent.status_code == 404
        assert bytes_without(others, screening.pk) == bytes_without(absent, ABSENT)

    def test_care_that_has_ended_shows_nothing(self, screening, ben, as_ben, at):
        ben.care_team_memberships.update(ends_at=at - timedelta(hours=1))
        assert as_ben.get(self.path(screening.pk)).status_code == 404

    def test_a_role_that_has_ended_shows_nothing(self, screening, ben, as_ben, at):
        ben.role_grants.update(ends_at=at - timedelta(hours=1))
        assert as_ben.get(self.path(screening.pk)).status_code == 403

    def test_a_stranger_must_sign_in(self, screening, client):
        assert code(client.get(self.path(screening.pk))) == (401, "sign_in_required")
