"""Every change leaves a line in a chain that the app's role can't write, skip, switch off or rewrite."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.utils import ProgrammingError
from rest_framework.test import APIClient

from accounts.models import CareTeamMembership, Patient, RoleGrant, User
from core import acting
from core.acting import acting_as
from core.actors import Actor
from safety import services as safety
from safety.enums import HoldReason
from safety.models import Hold

pytestmark = pytest.mark.django_db(transaction=True)

LINES = "SELECT act, subject, actor, body FROM guard.event WHERE chain = %s ORDER BY seq"


def lines(chain: str) -> list[tuple[str, str, str, dict[str, object]]]:
    with connection.cursor() as cursor:
        cursor.execute(LINES, [chain])
        return [(act, subject, actor, json.loads(body)) for act, subject, actor, body in cursor.fetchall()]


def chart(patient: Patient) -> list[tuple[str, str, str, dict[str, object]]]:
    return lines(f"chart:{patient.pk}")


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def hold(patient: Patient, ben: User, *, at: datetime) -> Hold:
    who = Actor.person(ben.pk)
    return safety.place_hold(patient.pk, reason=HoldReason.CLINICAL, note="", actor=who, at=at)


class TestWhatIsWritten:
    def test_a_request_names_who_sent_it(self, ada: Patient, client_of: Callable[[User], APIClient]) -> None:
        profile = {"legal_name": "Ada B. Example", "preferred_name": "Ada", "birth_on": "1984-05-17"}
        sent = profile | {"timezone": "America/New_York"}
        assert client_of(ada.user).put("/api/v1/me", sent, format="json").status_code == 200
        _act, subject, actor, body = [line for line in chart(ada) if line[0] == "update"][-1]
        assert (subject, actor) == ("accounts_patient", f"person:{ada.user_id}")
        assert body["was"] == {"legal_name": "Ada Example"}

    def test_raw_sql_is_caught_too(self, ada: Patient) -> None:
        with acting_as(Actor.person(ada.user_id)):
            run("UPDATE accounts_patient SET preferred_name = 'A'")
        assert chart(ada)[-1][:3] == ("update", "accounts_patient", f"person:{ada.user_id}")

    def test_a_deletion_leaves_the_row(self, ben: User) -> None:
        run("DELETE FROM account_emailaddress")
        act, subject, _, body = lines(f"account:{ben.pk}")[-1]
        assert (act, subject, body["email"]) == ("delete", "account_emailaddress", "ben@clinic.example")

    def test_secrets_stay_out(self, ben: User) -> None:
        ben.set_password("another long password of his")
        ben.save()
        written = lines(f"account:{ben.pk}")[-1]
        assert written[1] == "accounts_user"
        assert "argon2" not in str(written)
        assert "password" not in str(written)

    def test_what_is_undone_was_never_written(self, ada: Patient, ben: User, at: datetime) -> None:
        before = len(chart(ada))
        with transaction.atomic():
            hold(ada, ben, at=at)
            transaction.set_rollback(True)
        assert len(chart(ada)) == before

    def test_the_numbers_have_no_gap(self, ada: Patient, ben: User, at: datetime) -> None:
        for _ in range(3):
            hold(ada, ben, at=at)
        with connection.cursor() as cursor:
            cursor.execute("SELECT seq FROM guard.event WHERE chain = %s ORDER BY seq", [f"chart:{ada.pk}"])
            numbers = [row[0] for row in cursor.fetchall()]
        assert numbers == list(range(1, len(numbers) + 1))


class TestNobody:
    """Without somebody who acts nothing is seen and nothing changed."""

    def test_sees_nothing(self, ada: Patient) -> None:
        with as_nobody():
            assert not Patient.objects.exists()
            assert not CareTeamMembership.objects.exists()

    def test_changes_nothing(self, ben: User) -> None:
        with as_nobody(), pytest.raises(DatabaseError, match="nothing is done by nobody"):
            RoleGrant.objects.update(ends_at=None)

    def test_a_visitor_sees_nothing(self, ada: Patient) -> None:
        with acting_as(acting.VISITOR):
            assert not Patient.objects.exists()


class as_nobody:
    def __enter__(self) -> None:
        self.token = acting._acting.set(None)

    def __exit__(self, *_: object) -> None:
        acting._acting.reset(self.token)


class TestWho:
    """Who sees what, by the walls alone: these queries are narrowed by nothing else."""

    def seen(self, user: User) -> set[str]:
        with acting_as(Actor.person(user.pk)):
            return {str(patient) for patient in Patient.objects.all()}

    def test_their_own_and_those_in_their_care(self, ada: Patient, cyd: Patient, ben: User) -> None:
        assert self.seen(ada.user) == {"Ada"}
        assert self.seen(cyd.user) == {"Cyd"}
        assert self.seen(ben) == {"Ada"}

    def test_not_after_the_role_has_ended(self, ada: Patient, ben: User, at: datetime) -> None:
        RoleGrant.objects.filter(user=ben).update(ends_at=at - timedelta(days=1))
        assert self.seen(ben) == set()

    def test_not_before_care_begins(self, ada: Patient, ben: User, at: datetime) -> None:
        CareTeamMembership.objects.update(starts_at=at + timedelta(hours=1))
        assert self.seen(ben) == set()

    def test_nobody_writes_into_a_chart_they_cannot_see(self, cyd: Patient, ben: User, at: datetime) -> None:
        with acting_as(Actor.person(ben.pk)), pytest.raises(ProgrammingError, match="row-level security"):
            hold(cyd, ben, at=at)


TAMPERING = [
    "INSERT INTO guard.event SELECT * FROM guard.event",
    "UPDATE guard.event SET body = ''",
    "DELETE FROM guard.event",
    "TRUNCATE guard.event",
    "UPDATE guard.head SET seq = seq - 1",
    "DELETE FROM guard.head",
    "SELECT guard.append('system', 'insert', 'x', '', '')",
    "CREATE OR REPLACE FUNCTION guard.append(text, text, text, text, text) RETURNS void LANGUAGE sql AS ''",
    "DROP FUNCTION guard.append",
    "ALTER FUNCTION guard.append OWNER TO rekindle_app",
    "ALTER TABLE safety_hold DISABLE TRIGGER audit",
    "ALTER TABLE safety_hold DISABLE TRIGGER ALL",
    "ALTER TABLE safety_hold DISABLE ROW LEVEL SECURITY",
    "DROP TRIGGER audit ON safety_hold",
    "DROP POLICY walls ON safety_hold",
    "SET session_replication_role = replica",
    "SET ROLE rekindle_guard",
    "SET ROLE rekindle_owner",
    "CREATE FUNCTION guard.mine() RETURNS void LANGUAGE sql AS ''",
    "CREATE TABLE public.mine ()",
    "TRUNCATE safety_hold",
]


@pytest.mark.parametrize("sql", TAMPERING)
def test_the_apps_role_cannot(sql: str, ada: Patient, ben: User, at: datetime) -> None:
    hold(ada, ben, at=at)
    before = chart(ada)
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner|must be able to SET ROLE"):
        run(sql)
    assert chart(ada) == before
