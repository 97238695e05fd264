"""Cyd, a clinician in whose care Ada is not, opens her chart in an emergency: by name, for an hour, seen."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.break_glass import services as accounts
from accounts.break_glass.queries import reason_place
from accounts.enums import BreakGlassPurpose, Role
from accounts.models import BreakGlass, Patient, User
from accounts.services import end_role, grant_role
from core.acting import acting_as
from core.actors import Actor
from core.database import as_owner
from core.encryption import encrypt
from core.ids import new_id
from desk.export import export
from notifications.models import Delivery
from programs.models import Enrollment
from safety import services as alerts
from safety import tasks
from safety.break_glass import services
from safety.models import Alert, Hold
from tests import statements
from tests.accounts.test_step_up import wait
from tests.api import post
from tests.conftest import make_patient, make_user
from tests.core.test_trail import lines
from tests.safety.conftest import ABSENT
from tests.sessions import stages

pytestmark = pytest.mark.django_db

WORDS = "An ambulance crew called; her sister says she took pills."
ASKED = {"legal_name": "Ada Example", "birth_on": "1984-05-17", "purpose": "danger", "reason": WORDS}
HOUR = timedelta(hours=1)
WALLS = import_module("accounts.migrations.0012_break_glass_walls")


def ask(client: APIClient, **changed: Any) -> Any:
    return post(client, "break-glass", ASKED | changed)


def refusals(user: User) -> list[object]:
    """With what the trail says that somebody was refused."""
    written = lines(f"account:{user.pk}")
    return [
        body["status"] for act, subject, _, body in written if (act, subject) == ("refuse", "break-glass")
    ]


def opened(user: User, patient: Patient, *, at: datetime, **changed: Any) -> BreakGlass:
    """An opening as the service would have stored it, or nearly."""
    fields = {"purpose": BreakGlassPurpose.COVER, "reason": b"x", "starts_at": at, "ends_at": at + HOUR}
    fields |= {"next_call_at": at + timedelta(hours=72)} | changed
    return BreakGlass.objects.create(user=user, patient=patient, **fields)


@pytest.fixture
def as_cyd(cyd_practises: User, client_of: Callable[[User], APIClient]) -> APIClient:
    """Cyd, who practises."""
    return client_of(cyd_practises)


@pytest.fixture
def opening(as_cyd: APIClient, ada: Patient) -> BreakGlass:
    """Ada's chart is open to Cyd."""
    answer = ask(as_cyd)
    assert answer.status_code == 201, answer.content
    return BreakGlass.objects.get()


def officer(email: str, *, at: datetime, role: Role = Role.PRIVACY_OFFICER) -> User:
    user = make_user(email, is_staff=True)
    grant_role(user, role, granted_by=None, at=at - HOUR)
    return user


@pytest.fixture
def pat(db: None, at: datetime) -> User:
    """A privacy officer."""
    return officer("pat@clinic.example", at=at)


@pytest.fixture
def as_pat(pat: User, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(pat)


class TestRefused:
    def test_for_a_wrong_name_as_for_nobody(self, as_cyd, cyd_practises, ada):
        def tried(**changed: Any) -> tuple[int, bytes, int]:
            with CaptureQueriesContext(connection) as captured:
                answer = ask(as_cyd, **changed)
            return answer.status_code, answer.content, len(statements.of(captured))

        tried(legal_name="Before the quota is dealt out")
        wrong = tried(legal_name="Ada Exampel")
        assert wrong[0] == 404
        assert wrong == tried(legal_name="Nobody Anywhere") == tried(birth_on="1984-05-18")
        assert wrong == tried(legal_name="ada example"), "exact means exact"
        assert wrong == tried(legal_name="Cyd Example"), "one's own"
        assert not BreakGlass.objects.exists()

    @pytest.mark.parametrize(
        "change",
        [
            {"patient": str(ABSENT)},
            {"legal_name": ""},
            {"legal_name": "%"},
            {"birth_on": "17 May"},
            {"birth_on": None},
            {"purpose": "curiosity"},
            {"reason": " "},
            {"reason": "x" * 2001},
            {"ends_at": "2030-01-01T00:00:00Z"},
        ],
    )
    def test_malformed_or_by_id(self, change, as_cyd, ada):
        assert ask(as_cyd, **change).status_code == (404 if change == {"legal_name": "%"} else 400)
        assert not BreakGlass.objects.exists()

    def test_where_two_people_share_name_and_birth_date(self, as_cyd, cyd_practises, ada):
        make_patient("other@example.org", "Ada Example")
        answer = ask(as_cyd)
        assert (answer.status_code, answer.json()["code"]) == (422, "ask_privacy_officer")
        assert not BreakGlass.objects.exists()
        assert refusals(cyd_practises) == [422]

    def test_to_whoever_cares_for_them_already(self, as_ben, ada):
        assert ask(as_ben).json()["code"] == "chart_is_open"

    def test_a_second_time_while_it_is_open(self, as_cyd, opening):
        assert ask(as_cyd).json()["code"] == "chart_is_open"
        assert BreakGlass.objects.count() == 1

    @pytest.mark.parametrize("role", [None, *sorted(set(Role) - {Role.CLINICIAN, Role.MEDICAL_DIRECTOR})])
    def test_to_whoever_does_not_practise(self, role, ada, client_of, at):
        user = make_user("gil@clinic.example")
        if role is not None:
            grant_role(user, role, granted_by=None, at=at)
        assert ask(client_of(user)).status_code == 403
        assert refusals(user) == [403]

    def test_to_strangers(self, ada):
        assert ask(APIClient()).status_code == 401

    def test_on_a_device_left_open(self, as_cyd, ada):
        wait(6)
        assert ask(as_cyd).json()["code"] == "reauthentication_required"

    def test_to_somebody_who_goes_on_guessing(self, settings, as_cyd, cyd_practises, ada):
        settings.LIMITS = settings.LIMITS | {"break_glass": (2, 3600)}
        for birth_on in ("1984-05-15", "1984-05-16"):
            assert ask(as_cyd, birth_on=birth_on).status_code == 404
        assert ask(as_cyd).status_code == 429
        assert refusals(cyd_practises) == [404, 404, 429]

    def test_and_the_trail_does_not_say_whom_they_asked_for(self, as_cyd, cyd_practises, ada):
        ask(as_cyd, birth_on="1984-05-18")
        assert refusals(cyd_practises) == [404]
        assert "Ada" not in json.dumps(lines(f"account:{cyd_practises.pk}"))


class TestOpen:
    def test_for_an_hour_with_the_reason_unreadable_in_the_database(self, opening, cyd_practises, ada):
        assert (opening.user, opening.patient) == (cyd_practises, ada)
        assert opening.ends_at - opening.starts_at == HOUR
        assert b"ambulance" not in bytes(opening.reason)

    def test_reads_what_her_clinician_reads(self, as_cyd, as_ben, enrollment, screening, hold, alert):
        addresses = [
            f"enrollments/{enrollment.pk}",
            f"enrollments/{enrollment.pk}/timeline",
            f"enrollments/{enrollment.pk}/monitoring-queries",
            f"enrollments/{enrollment.pk}/sessions",
            f"screenings/{screening.pk}",
            f"patients/{enrollment.patient_id}/identity-checks",
        ]
        assert {as_cyd.get(f"/api/v1/{each}").status_code for each in addresses} == {404}
        assert ask(as_cyd).status_code == 201
        for each in (*addresses, "holds", "enrollments"):
            answer = as_cyd.get(f"/api/v1/{each}")
            assert answer.status_code == 200, each
            assert answer.json() == as_ben.get(f"/api/v1/{each}").json()

    def test_signs_clears_lifts_and_records_nothing(
        self, as_cyd, enrollment, screening, hold, opening, ben, at
    ):
        for called in Alert.objects.all():  # while one is open, whoever is on call answers for her
            alerts.close(alerts.acknowledge(called, by=ben, at=at), by=ben, reason="Well.", at=at)
        for address, body in [
            (f"screenings/{screening.pk}/reviews", {"outcome": "accepted", "reason": "Fine."}),
            (f"enrollments/{enrollment.pk}/treatment-plans", {}),
            (f"holds/{hold.pk}/lifts", {"reason": "Fine."}),
            (f"patients/{enrollment.patient_id}/identity-checks", {}),
            (f"enrollments/{enrollment.pk}/monitoring-queries", {}),
        ]:
            assert post(as_cyd, address, body).status_code == 404, address

    def test_writes_nothing_into_a_session(self, as_cyd, as_ben, ada, at):
        session, _ = stages.started(ada, at=at)
        assert ask(as_cyd).status_code == 201
        assert as_cyd.get(f"/api/v1/sessions/{session.pk}").status_code == 200
        for what in ("observations", "check-ins", "end"):
            assert post(as_cyd, f"sessions/{session.pk}/{what}").status_code == 403, what
        entry = {"client_id": str(ABSENT), "sequence": 1}
        assert post(as_ben, f"sessions/{session.pk}/observations", entry).status_code == 400

    def test_but_says_that_she_came_to_harm_which_holds_treatment(self, as_cyd, enrollment, opening):
        said = {"enrollment": str(enrollment.pk), "description": "Found unconscious.", "is_serious": True}
        assert post(as_cyd, "adverse-events", said).status_code == 201
        assert Hold.objects.get().patient == enrollment.patient

    def test_nobody_else_reads_it(self, opening, enrollment, client_of, at):
        dora = make_user("dora@clinic.example")
        grant_role(dora, Role.GUIDE, granted_by=None, at=at)
        assert client_of(dora).get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 404

    def test_ends_with_its_last_minute(self, as_cyd, cyd_practises, enrollment, at):
        opened(cyd_practises, enrollment.patient, at=at - HOUR)
        assert as_cyd.get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 404

    def test_ends_when_one_says_so(self, as_cyd, as_ben, enrollment, opening):
        address = f"break-glass/{opening.pk}/ends"
        assert post(as_ben, address).status_code == 404, "somebody else's"
        assert post(as_cyd, address).status_code == 201
        assert as_cyd.get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 404
        ended_at = BreakGlass.objects.get().ends_at
        assert post(as_cyd, address).status_code == 201
        assert BreakGlass.objects.get().ends_at == ended_at

    def test_ends_with_the_role(self, as_cyd, cyd_practises, enrollment, opening, at):
        end_role(cyd_practises, Role.CLINICIAN, at=at)
        assert as_cyd.get(f"/api/v1/enrollments/{enrollment.pk}").status_code in (401, 404)
        with acting_as(Actor.person(cyd_practises.pk)):
            assert not Enrollment.objects.exists()


class TestSeen:
    def test_by_the_patient_with_a_reason_that_betrays_nobody(self, opening, as_ada, as_ben):
        (seen,) = as_ada.get("/api/v1/me/break-glass").json()["results"]
        assert (seen["opened_by"], seen["why"]) == (
            "Cyd Example, MD",
            "Somebody was thought to be in danger.",
        )
        assert "sister" not in json.dumps(seen)

    def test_in_the_list_of_everybody_who_looked(self, opening, enrollment, as_cyd, as_ada):
        assert as_cyd.get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 200
        (look,) = as_ada.get("/api/v1/me/looks").json()["results"]
        assert (look["who"], look["role"], look["why"]) == ("Cyd Example, MD", "clinician", "break_glass")

    def test_in_what_she_downloads_without_the_words(self, opening, ada, at):
        (chapter,) = [each for each in export(ada, at=at).chapters if each.name == "accounts.breakglass"]
        assert chapter.rows[0]["purpose"] == "danger"
        assert not {"reason", "note"} & set(chapter.rows[0])

    def test_and_not_by_those_who_care_for_her(self, opening, as_ben):
        assert as_ben.get("/api/v1/me/break-glass").status_code == 403

    def test_by_no_other_patient(self, opening, client_of):
        zoe = make_patient("zoe@example.org", "Zoe Example")
        assert client_of(zoe.user).get("/api/v1/me/break-glass").json()["results"] == []

    def test_by_every_privacy_officer_at_once(self, pat, cyd_practises, as_cyd, ada, at):
        officer("quin@clinic.example", at=at, role=Role.OPERATOR)
        assert ask(as_cyd).status_code == 201
        (told,) = Delivery.objects.filter(dedupe_key__startswith="break-glass:")
        assert (told.user, told.kind) == (pat, "triage_page")

    def test_but_not_by_the_one_whom_it_is_about(self, pat, cyd_practises, as_cyd, ada, at):
        grant_role(cyd_practises, Role.PRIVACY_OFFICER, granted_by=None, at=at - HOUR)
        ask(as_cyd)
        assert [each.user for each in Delivery.objects.filter(dedupe_key__startswith="break-glass:")] == [pat]

    def test_by_operators_and_the_log_where_there_is_no_privacy_officer(self, as_cyd, ada, at, caplog):
        quin = officer("quin@clinic.example", at=at, role=Role.OPERATOR)
        assert ask(as_cyd).status_code == 201
        assert Delivery.objects.get(dedupe_key__startswith="break-glass:").user == quin
        assert "no privacy officer" in caplog.text


class TestReview:
    FOUND = {"finding": "justified", "note": "It is in the telephone log."}

    def test_lists_who_opened_whose_and_why(self, as_pat, opening):
        (waiting,) = as_pat.get("/api/v1/break-glass/reviews").json()["results"]
        assert waiting["patient"]["legal_name"] == "Ada Example"
        assert (waiting["opened_by"], waiting["reason"]) == ("Cyd Example, MD", WORDS)
        assert as_pat.get("/api/v1/break-glass/reviews?state=overdue").json()["results"] == []
        assert as_pat.get("/api/v1/break-glass/reviews?state=lost").status_code == 400

    def test_is_for_privacy_officers(self, as_cyd, as_ben, as_ada, opening):
        for client in (as_cyd, as_ben, as_ada):
            assert client.get("/api/v1/break-glass/reviews").status_code == 403
            assert post(client, f"break-glass/{opening.pk}/reviews", self.FOUND).status_code == 403

    def test_a_privacy_officer_sees_nothing_of_the_chart(self, as_pat, pat, opening, enrollment):
        assert as_pat.get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 404
        with acting_as(Actor.person(pat.pk)):
            assert BreakGlass.objects.count() == 1
            assert not Patient.objects.exists()

    def test_never_of_ones_own(self, cyd_practises, ada, client_of, at):
        grant_role(cyd_practises, Role.PRIVACY_OFFICER, granted_by=None, at=at - HOUR)
        client = client_of(cyd_practises)
        address = f"break-glass/{ask(client).json()['id']}/reviews"
        answer = post(client, address, self.FOUND)
        assert (answer.status_code, answer.json()["code"]) == (422, "own_opening")

    def test_once(self, as_pat, pat, opening):
        address = f"break-glass/{opening.pk}/reviews"
        for wrong in ({}, {"finding": "fine", "note": "x"}, {"finding": "justified", "note": ""}):
            assert post(as_pat, address, wrong).status_code == 400
        done = post(as_pat, address, self.FOUND)
        assert (done.status_code, done.json()["reviewed_by"]) == (201, str(pat.pk))
        assert post(as_pat, address, self.FOUND).json()["code"] == "opening_reviewed"
        assert as_pat.get("/api/v1/break-glass/reviews").json()["results"] == []
        (kept,) = as_pat.get("/api/v1/break-glass/reviews?state=done").json()["results"]
        assert kept["note"] == self.FOUND["note"]

    def test_overdue_is_called_for_once_a_day_until_it_is_done(self, as_pat, pat, opening):
        due_at = opening.starts_at + timedelta(hours=72)
        calls = [due_at - timedelta(seconds=1), due_at, due_at + HOUR, due_at + timedelta(hours=24)]
        assert [services.call_for_overdue_reviews(at=moment) for moment in calls] == [0, 1, 0, 1]
        assert Delivery.objects.filter(user=pat).count() == 3
        assert post(as_pat, f"break-glass/{opening.pk}/reviews", self.FOUND).status_code == 201
        assert services.call_for_overdue_reviews(at=due_at + timedelta(days=9)) == 0

    def test_overdue_is_on_its_list_and_called_for_by_the_clock(self, as_pat, pat, cyd_practises, ada, at):
        row_id = new_id()
        reason = encrypt("Why.", place=reason_place(row_id))
        opened(cyd_practises, ada, id=row_id, at=at - timedelta(hours=73), reason=reason)
        (late,) = as_pat.get("/api/v1/break-glass/reviews?state=overdue").json()["results"]
        assert late["id"] == str(row_id)
        tasks.call_for_overdue_reviews()
        tasks.call_for_overdue_reviews()
        assert Delivery.objects.filter(user=pat).count() == 1

    def test_in_the_admin(self, pat, ben, opening):
        page = f"/admin/accounts/breakglass/{opening.pk}"
        client = Client()
        client.force_login(ben)
        assert client.get(f"{page}/change/").status_code == 403
        client.force_login(pat)
        assert client.get("/admin/accounts/breakglass/").status_code == 200
        shown = client.get(f"{page}/change/").content.decode()
        assert "Ada Example" in shown
        assert "ambulance" in shown
        form = {f"review-{name}": value for name, value in self.FOUND.items()}
        assert client.post(f"{page}/acts/review/", form).status_code == 302
        assert BreakGlass.objects.get().reviewed_by == pat


class TestWalls:
    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"ends_at": timedelta(minutes=61)}, "break_glass_lasts_an_hour_at_most"),
            ({"ends_at": timedelta(minutes=-1)}, "break_glass_lasts_an_hour_at_most"),
            ({"purpose": "curiosity"}, "break_glass_purpose_is_known"),
            ({"reason": b""}, "break_glass_gives_a_reason"),
            ({"next_call_at": None}, "break_glass_called_for_until_reviewed"),
        ],
    )
    def test_no_such_row(self, change, name, cyd_practises, ada, at):
        if "ends_at" in change:
            change = {"ends_at": at + change["ends_at"]}
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            opened(cyd_practises, ada, at=at, **change)

    def test_nobody_reviews_their_own(self, opening, at):
        done = {"reviewed_at": at, "finding": "justified", "next_call_at": None}
        with pytest.raises(IntegrityError, match="break_glass_reviewed_by_another"), transaction.atomic():
            BreakGlass.objects.update(reviewed_by=opening.user, **done)

    @pytest.mark.parametrize("column", ["starts_at", "user_id", "patient_id", "reason", "purpose"])
    def test_what_was_written_stays(self, column, opening):
        refused = pytest.raises(DatabaseError, match="permission denied")
        for sql in ("UPDATE accounts_breakglass SET {0} = {0}", "DELETE FROM accounts_breakglass"):
            with refused, transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql.format(column))

    def test_the_wall_opens_to_whoever_opened_it(self, enrollment, opening, ben_ill):
        with acting_as(Actor.person(opening.user_id)):
            assert Enrollment.objects.filter(pk=enrollment.pk).exists()
        accounts.close_chart(opening, at=opening.starts_at)
        with acting_as(Actor.person(opening.user_id)):
            assert not Enrollment.objects.filter(pk=enrollment.pk).exists()


def run_as_owner(*statements_: str) -> None:
    with as_owner(), transaction.atomic(), connection.cursor() as cursor:
        for each in statements_:
            cursor.execute(each)


@pytest.fixture
def no_limit_of_time(transactional_db: None) -> Iterator[None]:
    """The table without its sixty minutes."""
    wall = "break_glass_lasts_an_hour_at_most"
    run_as_owner(f"ALTER TABLE accounts_breakglass DROP CONSTRAINT {wall}")
    yield
    hour = "ends_at >= starts_at AND ends_at <= starts_at + interval '60 minutes'"
    run_as_owner("DELETE FROM accounts_breakglass")
    run_as_owner(f"ALTER TABLE accounts_breakglass ADD CONSTRAINT {wall} CHECK ({hour})")


def test_without_the_limit_a_chart_stays_open(no_limit_of_time, cyd_practises, enrollment, as_cyd, at):
    opened(cyd_practises, enrollment.patient, at=at - HOUR, ends_at=at + timedelta(minutes=1))
    assert as_cyd.get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 200


@pytest.fixture
def walls_that_know_no_openings(transactional_db: None) -> Iterator[None]:
    """The wall as it was before."""
    run_as_owner(WALLS.AS_GUARD, WALLS.VISIBLE % "")
    yield
    run_as_owner(WALLS.AS_GUARD, WALLS.VISIBLE % WALLS.OPENED)


def test_without_it_in_the_wall_nothing_is_seen(walls_that_know_no_openings, enrollment, as_cyd):
    assert ask(as_cyd).status_code == 201
    assert as_cyd.get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_opening_is_in_the_charts_trail(as_cyd, cyd_practises, ada):
    assert ask(as_cyd).status_code == 201
    written = [line[:3] for line in lines(f"chart:{ada.pk}")]
    assert ("insert", "accounts_breakglass", f"person:{cyd_practises.pk}") in written
