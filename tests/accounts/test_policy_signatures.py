"""A policy takes effect by two signatures under exactly what it says, one of them a medical director's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.checks import Tags, run_checks
from django.db import IntegrityError, connection, transaction

from accounts import errors
from accounts.enums import Role, SignatureMeaning
from accounts.models import PolicyEnactment, PolicySignature, User
from accounts.policies import queries, services
from accounts.policies.queries import PolicyChangedSinceSigned, held_on, in_force
from accounts.services import end_role, grant_role, sign
from core.database import as_owner
from core.documents import NoDocumentInForce, publish
from core.enums import DocumentKind
from core.errors import NotFound
from core.models import DocumentVersion
from desk.catalogue import load
from tests.api import post
from tests.conftest import make_user
from tests.policies import enact, signers
from tests.safety.conftest import code
from tests.sessions.facts import example_policy

KIND = DocumentKind.SESSION_POLICY
YEARS_AGO = datetime(2020, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(at: datetime) -> tuple[User, User]:
    """Dee, the medical director, and Eli, a clinician; neither cares for anybody."""
    dee, eli = signers(at)
    grant_role(eli, Role.CLINICIAN, granted_by=None, at=at - timedelta(days=1))
    return dee, eli


@pytest.fixture
def second(at: datetime) -> DocumentVersion:
    return version(5, effective_at=at)


def version(number: int, *, effective_at: datetime) -> DocumentVersion:
    """A version that nobody has signed."""
    content = {"id": "home-ketamine-session", "version": number}
    return publish(KIND, version=number, content=content, effective_at=effective_at)


def signed(document: DocumentVersion, signer: User, at: datetime, sha256: str = "") -> DocumentVersion:
    return services.sign_policy(document.pk, sha256=sha256 or document.sha256, signer=signer, at=at)


def number_in_force(at: datetime) -> int:
    return in_force(KIND, at=at).version


class TestTwoSignatures:
    def test_the_second_lets_it_take_effect(self, second, people, at):
        dee, eli = people
        signed(second, eli, at)
        assert number_in_force(at) == 4
        signed(second, dee, at)
        assert number_in_force(at) == 5
        assert number_in_force(at - timedelta(seconds=1)) == 4

    def test_not_before_its_date(self, people, at):
        later = version(5, effective_at=at + timedelta(days=7))
        for person in people:
            signed(later, person, at)
        assert number_in_force(at + timedelta(days=7, seconds=-1)) == 4
        assert number_in_force(at + timedelta(days=7)) == 5

    def test_never_for_the_past(self, people, at):
        for person in people:
            signed(version(5, effective_at=YEARS_AGO), person, at)
        assert number_in_force(at - timedelta(seconds=1)) == 4

    def test_the_same_person_twice_is_refused(self, second, people, client_of):
        as_dee = client_of(people[0])
        address, body = f"policies/{second.pk}/signatures", {"sha256": second.sha256}
        assert post(as_dee, address, body).status_code == 201
        assert code(post(as_dee, address, body)) == (403, "signed_already")
        assert PolicySignature.objects.count() == 1

    def test_two_without_a_director_wait_for_one(self, second, people, ben, at):
        dee, eli = people
        for person in (ben, eli):
            signed(second, person, at)
        assert number_in_force(at) == 4
        signed(second, dee, at)
        assert number_in_force(at) == 5

    def test_a_former_director_is_none(self, second, people, at):
        dee, eli = people
        end_role(dee, Role.MEDICAL_DIRECTOR, at=at - timedelta(days=1))
        for person in (dee, eli):
            signed(second, person, at)
        assert number_in_force(at) == 4

    def test_what_was_read_is_what_is_signed(self, second, people, client_of):
        address = f"policies/{second.pk}/signatures"
        other = second.sha256[:-1] + ("0" if second.sha256[-1] != "0" else "1")
        assert code(post(client_of(people[0]), address, {"sha256": other})) == (409, "other_policy")
        assert post(client_of(people[0]), address, {"sha256": "x"}).status_code == 400
        assert not PolicySignature.objects.exists()

    def test_a_third_is_not_asked(self, people, ben, at):
        second = enact(KIND, version=5, content={"version": 5}, effective_at=at, at=at)
        with pytest.raises(errors.PolicyTakesEffect):
            signed(second, ben, at)

    def test_an_older_one_does_not_come_back_by_signatures(self, people, at):
        old = version(5, effective_at=at)
        enact(KIND, version=6, content={"version": 6}, effective_at=at, at=at)
        with pytest.raises(errors.PolicySuperseded):
            signed(old, people[0], at)

    def test_what_held_without_signatures_can_be_signed_later(self, people, at):
        first = DocumentVersion.objects.get(kind=KIND, version=4)
        for person in people:
            signed(first, person, at)
        assert queries.signed_enactment(first.pk) is not None
        assert in_force(KIND, at=at) == first

    def test_somebody_without_a_name_cannot_sign(self, second, at):
        with pytest.raises(errors.NoName):
            signed(second, make_user("no@clinic.example"), at)

    def test_a_text_is_no_policy(self, people, at):
        text = DocumentVersion.objects.filter(kind=DocumentKind.TREATMENT_CONSENT).latest("version")
        with pytest.raises(NotFound):
            signed(text, people[0], at)

    def test_a_sign_in_that_is_not_recent_is_asked_again(self, second, people, client_of, monkeypatch):
        monkeypatch.setattr("accounts.permissions.is_recent", lambda request: False)
        address = f"policies/{second.pk}/signatures"
        answer = post(client_of(people[0]), address, {"sha256": second.sha256})
        assert code(answer) == (403, "reauthentication_required")


class TestGoingBack:
    @pytest.fixture
    def two(self, people: tuple[User, User], at: datetime) -> tuple[DocumentVersion, DocumentVersion]:
        first = DocumentVersion.objects.get(kind=KIND, version=4)
        for person in people:
            signed(first, person, at - timedelta(days=2))
        day_before = at - timedelta(days=1)
        return first, enact(KIND, version=5, content={"version": 5}, effective_at=at, at=day_before)

    def test_is_one_act(self, two, people, client_of, at):
        first, _ = two
        body = {"policy": str(first.pk), "sha256": first.sha256, "reason": "The second asks too much."}
        answer = post(client_of(people[0]), "policies/rollbacks", body)
        assert (answer.status_code, answer.json()["rolled_back_by"]) == (201, "Dee Example, MD")
        assert number_in_force(datetime.now(UTC)) == 4
        assert number_in_force(at) == 5

    def test_calls_off_what_was_to_come(self, two, people, at):
        first, _ = two
        later = at + timedelta(days=9)
        enact(KIND, version=6, content={"version": 6}, effective_at=later, at=at)
        back(first, people[0], at + timedelta(seconds=1))
        assert number_in_force(later) == 4
        enact(KIND, version=7, content={"version": 7}, effective_at=later, at=at + timedelta(days=1))
        assert number_in_force(later) == 7

    def test_only_by_a_director(self, two, people, client_of, at):
        first, _ = two
        body = {"policy": str(first.pk), "sha256": first.sha256, "reason": "Mine."}
        assert post(client_of(people[1]), "policies/rollbacks", body).status_code == 403
        with pytest.raises(errors.MedicalDirectorAlone):
            back(first, people[1], at)

    def test_not_to_what_holds_or_was_never_signed(self, two, people, at):
        for document in (two[1], version(6, effective_at=at)):
            with pytest.raises(errors.CannotRollBack), transaction.atomic():
                back(document, people[0], at)


def back(document: DocumentVersion, director: User, at: datetime) -> PolicyEnactment:
    reason = "The other was wrong."
    return services.roll_back(document.pk, sha256=document.sha256, reason=reason, director=director, at=at)


class TestPastDays:
    def test_the_version_of_any_day_can_be_asked(self, people, client_of, at):
        enact(KIND, version=5, content={"version": 5}, effective_at=at, at=at)
        as_eli = client_of(people[1])

        def held(day: str) -> list[tuple[int, bool]]:
            answer = as_eli.get("/api/v1/policies/in-force", {"kind": KIND, "on": day})
            assert answer.status_code == 200
            return [(one["version"], one["ends_at"] is None) for one in answer.json()]

        assert held("2025-12-31") == []
        assert held("2026-01-01") == [(4, False)]
        assert held(at.date().isoformat()) == [(4, False), (5, True)]
        assert held((at + timedelta(days=1)).date().isoformat()) == [(5, True)]

    def test_a_day_without_change_has_one(self, people, at):
        assert [one.enactment.document.version for one in held_on(KIND, at.date())] == [4]

    def test_other_kinds_are_refused(self, people, client_of):
        answer = client_of(people[0]).get("/api/v1/policies/in-force", {"kind": "privacy_notice"})
        assert answer.status_code == 400


class TestReading:
    def test_whole_with_its_hash(self, second, people, client_of):
        answer = client_of(people[1]).get(f"/api/v1/policies/{second.pk}")
        assert answer.json()["content"] == second.content
        assert answer.json()["sha256"] == second.sha256

    def test_not_by_patients(self, second, ada, client_of):
        for address in ("", f"/{second.pk}", "/in-force"):
            assert client_of(ada.user).get(f"/api/v1/policies{address}").status_code == 403

    def test_absent_is_absent(self, people, client_of):
        assert client_of(people[0]).get(f"/api/v1/policies/{uuid4()}").status_code == 404


@contextmanager
def no_trigger() -> Iterator[None]:
    """Take the trigger away that asks for two signatures, and nothing else."""
    table, trigger = "accounts_policyenactment", "TRIGGER has_two_signatures"
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE {trigger}")
    yield
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ENABLE {trigger}")


@pytest.mark.django_db(transaction=True)
class TestTampering:
    @pytest.fixture
    def held(self, at: datetime) -> DocumentVersion:
        return enact(KIND, version=5, content={"version": 5}, effective_at=at, at=at)

    def change(self, assignment: str) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE core_documentversion SET {assignment} WHERE kind = %s AND version = 5",  # noqa: S608
                [KIND],
            )

    @pytest.mark.parametrize(
        "assignment",
        ["content = '{\"version\": 6}'", f"sha256 = '{'0' * 64}'", "content = '{\"versiom\": 5}'"],
    )
    def test_one_byte_changed_and_nothing_is_decided_by_it(self, held, at, assignment):
        assert number_in_force(at) == 5
        self.change(assignment)
        with pytest.raises(PolicyChangedSinceSigned):
            in_force(KIND, at=at)

    def test_nor_is_it_signed(self, at):
        document = version(5, effective_at=at)
        self.change("content = '{\"version\": 4}'")
        with pytest.raises(errors.OtherPolicy):
            signed(document, signers(at)[0], at)

    def test_a_new_installation_decides_nothing_until_two_have_signed(self, at):
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_policyenactment")
        with pytest.raises(NoDocumentInForce):
            in_force(KIND, at=at)
        first = DocumentVersion.objects.get(kind=KIND, version=4)
        for person in signers(at):
            signed(first, person, at)
        assert number_in_force(at) == 4

    def test_twin_without_the_trigger_one_holds_by_nobody(self, at):
        document = version(5, effective_at=at)
        with no_trigger():
            PolicyEnactment.objects.create(document=document, effective_at=at, enacted_at=at)
        assert in_force(KIND, at=at) == document


class TestTheDatabaseItself:
    """The app's role, with SQL of its own."""

    def attack(self, statement: str, *values: Any) -> None:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)

    def enactment(self, document: DocumentVersion, director: Any, other: Any, at: datetime) -> None:
        columns = "(id, document_id, director_id, other_id, effective_at, enacted_at, reason)"
        statement = f"INSERT INTO accounts_policyenactment {columns} VALUES (%s, %s, %s, %s, %s, %s, '')"  # noqa: S608
        self.attack(statement, uuid4(), document.pk, director, other, at, at)

    def test_nothing_holds_without_two_signatures(self, second, people, at):
        self.enactment(second, None, None, at)
        signed(second, people[0], at)
        one = PolicySignature.objects.get().pk
        self.enactment(second, one, one, at)
        self.enactment(second, one, None, at)

    def test_nor_by_signatures_under_another_version(self, second, people, at):
        for person in people:
            signed(second, person, at)
        director, other = (queries.signatures(second.pk)[place].pk for place in (0, 1))
        self.enactment(version(6, effective_at=at), director, other, at)
        self.enactment(second, other, director, at)

    def test_a_signature_is_under_exactly_that(self, second, people, at):
        dee, eli = people
        wrong = [
            (sign(eli, meaning=SignatureMeaning.APPROVED, document_sha256="0" * 64, at=at), eli, False),
            (sign(eli, meaning=SignatureMeaning.CLOSED, document_sha256=second.sha256, at=at), eli, False),
            (sign(eli, meaning=SignatureMeaning.APPROVED, document_sha256=second.sha256, at=at), dee, False),
            (sign(eli, meaning=SignatureMeaning.APPROVED, document_sha256=second.sha256, at=at), eli, True),
        ]
        for signature, signer, as_director in wrong:
            self.attack(
                "INSERT INTO accounts_policysignature (id, document_id, signer_id, signature_id, as_director)"
                " VALUES (%s, %s, %s, %s, %s)",
                uuid4(),
                second.pk,
                signer.pk,
                signature.pk,
                as_director,
            )


class TestAdmin:
    @pytest.fixture
    def page(self, second: DocumentVersion) -> str:
        return f"/admin/core/documentversion/{second.pk}"

    def test_two_people_sign_there(self, client, page, second, people):
        for person in people:
            client.force_login(person)
            assert b"I have read this version whole" in client.get(f"{page}/change/").content
            client.post(f"{page}/acts/sign/", {"sign-read": "on"})
        assert queries.signed_enactment(second.pk) is not None

    def test_what_it_leaves_out_stands_there_and_is_said_to_who_signs(self, client, people, at):
        content = example_policy() | {"version": 5}
        for place in ("review", "morning_answer_hours"):
            del content[place]
            content["sources"] = {
                key: row for key, row in content["sources"].items() if not key.startswith(place)
            }
        document = publish(KIND, version=5, content=content, effective_at=at)
        page = f"/admin/core/documentversion/{document.pk}"
        client.force_login(people[0])
        assert b"No clinician reviews a session" in client.get(f"{page}/change/").content
        client.post(f"{page}/acts/sign/", {"sign-read": "on"})
        assert b"Nobody is called where a patient does not say" in client.get(f"{page}/change/").content
        signed(document, people[1], at)
        told = run_checks(include_deployment_checks=True, databases=["default"], tags=[Tags.database])
        found = [one for one in told if one.id == "treatment_sessions.W001"]
        assert found[0].msg.startswith(f"{document} holds. No clinician reviews a session")
        assert any(line.startswith(f"WARNING {document} holds: No clinician") for line in load())

    def test_not_unread(self, client, page, people):
        client.force_login(people[0])
        client.post(f"{page}/acts/sign/", {})
        assert not PolicySignature.objects.exists()

    def test_a_clinician_does_not_go_back(self, client, people, at):
        first = DocumentVersion.objects.get(kind=KIND, version=4)
        for person in people:
            signed(first, person, at - timedelta(days=1))
        enact(KIND, version=5, content={"version": 5}, effective_at=at, at=at)
        address = f"/admin/core/documentversion/{first.pk}/acts/roll-back/"
        for person, back_to in ((people[1], 5), (people[0], 4)):
            client.force_login(person)
            client.post(address, {"roll-back-reason": "Wrong."})
            assert number_in_force(datetime.now(UTC)) == back_to
