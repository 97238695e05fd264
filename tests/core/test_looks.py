"""Whoever is shown a chart leaves one line in its trail, and whoever is refused one in theirs."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Capability, Patient, User
from accounts.services import grant_role
from safety import services as safety
from safety.enums import AlertClass
from sessions.models import TreatmentSession
from tests import steps
from tests.conftest import make_clinician, make_user
from tests.sessions import stages
from tests.sessions.conftest import by_link

ClientOf = Callable[[User], APIClient]


def lines(chain: str, act: str) -> list[tuple[str, str, dict[str, Any]]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT actor, subject, body FROM guard.event WHERE chain = %s AND act = %s ORDER BY seq",
            [chain, act],
        )
        return [(actor, subject, json.loads(body)) for actor, subject, body in cursor.fetchall()]


def looks(patient: Patient) -> list[tuple[str, str, str]]:
    return [(actor, what, body["why"]) for actor, what, body in lines(f"chart:{patient.pk}", "look")]


def refusals(user: User) -> list[tuple[str, dict[str, Any]]]:
    return [(what, body) for _, what, body in lines(f"account:{user.pk}", "refuse")]


class TestLooks:
    def test_own_chart(self, ada: Patient, cyd: Patient, client_of: ClientOf) -> None:
        assert client_of(ada.user).get("/api/v1/me").status_code == 200
        assert looks(ada) == [(f"person:{ada.user_id}", "me", "own")]
        assert looks(cyd) == []

    def test_a_list_leaves_one_line_for_each_chart(
        self, ada: Patient, ben: User, at: datetime, client_of: ClientOf
    ) -> None:
        enrollment = steps.active(ada, at=at)
        assert client_of(ben).get("/api/v1/enrollments").status_code == 200
        client_of(ben).get(f"/api/v1/enrollments/{enrollment.pk}/timeline")
        who = f"person:{ben.pk}"
        assert looks(ada) == [(who, "enrollments", "care"), (who, "timeline", "care")]

    def test_by_link(self, ada: Patient, at: datetime) -> None:
        session, _ = stages.dosed(ada, at=at)
        client = by_link(stages.token_in_mail(session))
        assert client.get(f"/api/v1/sessions/{session.pk}").status_code == 200
        [(actor, what, why)] = looks(ada)
        assert (actor.split(":")[0], what, why) == ("capability", "session", "link")

    def test_who_was_called_and_who_assigns(
        self, ada: Patient, ben: User, at: datetime, client_of: ClientOf
    ) -> None:
        dora = make_clinician(make_user("dora@clinic.example", is_staff=True), "Dora Example", at=at)
        olga = make_user("olga@clinic.example")
        grant_role(olga, Role.OPERATOR, granted_by=None, at=at)
        safety.raise_alert(ada.pk, alert_class=AlertClass.SERIOUS_EVENT, source="test", at=at)
        assert len(client_of(dora).get("/api/v1/alerts").json()["results"]) == 1
        assert client_of(olga).get("/api/v1/care-team/memberships").status_code == 200
        assert looks(ada) == [
            (f"person:{dora.pk}", "alerts", "on_call"),
            (f"person:{olga.pk}", "memberships", "assigning"),
        ]

    def test_pages_of_the_admin(self, ada: Patient, ben: User, client: Client) -> None:
        client.force_login(ben)
        for path in ("", f"{ada.pk}/change/"):
            assert client.get(f"/admin/accounts/patient/{path}").status_code == 200
        assert looks(ada) == [(f"person:{ben.pk}", "admin:patient", "care")] * 2

    def test_a_change_leaves_no_look(self, ada: Patient, client_of: ClientOf) -> None:
        profile = {"legal_name": "Ada B", "preferred_name": "Ada", "birth_on": "1984-05-17"}
        sent = profile | {"timezone": "America/New_York"}
        assert client_of(ada.user).put("/api/v1/me", sent, format="json").status_code == 200
        assert looks(ada) == []


class TestRefusals:
    def test_not_yours_and_not_your_role(
        self, ada: Patient, cyd: Patient, at: datetime, client_of: ClientOf
    ) -> None:
        enrollment = steps.active(ada, at=at)
        assert client_of(cyd.user).get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 404
        assert client_of(cyd.user).get("/api/v1/alerts").status_code == 403
        asked = {"enrollment_id": str(enrollment.pk)}
        assert refusals(cyd.user) == [
            ("enrollment", {"status": 404, "method": "GET", **asked}),
            ("alerts", {"status": 403, "method": "GET"}),
        ]
        assert looks(ada) == []

    def test_it_outlives_what_is_rolled_back(self, cyd: Patient, client_of: ClientOf) -> None:
        client = client_of(cyd.user)
        path = f"/api/v1/enrollments/{uuid4()}/pauses"
        assert client.post(path, {}, format="json", HTTP_IDEMPOTENCY_KEY="1").status_code == 404
        [(what, body)] = refusals(cyd.user)
        assert (what, body["status"], body["method"]) == ("pauses", 404, "POST")

    def test_a_dead_link(self, ada: Patient, at: datetime) -> None:
        session, _ = stages.dosed(ada, at=at)
        client = by_link(stages.token_in_mail(session))
        link = Capability.objects.get(target_id=session.pk)
        Capability.objects.filter(pk=link.pk).update(revoked_at=at)
        assert client.get(f"/api/v1/sessions/{session.pk}").status_code == 401
        assert [body["status"] for _, _, body in lines(f"capability:{link.pk}", "refuse")] == [401]

    def test_a_sign_in_that_is_not_whole(self, ben: User, client: Client) -> None:
        client.force_login(ben)
        session = client.session
        session["account_authentication_methods"] = session["account_authentication_methods"][:1]
        session.save()
        assert client.get("/api/v1/alerts").status_code == 403
        assert [what for what, _ in refusals(ben)] == ["alerts"]

    def test_a_stranger_leaves_none(self, ada: Patient) -> None:
        assert APIClient().get("/api/v1/me").status_code == 401
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM guard.event WHERE act = 'refuse'")
            assert cursor.fetchone() == (0,)

    def test_in_the_admin(self, cyd: Patient, ben: User, client: Client) -> None:
        client.force_login(ben)
        for path in (f"accounts/patient/{cyd.pk}/change/", "safety/screening/add/"):
            assert client.get(f"/admin/{path}").status_code in (302, 403)
        assert [body["status"] for _, body in refusals(ben)] == [404, 403]
        assert looks(cyd) == []


class TestWhoLooked:
    @pytest.fixture
    def looked(self, ada: Patient, ben: User, at: datetime, client_of: ClientOf) -> TreatmentSession:
        session, _ = stages.dosed(ada, at=at)
        monitor = by_link(stages.token_in_mail(session))
        assert monitor.get(f"/api/v1/sessions/{session.pk}").status_code == 200
        for _ in range(2):
            assert client_of(ben).get(f"/api/v1/sessions/{session.pk}").status_code == 200
        return session

    def test_by_name_role_and_reason(
        self, ada: Patient, looked: TreatmentSession, client_of: ClientOf
    ) -> None:
        found = client_of(ada.user).get("/api/v1/me/looks").json()
        shown = [(row["who"], row["role"], row["what"], row["why"]) for row in found["results"]]
        assert found["next"] is None
        assert shown[:2] == [("Ben Example, MD", "clinician", "session", "care")] * 2
        assert shown[2][1:] == ("monitor", "session", "link")
        assert shown[2][0]
        everybody = client_of(ada.user).get("/api/v1/me/looks?by=everybody").json()["results"]
        assert [row["role"] for row in everybody] == ["patient", "clinician", "clinician", "monitor"]

    def test_page_by_page(self, ada: Patient, looked: TreatmentSession, client_of: ClientOf) -> None:
        first = client_of(ada.user).get("/api/v1/me/looks?limit=2").json()
        second = client_of(ada.user).get(first["next"]).json()
        assert [len(page["results"]) for page in (first, second)] == [2, 1]
        assert client_of(ada.user).get("/api/v1/me/looks?cursor=x").status_code == 400

    def test_nobody_elses(
        self, ada: Patient, cyd: Patient, ben: User, looked: TreatmentSession, client_of: ClientOf
    ) -> None:
        assert client_of(cyd.user).get("/api/v1/me/looks?by=everybody").json()["results"] == []
        assert client_of(ben).get("/api/v1/me/looks").status_code == 403
