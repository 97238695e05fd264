"""Who may be what here: roles are given by operators, end at once, and a director is licensed."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts import queries, rules, services
from accounts.enums import Profession, Role
from accounts.errors import CannotGrant, RoleNotHeld
from accounts.models import Clinician, Licence, RoleGrant, User
from core.actors import Actor, ServiceName
from tests.conftest import make_clinician, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(at) -> User:
    """Runs the clinic."""
    user = make_user("olga@clinic.example", is_staff=True)
    services.grant_role(user, Role.OPERATOR, granted_by=None, at=at - timedelta(days=30))
    return user


def why(refused) -> list[str]:
    return [reason.code for reason in refused.value.reasons]


class TestGranting:
    def test_an_operator_does(self, olga, at):
        guide = make_user("guy@clinic.example")
        grant = services.grant_role(guide, Role.GUIDE, granted_by=olga, at=at)
        assert (grant.granted_by, grant.starts_at) == (olga, at)
        assert queries.roles_of(guide.pk, at=at) == {Role.GUIDE}
        assert services.grant_role(guide, Role.GUIDE, granted_by=olga, at=at) == grant

    @pytest.mark.parametrize("role", list(Role))
    def test_nobody_else_does(self, role, ben, at):
        other = make_clinician(make_user("x@clinic.example"), "Xenia Example", at=at)
        with pytest.raises(CannotGrant) as refused:
            services.grant_role(other, role, granted_by=ben, at=at)
        assert why(refused) == ["not_an_operator"]

    @pytest.mark.parametrize("role", [role for role in Role if role != Role.OPERATOR])
    def test_not_even_an_operator_to_themselves(self, role, olga, at):
        make_clinician(olga, "Olga Example", at=at)
        RoleGrant.objects.filter(user=olga, role=Role.CLINICIAN).update(ends_at=at)
        with pytest.raises(CannotGrant) as refused:
            services.grant_role(olga, role, granted_by=olga, at=at)
        assert why(refused) == ["own_role"]

    def test_the_twin_without_the_rule_meets_the_constraint(self, olga, at, monkeypatch):
        monkeypatch.setattr(rules, "grant_faults", lambda facts: [])
        with pytest.raises(IntegrityError, match="nobody_grants_to_themselves"), transaction.atomic():
            services.grant_role(olga, Role.GUIDE, granted_by=olga, at=at)

    def test_an_operator_who_was_dismissed_grants_nothing(self, olga, at):
        services.end_role(olga, Role.OPERATOR, at=at)
        with pytest.raises(CannotGrant) as refused:
            services.grant_role(make_user("x@clinic.example"), Role.OPERATOR, granted_by=olga, at=at)
        assert why(refused) == ["not_an_operator"]

    def test_a_clinician_has_a_name_to_sign_with(self, olga, at):
        with pytest.raises(CannotGrant) as refused:
            services.grant_role(make_user("x@clinic.example"), Role.CLINICIAN, granted_by=olga, at=at)
        assert why(refused) == ["not_a_clinician"]

    def test_an_unknown_role_is_refused_by_the_database(self, ben, at):
        with pytest.raises(IntegrityError, match="role_is_known"), transaction.atomic():
            RoleGrant.objects.create(user=ben, role="owner", starts_at=at)


class TestMedicalDirector:
    def test_holds_a_licence(self, ben, olga, at):
        services.grant_role(ben, Role.MEDICAL_DIRECTOR, granted_by=olga, at=at)
        assert Role.MEDICAL_DIRECTOR in queries.roles_of(ben.pk, at=at)

    @pytest.mark.parametrize("change", [{"ends_on": -1}, {"starts_on": 1}], ids=["ran out", "not yet"])
    def test_without_one_in_force_is_refused(self, change, ben, olga, at):
        Licence.objects.update(**{name: (at + timedelta(days=days)).date() for name, days in change.items()})
        with pytest.raises(CannotGrant) as refused:
            services.grant_role(ben, Role.MEDICAL_DIRECTOR, granted_by=olga, at=at)
        assert why(refused) == ["not_licensed"]

    def test_the_twin_without_the_rule_meets_the_trigger(self, ben, olga, at, monkeypatch):
        Licence.objects.update(ends_on=(at - timedelta(days=1)).date())
        monkeypatch.setattr(rules, "grant_faults", lambda facts: [])
        with pytest.raises(IntegrityError, match="medical_director_is_licensed"), transaction.atomic():
            services.grant_role(ben, Role.MEDICAL_DIRECTOR, granted_by=olga, at=at)

    def test_no_other_role_becomes_it(self, ben, at):
        Licence.objects.update(ends_on=(at - timedelta(days=1)).date())
        with pytest.raises(IntegrityError, match="medical_director_is_licensed"), transaction.atomic():
            RoleGrant.objects.filter(user=ben).update(role=Role.MEDICAL_DIRECTOR, starts_at=at)

    def test_the_role_ends_with_the_licence_and_comes_back_with_it(self, ben, olga, at):
        services.grant_role(ben, Role.MEDICAL_DIRECTOR, granted_by=olga, at=at)
        licence = Licence.objects.get()
        services.end_licence(licence, ends_on=at.date(), ended_by=None)
        assert Role.MEDICAL_DIRECTOR in queries.roles_of(ben.pk, at=at)
        assert queries.roles_of(ben.pk, at=at + timedelta(days=1)) == {Role.CLINICIAN}
        services.end_licence(licence, ends_on=(at + timedelta(days=1)).date(), ended_by=None)
        assert Role.MEDICAL_DIRECTOR in queries.roles_of(ben.pk, at=at + timedelta(days=1))


class TestEnding:
    def test_acts_on_the_next_request(self, ada, ben, client_of, at):
        client = client_of(ben)
        assert client.get("/api/v1/me").json()["roles"] == ["clinician"]
        assert client.get("/api/v1/alerts").status_code == 200
        services.end_role(ben, Role.CLINICIAN, at=at)
        assert client.get("/api/v1/me").json()["roles"] == []
        assert client.get("/api/v1/alerts").status_code == 403
        assert not queries.patients_in_care(Actor.person(ben.pk), at=at)

    def test_what_is_not_held_does_not_end(self, ben, at):
        with pytest.raises(RoleNotHeld):
            services.end_role(ben, Role.GUIDE, at=at)

    def test_whoever_lost_the_role_gives_way_at_the_next_enrollment(self, ada, ben, at):
        other = make_clinician(make_user("new@clinic.example"), "New Example", at=at)
        services.end_role(ben, Role.CLINICIAN, at=at)
        assert services.assign_clinician(ada, at=at) == other
        assert [(row.member, row.ends_at) for row in ada.care_team.order_by("id")] == [
            (ben, at),
            (other, None),
        ]


class TestClinician:
    @pytest.mark.parametrize("number", ["AB1234563", "B91234563"])
    def test_keeps_a_prescriber_number(self, number, ben):
        services.register_clinician(
            ben, full_name="Ben", credentials="MD", profession=Profession.PHYSICIAN, dea_number=number
        )
        assert Clinician.objects.get(user=ben).dea_number == number

    @pytest.mark.parametrize("number", ["AB1234564", "ab1234563", "A11234563", "AB123456", "AB1234563\n"])
    def test_not_a_mistyped_one(self, number):
        assert not rules.is_dea_number(number)

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"dea_number": "AB12"}, "clinician_dea_number_has_its_form"),
            ({"profession": "shaman"}, "clinician_profession_is_known"),
        ],
    )
    def test_the_database_refuses_what_is_none(self, change, name, ben):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Clinician.objects.filter(user=ben).update(**change)


def test_a_service_has_a_listed_name():
    assert str(Actor.service(ServiceName.WATCH)) == "service:watch"
    with pytest.raises(ValueError, match="somebody"):
        ServiceName("somebody")
