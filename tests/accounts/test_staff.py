"""What operators do over the API: roles, licences, served states; and nobody else."""

from datetime import timedelta

import pytest

from accounts import queries, services
from accounts.enums import Role
from accounts.models import Licence, RoleGrant, ServedState, User
from core.actors import Actor
from tests.api import post
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

ABSENT = "00000000-0000-7000-8000-000000000000"
DAY = timedelta(days=1)


@pytest.fixture
def olga(at) -> User:
    """Runs the clinic."""
    user = make_user("olga@clinic.example", is_staff=True)
    services.grant_role(user, Role.OPERATOR, granted_by=None, at=at - 30 * DAY)
    return user


@pytest.fixture
def as_olga(olga, client_of):
    return client_of(olga)


LISTS = ("role-grants", "licences", "served-states", "invitations", "care-team/memberships")


class TestNobodyElse:
    @pytest.mark.parametrize("path", LISTS)
    def test_reads(self, path, ada, ben, as_olga, client_of, client):
        assert as_olga.get(f"/api/v1/{path}").status_code == 200
        assert client.get(f"/api/v1/{path}").status_code == 401
        for user in (ada.user, ben):
            assert client_of(user).get(f"/api/v1/{path}").status_code == 403

    @pytest.mark.parametrize("role", [role for role in Role if role != Role.OPERATOR])
    def test_writes(self, role, ben, client_of, at):
        RoleGrant.objects.filter(user=ben).update(ends_at=at)
        services.grant_role(ben, role, granted_by=None, at=at)
        client = client_of(ben)
        guide = make_user("guy@clinic.example")
        licence, served, grant = (
            Licence.objects.get(),
            ServedState.objects.get(),
            RoleGrant.objects.latest("id"),
        )
        for path, body in (
            ("role-grants", {"user": str(guide.pk), "role": "guide"}),
            (f"role-grants/{grant.pk}/ends", {}),
            (f"licences/{licence.pk}/ends", {"ends_on": "2030-01-01"}),
            ("served-states", {"state": "MA", "starts_on": "2026-01-01"}),
            (f"served-states/{served.pk}/ends", {"ends_on": "2030-01-01"}),
            ("invitations", {"email": "x@clinic.example", "role": "guide"}),
        ):
            assert post(client, path, body).status_code == 403, path


class TestRoles:
    def test_are_given_and_taken(self, as_olga, olga, client_of):
        guide = make_user("guy@clinic.example")
        given = post(as_olga, "role-grants", {"user": str(guide.pk), "role": "guide"})
        assert given.status_code == 201
        assert given.json()["granted_by"] == str(olga.pk)
        assert client_of(guide).get("/api/v1/me").json()["roles"] == ["guide"]
        assert post(as_olga, f"role-grants/{given.json()['id']}/ends").status_code == 201
        assert client_of(guide).get("/api/v1/me").json()["roles"] == []
        again = post(as_olga, f"role-grants/{given.json()['id']}/ends")
        assert (again.status_code, again.json()["code"]) == (409, "role_not_held")

    def test_not_to_oneself(self, as_olga, olga):
        answer = post(as_olga, "role-grants", {"user": str(olga.pk), "role": "privacy_officer"})
        assert (answer.status_code, answer.json()["code"]) == (422, "cannot_grant")
        assert [reason["code"] for reason in answer.json()["reasons"]] == ["own_role"]

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"user": ABSENT, "role": "guide"}, "no_such_person"),
            ({"user": "me", "role": "guide"}, "invalid_input"),
            ({"user": ABSENT, "role": "owner"}, "invalid_input"),
            ({"user": ABSENT, "role": "guide", "granted_by": None}, "invalid_input"),
            ({}, "invalid_input"),
        ],
    )
    def test_malformed(self, body, code, as_olga):
        answer = post(as_olga, "role-grants", body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert RoleGrant.objects.count() == 1

    def test_an_operator_without_the_role_is_none(self, as_olga, olga, at):
        services.end_role(olga, Role.OPERATOR, at=at)
        assert as_olga.get("/api/v1/role-grants").status_code == 403


class TestLicences:
    def body(self, whom, at, **changed):
        days = {"starts_on": at.date().isoformat(), "ends_on": (at + DAY).date().isoformat()}
        return {"user": str(whom.pk), "state": "MA", "number": "77"} | days | changed

    def test_open_charts(self, ben, as_olga, at):
        given = post(as_olga, "licences", self.body(ben, at))
        assert given.status_code == 201
        assert queries.licensed_states(ben.pk, at=at) == {"MA", "NY"}
        ended = post(as_olga, f"licences/{given.json()['id']}/ends", {"ends_on": at.date().isoformat()})
        assert ended.json()["ends_on"] == at.date().isoformat()
        assert queries.licensed_states(ben.pk, at=at + DAY) == {"NY"}

    @pytest.mark.parametrize(
        "change",
        [
            {"state": "XX"},
            {"number": ""},
            {"ends_on": "1990-01-01"},
            {"user": ABSENT},
            {"recorded_by": ABSENT},
        ],
    )
    def test_malformed(self, change, ben, as_olga, at):
        assert post(as_olga, "licences", self.body(ben, at, **change)).status_code == 400
        assert Licence.objects.count() == 1

    def test_neither_recorded_nor_ended_by_oneself(self, ben, client_of, at):
        services.grant_role(ben, Role.OPERATOR, granted_by=None, at=at)
        client = client_of(ben)
        own = Licence.objects.get()
        later = (at + 9999 * DAY).date().isoformat()
        for answer in (
            post(client, "licences", self.body(ben, at)),
            post(client, f"licences/{own.pk}/ends", {"ends_on": later}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (422, "cannot_grant")
        assert Licence.objects.get().ends_on == own.ends_on

    def test_an_absent_one(self, as_olga):
        answer = post(as_olga, f"licences/{ABSENT}/ends", {"ends_on": "2030-01-01"})
        assert answer.status_code == 404


class TestServedStates:
    def test_open_and_close(self, as_olga, at):
        given = post(as_olga, "served-states", {"state": "MA", "starts_on": at.date().isoformat()})
        assert given.status_code == 201
        assert queries.served_states(at=at) == {"MA"}
        path = f"served-states/{given.json()['id']}/ends"
        assert post(as_olga, path, {"ends_on": at.date().isoformat()}).status_code == 201
        assert queries.served_states(at=at + DAY) == frozenset()

    @pytest.mark.parametrize("body", [{"state": "Massachusetts", "starts_on": "2026-01-01"}, {"state": "MA"}])
    def test_malformed(self, body, as_olga):
        assert post(as_olga, "served-states", body).status_code == 400


def test_operators_see_no_chart(ada, olga, at):
    assert not queries.visible_patients(Actor.person(olga.pk), at=at)
