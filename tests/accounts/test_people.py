from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts import services
from accounts.enums import CapabilityScope, Role, SignatureMeaning
from accounts.errors import NoName
from accounts.models import Capability, Patient, RoleGrant, User
from accounts.queries import on_call, patients_in_care, roles_of, visible_patients
from core.actors import Actor
from tests.conftest import make_clinician, make_user

pytestmark = pytest.mark.django_db


class TestProfile:
    BODY = {"legal_name": "New Person", "birth_on": "1990-01-31", "timezone": "Europe/Berlin"}

    def test_saving_twice_changes_nothing(self, client_of):
        client = client_of(make_user("new@example.org"))
        first = client.put("/api/v1/me", self.BODY, format="json")
        again = client.put("/api/v1/me", self.BODY, format="json")
        assert first.status_code == 200
        assert first.json() == again.json()
        assert first.json()["patient"]["legal_name"] == "New Person"
        assert Patient.objects.count() == 1

    @pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "EST5EDT4"])
    def test_an_unknown_zone(self, zone, client_of):
        client = client_of(make_user("new@example.org"))
        assert client.put("/api/v1/me", self.BODY | {"timezone": zone}, format="json").status_code == 400

    @pytest.mark.parametrize("birth_on", ["2150-01-01", "0001-01-01", "1900-01-01"])
    def test_a_birth_date_of_nobody_alive(self, birth_on, client_of):
        client = client_of(make_user("new@example.org"))
        answer = client.put("/api/v1/me", self.BODY | {"birth_on": birth_on}, format="json")
        assert answer.status_code == 400
        assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
            ("/birth_on", "impossible")
        ]
        assert not Patient.objects.exists()

    def test_roles_cannot_be_taken(self, client_of):
        client = client_of(make_user("new@example.org"))
        for field in ("roles", "is_staff", "is_superuser", "id", "user"):
            assert client.put("/api/v1/me", self.BODY | {field: 1}, format="json").status_code == 400


class TestRoles:
    def test_hold_from_beginning_to_end(self, ben, at):
        RoleGrant.objects.filter(user=ben).update(starts_at=at, ends_at=at + timedelta(hours=1))
        assert roles_of(ben.pk, at=at - timedelta(seconds=1)) == frozenset()
        assert roles_of(ben.pk, at=at) == {Role.CLINICIAN}
        assert roles_of(ben.pk, at=at + timedelta(hours=1)) == frozenset()

    def test_nobody_grants_to_themselves(self, ben, at):
        with pytest.raises(IntegrityError, match="nobody_grants_to_themselves"), transaction.atomic():
            RoleGrant.objects.create(user=ben, role=Role.OPERATOR, granted_by=ben, starts_at=at)

    def test_without_the_role_care_shows_nothing(self, ada, ben, at):
        assert list(patients_in_care(Actor.person(ben.pk), at=at)) == [ada]
        RoleGrant.objects.filter(user=ben).update(ends_at=at)
        assert not patients_in_care(Actor.person(ben.pk), at=at)

    def test_nobody_is_in_their_own_care(self, ada, ben, at):
        ada.user = ben
        ada.save()
        assert not patients_in_care(Actor.person(ben.pk), at=at)
        assert list(visible_patients(Actor.person(ben.pk), at=at)) == [ada]

    def test_a_link_sees_no_chart(self, ada, at):
        assert not visible_patients(Actor.capability(ada.pk), at=at)

    def test_the_own_clinician_is_called_first(self, ada, ben, at):
        other = make_clinician(make_user("aaa@clinic.example"), "Aaa Example", at=at)
        assert on_call(ada.pk, at=at) == [ben, other]


class TestCapability:
    def test_only_the_hash_is_kept(self, ada, at):
        expires_at = at + timedelta(hours=1)
        _, token = services.issue_capability(
            CapabilityScope.MONITOR,
            target_id=ada.pk,
            actor=Actor.person(ada.user_id),
            at=at,
            expires_at=expires_at,
        )
        assert len(token) >= 43
        stored = Capability.objects.values().get()
        assert token not in str(stored)

    @pytest.mark.parametrize("change", [{"revoked_at": "at"}, {"expires_at": "at"}])
    def test_a_dead_link_opens_nothing(self, change, ada, at, client):
        capability, token = services.issue_capability(
            CapabilityScope.MONITOR,
            target_id=ada.pk,
            actor=Actor.person(ada.user_id),
            at=at,
            expires_at=at + timedelta(hours=1),
        )
        headers = {"Authorization": f"Capability {token}"}
        assert client.get("/api/v1/me", headers=headers).status_code == 403, "alive, but not a person"
        Capability.objects.filter(pk=capability.pk).update(**dict.fromkeys(change, at))
        assert client.get("/api/v1/me", headers=headers).status_code == 401


class TestSignature:
    def test_shows_the_name_of_that_day(self, ada, at):
        signature = services.sign(ada.user, meaning=SignatureMeaning.AGREED, document_sha256="a" * 64, at=at)
        assert signature.signer_name == "Ada Example"

    def test_needs_a_name(self, at):
        with pytest.raises(NoName):
            services.sign(
                make_user("x@example.org"), meaning=SignatureMeaning.AGREED, document_sha256="a" * 64, at=at
            )

    def test_needs_a_hash(self, ada, at):
        with pytest.raises(IntegrityError, match="signature_is_bound_to_a_hash"), transaction.atomic():
            services.sign(ada.user, meaning=SignatureMeaning.AGREED, document_sha256="soon", at=at)

    def test_cannot_be_changed(self, ada, at):
        services.sign(ada.user, meaning=SignatureMeaning.AGREED, document_sha256="a" * 64, at=at)
        for verb in ("UPDATE accounts_signature SET signer_name = 'x'", "DELETE FROM accounts_signature"):
            refused = pytest.raises(DatabaseError, match="permission denied")
            with refused, transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(verb)


def test_an_address_is_one_person_whatever_its_case():
    User.objects.create_user("Ada@Example.org", "a long password nobody guesses")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("ada@example.ORG", "a long password nobody guesses")
    with pytest.raises(IntegrityError, match="user_email_is_lower_case"), transaction.atomic():
        User.objects.update(email="ADA@example.org")
