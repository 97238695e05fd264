"""How somebody comes to work here: by one link, once; and the first operator by a command."""

from datetime import timedelta
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, transaction
from rest_framework.test import APIClient

from accounts import queries, services
from accounts.enums import CapabilityScope, Role
from accounts.models import Capability, Clinician, StaffInvitation, User
from core.actors import Actor
from core.encryption import decrypt
from notifications.models import Delivery
from tests.api import post
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

EMAIL = "dora@clinic.example"
PASSWORD = "quite a long sentence of one's own"
CLINICIAN = {"password": PASSWORD, "full_name": "Dora Example", "credentials": "NP"} | {
    "profession": "nurse_practitioner"
}


@pytest.fixture
def olga(at) -> User:
    """Runs the clinic."""
    user = make_user("olga@clinic.example", is_staff=True)
    services.grant_role(user, Role.OPERATOR, granted_by=None, at=at - timedelta(days=30))
    return user


@pytest.fixture
def as_olga(olga, client_of):
    return client_of(olga)


def token_in_mail() -> str:
    delivery = Delivery.objects.filter(kind="staff_invitation").latest("id")
    words = decrypt(delivery.payload, place=f"notifications_delivery.payload:{delivery.pk}")
    return str(words["words"]["link"]).rpartition("/")[2]


def newcomer(token) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Capability {token}")
    return client


def accept(token, body=None, *, key=""):
    return post(newcomer(token), "invitations/acceptances", body or CLINICIAN, key=key)


def invite(as_olga, role="clinician", email=EMAIL):
    answer = post(as_olga, "invitations", {"email": email, "role": role})
    assert answer.status_code == 201, answer.json()
    return answer.json()


class TestTaking:
    def test_makes_a_clinician_who_can_sign_in(self, as_olga, olga, at):
        asked = invite(as_olga, email="Dora@Clinic.example")
        taken = accept(token_in_mail())
        assert taken.status_code == 201
        user = User.objects.get(email=EMAIL)
        assert (taken.json()["id"], user.is_staff, user.check_password(PASSWORD)) == (asked["id"], True, True)
        assert EmailAddress.objects.get(user=user).verified
        assert str(Clinician.objects.get(user=user)) == "Dora Example, NP"
        assert user.role_grants.get().granted_by == olga
        assert queries.roles_of(user.pk, at=at + timedelta(minutes=1)) == {Role.CLINICIAN}

    def test_a_guide_needs_no_name_and_no_admin(self, as_olga):
        invite(as_olga, "guide")
        assert accept(token_in_mail(), {"password": PASSWORD}).status_code == 201
        assert not User.objects.get(email=EMAIL).is_staff

    def test_the_same_again_gets_the_same_answer(self, as_olga):
        invite(as_olga)
        first = accept(token_in_mail(), key="one")
        assert accept(token_in_mail(), key="one").content == first.content
        assert User.objects.filter(email=EMAIL).count() == 1

    def test_once(self, as_olga):
        invite(as_olga)
        accept(token_in_mail())
        answer = accept(token_in_mail())
        assert (answer.status_code, answer.json()["code"]) == (409, "invitation_spent")

    def test_opens_nothing_else(self, as_olga):
        invite(as_olga)
        client = newcomer(token_in_mail())
        for path in ("me", "enrollments", "alerts", "invitations", "role-grants"):
            assert client.get(f"/api/v1/{path}").status_code == 403, path


class TestNotTaking:
    @pytest.mark.parametrize("change", ["revoked", "expired", "superseded"])
    def test_a_dead_link(self, change, as_olga, at):
        asked = invite(as_olga)
        token = token_in_mail()
        if change == "revoked":
            assert post(as_olga, f"invitations/{asked['id']}/revocations").status_code == 201
            assert Delivery.objects.get(kind="staff_invitation").status == "cancelled"
        elif change == "expired":
            Capability.objects.update(expires_at=at)
        else:
            invite(as_olga)
        assert accept(token).status_code == 401
        assert not User.objects.filter(email=EMAIL).exists()

    def test_by_whoever_was_asked_by_an_operator_who_is_none_any_more(self, as_olga, olga, at):
        invite(as_olga)
        services.end_role(olga, Role.OPERATOR, at=at)
        answer = accept(token_in_mail())
        assert (answer.status_code, answer.json()["code"]) == (422, "cannot_grant")
        assert not User.objects.filter(email=EMAIL).exists()

    def test_where_the_address_was_taken_meanwhile(self, as_olga):
        invite(as_olga)
        make_user(EMAIL)
        answer = accept(token_in_mail())
        assert (answer.status_code, answer.json()["code"]) == (409, "address_taken")

    @pytest.mark.parametrize(
        "change",
        [
            {"password": "short"},
            {"password": "passwordpassword"[:8]},
            {"password": EMAIL + "1"},
            {"full_name": ""},
            {"profession": "shaman"},
            {"dea_number": "AB1234564"},
            {"role": "operator"},
            {"email": "other@clinic.example"},
            {"is_superuser": True},
        ],
    )
    def test_with_what_is_not_acceptable(self, change, as_olga):
        invite(as_olga)
        assert accept(token_in_mail(), CLINICIAN | change).status_code == 400
        assert not User.objects.filter(email=EMAIL).exists()

    def test_with_another_kind_of_link_or_none(self, as_olga, ada, at):
        _, token = services.issue_capability(
            CapabilityScope.MONITOR,
            target_id=ada.pk,
            actor=Actor.person(ada.user_id),
            at=at,
            expires_at=at + timedelta(days=1),
        )
        assert accept(token).status_code == 403
        assert post(APIClient(), "invitations/acceptances", CLINICIAN).status_code == 401
        assert post(as_olga, "invitations/acceptances", CLINICIAN).status_code == 403


class TestAsking:
    def test_tells_nothing_and_keeps_no_token(self, as_olga):
        invite(as_olga)
        token = token_in_mail()
        assert token not in str(StaffInvitation.objects.values().get())
        assert token not in str(Capability.objects.values().get())

    @pytest.mark.parametrize("email", ["ada@example.org", "ADA@example.org"])
    def test_nobody_who_has_an_account(self, email, ada, as_olga):
        answer = post(as_olga, "invitations", {"email": email, "role": "guide"})
        assert (answer.status_code, answer.json()["code"]) == (409, "address_taken")

    def test_no_medical_director_before_their_licence(self, as_olga):
        answer = post(as_olga, "invitations", {"email": EMAIL, "role": "medical_director"})
        assert (answer.status_code, answer.json()["code"]) == (422, "cannot_grant")

    @pytest.mark.parametrize("body", [{"email": "x", "role": "guide"}, {"email": EMAIL, "role": "x"}, {}])
    def test_malformed(self, body, as_olga):
        assert post(as_olga, "invitations", body).status_code == 400
        assert not StaffInvitation.objects.exists()

    def test_is_kept(self, as_olga):
        invite(as_olga)
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            StaffInvitation.objects.all().delete()

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"role": "owner"}, "invitation_role_is_known"),
            ({"email": "Dora@clinic.example"}, "invitation_email_is_lower_case"),
            ({"accepted_at": "2026-01-01T00:00Z"}, "invitation_accepted_by_somebody"),
            ({"invited_by": None}, "invitation_of_the_installation_is_for_an_operator"),
        ],
    )
    def test_the_database_refuses_what_is_none(self, change, name, as_olga):
        invite(as_olga)
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            StaffInvitation.objects.update(**change)


class TestFirstOperator:
    def link(self, email="root@clinic.example") -> str:
        printed = StringIO()
        call_command("create_operator", email, stdout=printed)
        return printed.getvalue().strip().rpartition("/")[2]

    def test_comes_by_the_printed_link(self, db, client_of):
        assert accept(self.link(), {"password": PASSWORD}).status_code == 201
        user = User.objects.get(email="root@clinic.example")
        assert client_of(user).get("/api/v1/role-grants").status_code == 200
        assert not Delivery.objects.exists(), "nothing is sent"

    def test_not_where_there_is_one(self, olga):
        with pytest.raises(CommandError, match="operator already"):
            self.link()

    def test_of_two_links_one_is_good(self, db):
        first, second = self.link("one@clinic.example"), self.link("two@clinic.example")
        assert accept(first, {"password": PASSWORD}).status_code == 201
        answer = accept(second, {"password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (409, "operator_exists")

    def test_not_with_an_address_in_use(self, ada):
        with pytest.raises(CommandError, match="account with this address"):
            self.link("ada@example.org")
