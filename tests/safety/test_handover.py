"""Somebody else takes over: sight moves at once, open work goes along, what was signed keeps its author."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction

from accounts import queries as accounts
from accounts import services as people
from accounts.enums import Role
from accounts.errors import CannotHandOver
from accounts.models import CareTeamMembership, RoleGrant, User
from accounts.queries import patients_guided, visible_patients
from core.actors import Actor
from core.errors import NotFound
from notifications.models import Delivery
from safety import queries, services
from safety.enums import ReviewOutcome
from tests import steps
from tests.api import post
from tests.conftest import HOME, make_clinician, make_patient, make_user
from tests.safety.conftest import ABSENT, answered

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def olga(at) -> User:
    """Runs the clinic."""
    user = make_user("olga@clinic.example", is_staff=True)
    people.grant_role(user, Role.OPERATOR, granted_by=None, at=at - timedelta(days=30))
    return user


@pytest.fixture
def dora(at) -> User:
    """A clinician with nobody in her care yet."""
    return make_clinician(make_user("dora@clinic.example", is_staff=True), "Dora Example", at=at)


@pytest.fixture
def guy(at) -> User:
    """A guide."""
    user = make_user("guy@clinic.example")
    people.grant_role(user, Role.GUIDE, granted_by=None, at=at)
    return user


def why(refused):
    return [reason.code for reason in refused.value.reasons]


def hand_over(ada, to, by, at, role=Role.CLINICIAN):
    with transaction.atomic():
        return services.hand_over(ada.pk, role, to=to, by=by, at=at)


def paged(alert):
    return list(
        Delivery.objects.filter(dedupe_key__startswith=f"alert:{alert.pk}:handover:").values_list(
            "user", flat=True
        )
    )


class TestSight:
    def test_moves_with_the_next_request(self, ada, ben, dora, olga, client_of, at):
        enrollment = steps.enrolled(ada, at=at)
        path = f"/api/v1/enrollments/{enrollment.pk}"
        old, new = client_of(ben), client_of(dora)
        assert (old.get(path).status_code, new.get(path).status_code) == (200, 404)
        answer = post(
            client_of(olga),
            "care-team/handovers",
            {"role": "clinician", "to": str(dora.pk), "patient": str(ada.pk)},
        )
        assert answer.status_code == 201
        assert [row["member"] for row in answer.json()["moved"]] == [str(dora.pk)]
        assert (old.get(path).status_code, new.get(path).status_code) == (404, 200)

    def test_what_was_signed_keeps_its_author(self, ada, ben, dora, olga, at):
        enrollment = steps.planned(ada, at=at)
        hand_over(ada, dora, olga, at)
        plan = enrollment.plans.get()
        assert (plan.signature.signer, plan.signature.signer_name) == (ben, "Ben Example, MD")
        assert enrollment.screenings.get().review.signature.signer == ben

    def test_one_follows_the_other_without_a_gap(self, ada, ben, dora, olga, at):
        hand_over(ada, dora, olga, at)
        rows = ada.care_team.order_by("id")
        assert [(row.member, row.starts_at, row.ends_at) for row in rows][1:] == [(dora, at, None)]
        assert rows[0].ends_at == at

    def test_again_changes_nothing(self, ada, dora, olga, at):
        first = hand_over(ada, dora, olga, at)
        assert hand_over(ada, dora, olga, at + MINUTE) == first
        assert ada.care_team.count() == 2
        assert Delivery.objects.filter(user=dora, kind="news").count() == 1

    def test_the_medical_director_may_too(self, ada, ben, dora, at):
        people.grant_role(ben, Role.MEDICAL_DIRECTOR, granted_by=None, at=at)
        assert hand_over(ada, dora, ben, at).member == dora


class TestOpenWork:
    def test_an_open_alert_pages_whoever_takes_over(self, ada, alert, dora, olga, at):
        hand_over(ada, dora, olga, at)
        assert paged(alert) == [dora.pk]
        alert.refresh_from_db()
        assert alert.status == "open"

    def test_one_that_the_old_clinician_had_in_hand_opens_again(self, ada, alert, ben, dora, olga, at):
        services.acknowledge(alert, by=ben, at=at)
        hand_over(ada, dora, olga, at)
        alert.refresh_from_db()
        assert (alert.status, alert.next_page_at) == ("open", at + 5 * MINUTE)
        assert (alert.acknowledged_by, paged(alert)) == (ben, [dora.pk])
        services.acknowledge(alert, by=dora, at=at)
        services.close(alert, by=dora, reason="Spoke to her.", at=at)

    def test_one_that_a_colleague_has_in_hand_stays_theirs(self, ada, alert, cyd_practises, dora, olga, at):
        services.acknowledge(alert, by=cyd_practises, at=at)
        hand_over(ada, dora, olga, at)
        alert.refresh_from_db()
        assert (alert.status, alert.acknowledged_by) == ("acknowledged", cyd_practises)
        assert paged(alert) == []

    def test_a_closed_one_stays_closed(self, ada, alert, ben, dora, olga, at):
        services.acknowledge(alert, by=ben, at=at)
        services.close(alert, by=ben, reason="Spoke to her.", at=at)
        hand_over(ada, dora, olga, at)
        assert paged(alert) == []

    def test_a_screening_waits_for_the_new_one(self, enrollment, ada, ben, dora, olga, at):
        screening = answered(enrollment, at=at)
        hand_over(ada, dora, olga, at)
        waiting = queries.listed_screenings(Actor.person(dora.pk), "waiting", at=at)
        assert list(waiting) == [screening]
        assert not queries.listed_screenings(Actor.person(ben.pk), "waiting", at=at)
        services.review(screening.pk, outcome=ReviewOutcome.ACCEPTED, reason="Fit.", reviewer=dora, at=at)


class TestRefused:
    @pytest.mark.parametrize("who", ["ben", "ada", "guy"])
    def test_by_anybody_else(self, who, ada, ben, dora, guy, client_of):
        user = {"ben": ben, "ada": ada.user, "guy": guy}[who]
        body = {"role": "clinician", "to": str(dora.pk), "patient": str(ada.pk)}
        for path in ("care-team/memberships", "care-team/unseen-patients"):
            assert client_of(user).get(f"/api/v1/{path}").status_code == 403
        assert post(client_of(user), "care-team/handovers", body).status_code == 403
        assert ada.care_team.get().member == ben

    def test_by_whoever_was_an_operator(self, ada, dora, olga, at):
        people.end_role(olga, Role.OPERATOR, at=at)
        with pytest.raises(CannotHandOver) as refused:
            hand_over(ada, dora, olga, at)
        assert why(refused) == ["not_an_operator"]

    def test_into_ones_own_care(self, ada, olga, at):
        make_clinician(olga, "Olga Example", at=at)
        with pytest.raises(CannotHandOver) as refused:
            hand_over(ada, olga, olga, at)
        assert why(refused) == ["own_care"]

    def test_of_a_patient_to_themselves(self, cyd, cyd_practises, olga, at):
        with pytest.raises(CannotHandOver) as refused:
            hand_over(cyd, cyd_practises, olga, at)
        assert why(refused) == ["own_chart"]

    @pytest.mark.parametrize("change", ["guide", "ended", "closed"])
    def test_to_whoever_does_not_practise(self, change, ada, dora, guy, olga, at):
        to = guy if change == "guide" else dora
        if change == "ended":
            people.end_role(dora, Role.CLINICIAN, at=at)
        if change == "closed":
            dora.is_active = False
            dora.save()
        with pytest.raises(CannotHandOver) as refused:
            hand_over(ada, to, olga, at)
        assert "role_not_held" in why(refused)

    def test_to_whoever_is_not_licensed_there(self, ada, dora, olga, at):
        move(ada, "MA", at)
        with pytest.raises(CannotHandOver) as refused:
            hand_over(ada, dora, olga, at)
        assert why(refused) == ["not_licensed_there"]

    @pytest.mark.parametrize("change", [{"patient": str(ABSENT)}, {"to": str(ABSENT)}])
    def test_of_or_to_nobody(self, change, ada, dora, olga, client_of):
        body = {"role": "clinician", "to": str(dora.pk), "patient": str(ada.pk)} | change
        assert post(client_of(olga), "care-team/handovers", body).status_code == 404

    @pytest.mark.parametrize(
        "change", [{"patient": None}, {"predecessor": str(ABSENT)}, {"role": "operator"}, {"by": "me"}]
    )
    def test_malformed(self, change, ada, dora, olga, client_of):
        body = {"role": "clinician", "to": str(dora.pk), "patient": str(ada.pk)} | change
        body = {name: value for name, value in body.items() if value is not None}
        assert post(client_of(olga), "care-team/handovers", body).status_code == 400


def move(patient, state, at):
    where = replace(HOME, state=state, starts_on=at.date())
    people.save_address(patient, where, actor=Actor.person(patient.user_id), at=at)


class TestEverybody:
    @pytest.fixture
    def eve(self, ben, at):
        patient = make_patient("eve@example.org", "Eve Example")
        CareTeamMembership.objects.create(patient=patient, member=ben, role=Role.CLINICIAN, starts_at=at)
        return patient

    def body(self, ben, dora):
        return {"role": "clinician", "to": str(dora.pk), "predecessor": str(ben.pk)}

    def test_goes_along(self, ada, eve, ben, dora, olga, client_of):
        answer = post(client_of(olga), "care-team/handovers", self.body(ben, dora)).json()
        assert {row["patient"]["id"] for row in answer["moved"]} == {str(ada.pk), str(eve.pk)}
        assert answer["left"] == []
        assert Delivery.objects.filter(user=dora, kind="news").count() == 1

    def test_who_cannot_stays_and_is_named(self, ada, eve, ben, dora, olga, client_of, at):
        move(eve, "MA", at)
        answer = post(client_of(olga), "care-team/handovers", self.body(ben, dora)).json()
        assert [row["patient"]["id"] for row in answer["moved"]] == [str(ada.pk)]
        assert [row["patient"] for row in answer["left"]] == [str(eve.pk)]
        assert [row["code"] for row in answer["left"][0]["reasons"]] == ["not_licensed_there"]
        assert accounts.current_clinician(eve.pk) == ben

    def test_where_nobody_can_it_is_refused(self, ada, eve, ben, guy, olga, client_of):
        answer = post(client_of(olga), "care-team/handovers", self.body(ben, guy))
        assert (answer.status_code, answer.json()["code"]) == (422, "cannot_hand_over")

    def test_works_after_the_role_has_ended(self, ada, ben, dora, olga, client_of, at):
        people.end_role(ben, Role.CLINICIAN, at=at)
        assert len(post(client_of(olga), "care-team/handovers", self.body(ben, dora)).json()["moved"]) == 1


class TestGuides:
    def test_see_whom_they_guide_and_nothing_clinical(self, ada, cyd, guy, olga, client_of, at):
        enrollment = steps.enrolled(ada, at=at)
        actor = Actor.person(guy.pk)
        assert not patients_guided(actor, at=at)
        hand_over(ada, guy, olga, at, role=Role.GUIDE)
        assert list(patients_guided(actor, at=at)) == [ada]
        assert not visible_patients(actor, at=at)
        client = client_of(guy)
        for path in ("", "/timeline", "/next-step", "/assessments", "/sessions"):
            answer = client.get(f"/api/v1/enrollments/{enrollment.pk}{path}")
            assert answer.status_code in (403, 404), path
        for path in ("screenings", "alerts", "holds"):
            assert client.get(f"/api/v1/{path}").status_code == 403, path

    def test_not_without_the_role(self, ada, guy, olga, at):
        hand_over(ada, guy, olga, at, role=Role.GUIDE)
        people.end_role(guy, Role.GUIDE, at=at)
        assert not patients_guided(Actor.person(guy.pk), at=at)
        assert not patients_guided(Actor.capability(guy.pk), at=at)

    def test_a_guide_takes_nothing_from_the_clinician(self, ada, ben, guy, olga, alert, at):
        hand_over(ada, guy, olga, at, role=Role.GUIDE)
        assert accounts.current_clinician(ada.pk) == ben
        assert paged(alert) == []


class TestUnseen:
    def unseen(self, olga, client_of):
        listed = client_of(olga).get("/api/v1/care-team/unseen-patients").json()["results"]
        return [row["legal_name"] for row in listed]

    def test_nobody_while_all_is_well(self, enrollment, olga, client_of):
        assert self.unseen(olga, client_of) == []

    @pytest.mark.parametrize("change", ["role", "licence", "moved", "closed", "nobody"])
    def test_whoever_lost_their_clinician(self, change, enrollment, ada, ben, olga, client_of, at):
        if change == "role":
            people.end_role(ben, Role.CLINICIAN, at=at)
        elif change == "licence":
            people.end_licence(
                ben.clinician.licences.get(), ends_on=(at - timedelta(days=1)).date(), ended_by=None
            )
        elif change == "moved":
            move(ada, "MA", at)
        elif change == "closed":
            User.objects.filter(pk=ben.pk).update(is_active=False)
        else:
            CareTeamMembership.objects.update(ends_at=at)
        assert self.unseen(olga, client_of) == ["Ada Example"]

    def test_is_the_other_side_of_sight(self, enrollment, ada, ben, at):
        assert accounts.patients_in_care(Actor.person(ben.pk), at=at).exists()
        assert ada not in accounts.in_nobodys_sight(at=at)
        RoleGrant.objects.filter(user=ben).update(starts_at=at + MINUTE)
        assert not accounts.patients_in_care(Actor.person(ben.pk), at=at).exists()
        assert ada in accounts.in_nobodys_sight(at=at)


class TestAdmin:
    def page(self, membership):
        return f"/admin/accounts/careteammembership/{membership.pk}"

    def test_an_operator_hands_over(self, ada, ben, dora, olga, client):
        client.force_login(olga)
        membership = ada.care_team.get()
        shown = client.get(f"{self.page(membership)}/change/").content.decode()
        assert "Ada Example" in shown
        assert "Hand over" in shown
        client.post(f"{self.page(membership)}/acts/hand-over/", {"hand-over-to": "Dora@clinic.example"})
        assert accounts.current_clinician(ada.pk) == dora

    @pytest.mark.parametrize("to", ["nobody@clinic.example", "olga@clinic.example", "x"])
    def test_not_to_whoever_cannot(self, to, ada, ben, olga, client):
        client.force_login(olga)
        client.post(f"{self.page(ada.care_team.get())}/acts/hand-over/", {"hand-over-to": to})
        assert accounts.current_clinician(ada.pk) == ben

    def test_nobody_else_sees_it(self, ada, ben, client):
        client.force_login(ben)
        assert client.get(f"{self.page(ada.care_team.get())}/change/").status_code == 403
        assert client.post(f"{self.page(ada.care_team.get())}/acts/hand-over/").status_code == 404


def test_nothing_is_handed_over_for_nobody(dora, olga, at):
    with pytest.raises(NotFound):
        services.hand_over(ABSENT, Role.CLINICIAN, to=dora, by=olga, at=at)
