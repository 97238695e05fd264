import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import CareTeamMembership, RoleGrant
from core.actors import Actor, ServiceName
from notifications.models import Delivery
from programs import errors, services
from programs.enums import EnrollmentEvent, EnrollmentStatus
from programs.models import Enrollment, Program
from programs.rules import TRANSITIONS, next_status
from tests.api import post
from tests.conftest import make_user
from tests.steps import ORDER, accepted, active, enrolled, planned

pytestmark = pytest.mark.django_db


def test_anyone_can_see_the_programs(client):
    answer = client.get("/api/v1/programs")
    assert [program["session_count"] for program in answer.json()] == [6, 12, 18]
    assert {program["price_per_session_cents"] for program in answer.json()} == {16500}


def test_a_program_that_is_not_offered_is_not_shown(client):
    Program.objects.filter(slug="burnout-18").update(is_offered=False)
    assert [program["slug"] for program in client.get("/api/v1/programs").json()] == [
        "burnout-6",
        "burnout-12",
    ]


class TestEnrolling:
    def test_works_and_puts_the_person_into_care(self, cyd, ben, client_of):
        answer = post(client_of(cyd.user), "enrollments", {"program": "burnout-12"})
        assert answer.status_code == 201
        assert answer.json()["status"] == "screening"
        assert answer["Location"].endswith(answer.json()["id"])
        assert CareTeamMembership.objects.get(patient=cyd).member == ben

    def test_a_stranger_must_sign_in(self, client):
        assert client.post("/api/v1/enrollments", {}, "application/json").status_code == 401

    def test_needs_a_profile(self, ben, client_of):
        answer = post(client_of(make_user("new@example.org")), "enrollments", {"program": "burnout-6"})
        assert (answer.status_code, answer.json()["code"]) == (422, "profile_missing")

    def test_needs_a_program_that_is_offered(self, ada, client_of):
        answer = post(client_of(ada.user), "enrollments", {"program": "burnout-7"})
        assert (answer.status_code, answer.json()["code"]) == (422, "program_not_offered")

    def test_once_at_a_time(self, ada, client_of, at):
        enrolled(ada, at=at)
        answer = post(client_of(ada.user), "enrollments", {"program": "burnout-6"})
        assert (answer.status_code, answer.json()["code"]) == (409, "already_enrolled")

    def test_again_after_leaving(self, ada, client_of, at):
        first = enrolled(ada, at=at)
        services.withdraw(first.pk, patient_user=ada.user, reason="", at=at)
        assert post(client_of(ada.user), "enrollments", {"program": "burnout-6"}).status_code == 201

    def test_not_without_a_clinician_who_would_see_it(self, cyd, ben, client_of, at):
        RoleGrant.objects.filter(user=ben).update(ends_at=at)
        answer = post(client_of(cyd.user), "enrollments", {"program": "burnout-6"})
        assert (answer.status_code, answer.json()["code"]) == (422, "no_clinician_available")
        assert not Enrollment.objects.exists()

    @pytest.mark.parametrize(
        "body", [{}, {"program": ""}, {"program": 6}, {"program": "burnout-6", "status": "active"}]
    )
    def test_malformed(self, body, ada, client_of):
        assert post(client_of(ada.user), "enrollments", body).status_code in (400, 422)
        assert not Enrollment.objects.exists()

    def test_the_database_refuses_a_second_open_one(self, ada, at):
        first = enrolled(ada, at=at)
        with pytest.raises(IntegrityError, match="enrollment_one_open_per_patient"), transaction.atomic():
            Enrollment.objects.create(patient=ada, program=first.program)

    def test_the_database_refuses_an_unknown_status(self, ada, at):
        first = enrolled(ada, at=at)
        with pytest.raises(IntegrityError, match="enrollment_status_is_known"), transaction.atomic():
            Enrollment.objects.filter(pk=first.pk).update(status="cured")


class TestReading:
    def test_ones_own_and_ones_patients(self, ada, ben, client_of, at):
        enrollment = enrolled(ada, at=at)
        for user in (ada.user, ben):
            answer = client_of(user).get(f"/api/v1/enrollments/{enrollment.pk}")
            assert answer.json()["id"] == str(enrollment.pk)
            assert answer["ETag"] == '"v1"'
            assert answer["Cache-Control"] == "no-store"
            listed = client_of(user).get("/api/v1/enrollments").json()
            assert [row["id"] for row in listed["results"]] == [str(enrollment.pk)]

    def test_somebody_elses_is_as_absent_as_none(self, ada, cyd, client_of, at):
        enrollment = enrolled(ada, at=at)
        path = f"/api/v1/enrollments/{enrollment.pk}"
        client = client_of(cyd.user)
        refused = client.get(path)
        Enrollment.objects.filter(pk=enrollment.pk).update(patient=cyd)
        assert client.get(path).status_code == 200
        other = "/api/v1/enrollments/00000000-0000-7000-8000-000000000000"
        absent = client.get(other)
        assert refused.status_code == absent.status_code == 404
        assert refused.content.replace(path.encode(), b"") == absent.content.replace(other.encode(), b"")
        # How much of the quota is left differs from request to request, and the path has its own length.
        counted = {"Content-Length": "", "RateLimit": ""}
        assert dict(refused.headers) | counted == dict(absent.headers) | counted

    def test_care_that_has_ended_shows_nothing(self, ada, ben, client_of, at):
        enrollment = enrolled(ada, at=at)
        CareTeamMembership.objects.filter(member=ben).update(ends_at=at)
        assert client_of(ben).get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 404


class TestPlan:
    BODY = {"route": "sublingual", "dose_mg": "300.0", "session_count": 6, "min_days_between": 7}

    def path(self, enrollment):
        return f"enrollments/{enrollment.pk}/treatment-plans"

    def test_works_and_binds_the_signature(self, ada, ben, client_of, at):
        enrollment = accepted(ada, at=at)
        answer = post(client_of(ben), self.path(enrollment), self.BODY)
        assert answer.status_code == 201, answer.content
        assert answer.json()["signature"]["signer_name"] == "Ben Example, MD"
        enrollment.refresh_from_db()
        assert enrollment.status == "awaiting_consent"

    def test_not_before_acceptance(self, ada, ben, client_of, at):
        answer = post(client_of(ben), self.path(enrolled(ada, at=at)), self.BODY)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_enrollment_state")

    def test_not_by_the_patient(self, ada, client_of, at):
        assert post(client_of(ada.user), self.path(accepted(ada, at=at)), self.BODY).status_code == 403

    def test_not_for_oneself(self, ada, ben, client_of, at):
        enrollment = accepted(ada, at=at)
        Enrollment.objects.filter(pk=enrollment.pk).update(patient=ada)
        ada.user, ben_user = ben, ben
        ada.save()
        assert post(client_of(ben_user), self.path(enrollment), self.BODY).status_code == 404

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"session_count": 7}, "too_many_sessions"),
            ({"min_days_between": 2}, "too_close_together"),
            ({"dose_mg": "450.1"}, "dose_out_of_bounds"),
            ({"dose_mg": "49.9"}, "dose_out_of_bounds"),
        ],
    )
    def test_out_of_bounds(self, change, reason, ada, ben, client_of, at):
        enrollment = accepted(ada, at=at)
        answer = post(client_of(ben), self.path(enrollment), self.BODY | change)
        assert answer.status_code == 422
        assert [found["code"] for found in answer.json()["reasons"]] == [reason]
        enrollment.refresh_from_db()
        assert enrollment.status == "awaiting_plan"

    def test_every_fault_at_once(self, ada, ben, client_of, at):
        change = {"session_count": 18, "min_days_between": 1, "dose_mg": "9999"}
        answer = post(client_of(ben), self.path(accepted(ada, at=at)), self.BODY | change)
        assert len(answer.json()["reasons"]) == 3

    @pytest.mark.parametrize("dose", ["NaN", "-1", "", None, "1e9", "300.55"])
    def test_a_dose_that_is_no_amount(self, dose, ada, ben, client_of, at):
        answer = post(client_of(ben), self.path(accepted(ada, at=at)), self.BODY | {"dose_mg": dose})
        assert answer.status_code in (400, 422)

    def test_a_signed_plan_cannot_be_changed(self, ada, at):
        planned(ada, at=at)
        refused = pytest.raises(DatabaseError, match="permission denied")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE programs_treatmentplan SET dose_mg = 1")

    def test_a_change_is_a_new_version(self, ada, ben, at):
        enrollment = active(ada, at=at)
        second = services.sign_plan(enrollment.pk, order=ORDER, clinician=ben, at=at)
        assert second.version == 2
        assert second.signature.document_sha256 != enrollment.plans.get(version=1).signature.document_sha256


class TestLeaving:
    def test_works_without_a_reason(self, ada, client_of, at):
        enrollment = active(ada, at=at)
        answer = post(client_of(ada.user), f"enrollments/{enrollment.pk}/withdrawals")
        assert (answer.status_code, answer.json()["status"]) == (201, "withdrawn")

    def test_not_twice(self, ada, client_of, at):
        enrollment = active(ada, at=at)
        services.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
        assert post(client_of(ada.user), f"enrollments/{enrollment.pk}/withdrawals").status_code == 201
        assert enrollment.transitions.filter(event="withdrawn").count() == 1

    def test_nobody_leaves_for_another(self, ada, ben, cyd, client_of, at):
        enrollment = active(ada, at=at)
        assert post(client_of(cyd.user), f"enrollments/{enrollment.pk}/withdrawals").status_code == 404
        assert post(client_of(ben), f"enrollments/{enrollment.pk}/withdrawals").status_code == 403


class TestMoving:
    def test_every_pair_of_state_and_event_is_decided(self):
        decided = {(s, e) for s in EnrollmentStatus for e in EnrollmentEvent if next_status(s, e)}
        assert decided == set(TRANSITIONS)

    def test_nothing_leads_out_of_an_end(self):
        for status in ("declined", "completed", "discontinued", "withdrawn"):
            assert not [e for e in EnrollmentEvent if next_status(EnrollmentStatus(status), e)]

    def test_a_stale_copy_cannot_move(self, ada, at):
        stale = enrolled(ada, at=at)
        services.withdraw(stale.pk, patient_user=ada.user, reason="", at=at)
        with pytest.raises(errors.WrongEnrollmentState):
            services.move(stale, EnrollmentEvent.ACCEPTED, actor=Actor.service(ServiceName.WATCH), at=at)

    def test_each_step_is_written_down_with_who_took_it(self, ada, ben, at):
        enrollment = active(ada, at=at)
        steps = [(row.event, row.actor) for row in enrollment.transitions.all()]
        patient, clinician = Actor.person(ada.user_id), Actor.person(ben.pk)
        assert steps == [
            ("enrolled", patient),
            ("accepted", clinician),
            ("plan_signed", clinician),
            ("consented", patient),
        ]


class TestNews:
    def test_a_decision_and_a_plan_are_told_of(self, ada, at):
        enrollment = planned(ada, at=at)
        told = Delivery.objects.filter(kind="news", user=ada.user)
        assert told.filter(dedupe_key__startswith=f"news:{enrollment.pk}:screening:").count() == 1
        assert told.filter(dedupe_key=f"news:{enrollment.pk}:plan:1").count() == 1

    def test_each_new_plan_is_told_of(self, ada, ben, at):
        enrollment = active(ada, at=at)
        services.sign_plan(enrollment.pk, order=ORDER, clinician=ben, at=at)
        assert Delivery.objects.filter(dedupe_key=f"news:{enrollment.pk}:plan:2").exists()
