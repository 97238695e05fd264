"""A sign-in lasts so long and no longer, by cookie and app token alike, and ends at once when it has to."""

from datetime import timedelta

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import rules, services
from accounts.enums import CapabilityScope, Role
from accounts.models import RoleGrant, SignIn
from accounts.rules import Limits, SignInFacts, is_over, is_recent
from accounts.services import grant_role
from core.actors import Actor
from tests.conftest import PASSWORD
from tests.statements import of

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
LIMITS = Limits(whole=timedelta(hours=12), idle=timedelta(minutes=15))


@pytest.fixture(params=["token", "cookie"])
def signed_in(request, client_of):
    """Both ways to carry a sign-in."""

    def make(user):
        if request.param == "token":
            return client_of(user)
        client = APIClient()
        client.force_login(user)
        return client

    return make


def moved(**back: timedelta) -> None:
    """Let time pass for every device: what they remember lies that far back."""
    for row in SignIn.objects.all():
        SignIn.objects.filter(pk=row.pk).update(
            **{name: getattr(row, name) - by for name, by in back.items()}
        )


def status(client) -> int:
    return int(client.get("/api/v1/me").status_code)


class TestTheRule:
    @pytest.mark.parametrize(
        ("signed_in", "seen", "over"),
        [
            (timedelta(hours=12) - SECOND, timedelta(0), False),
            (timedelta(hours=12), timedelta(0), True),
            (timedelta(hours=1), timedelta(minutes=15) - SECOND, False),
            (timedelta(hours=1), timedelta(minutes=15), True),
        ],
    )
    def test_ends_on_the_second(self, signed_in, seen, over, at):
        facts = SignInFacts(at - signed_in, at - seen, True, False, True)
        assert is_over(facts, limits=LIMITS, at=at) == over

    def test_a_role_lost_ends_it_without_limits_too(self, at):
        assert is_over(SignInFacts(at, at, True, True, True), limits=None, at=at)
        assert not is_over(SignInFacts(at, at, True, False, True), limits=None, at=at)

    @pytest.mark.parametrize(
        ("before", "recent"),
        [(SECOND, True), (300 * SECOND - SECOND, True), (300 * SECOND, False), (-SECOND, False)],
    )
    def test_recent_is_recent(self, before, recent, at):
        assert is_recent(at - before, within=300 * SECOND, at=at) == recent
        assert not is_recent(None, within=300 * SECOND, at=at)


class TestLimits:
    def test_a_patient_is_idle_for_half_an_hour(self, ada, signed_in):
        client = signed_in(ada.user)
        moved(last_seen_at=timedelta(minutes=29))
        assert status(client) == 200
        moved(last_seen_at=timedelta(minutes=30))
        assert status(client) in (401, 403)

    def test_staff_for_a_quarter(self, ben, signed_in):
        client = signed_in(ben)
        moved(last_seen_at=timedelta(minutes=14))
        assert status(client) == 200
        moved(last_seen_at=timedelta(minutes=15))
        assert status(client) in (401, 403)

    def test_nobody_stays_longer_than_half_a_day(self, ada, signed_in):
        client = signed_in(ada.user)
        moved(signed_in_at=timedelta(hours=12) - timedelta(minutes=1))
        assert status(client) == 200
        moved(signed_in_at=timedelta(minutes=1))
        assert status(client) in (401, 403)

    def test_without_the_guard_they_would(self, ada, signed_in, monkeypatch):
        """The twin."""
        monkeypatch.setattr(rules, "is_over", lambda *_, **__: False)
        client = signed_in(ada.user)
        moved(signed_in_at=timedelta(hours=13), last_seen_at=timedelta(hours=13))
        assert status(client) == 200

    def test_whoever_starts_to_work_here_is_held_to_it_at_once(self, ada, ben, client_of, at):
        client = client_of(ada.user)
        grant_role(ada.user, Role.GUIDE, granted_by=None, at=at - SECOND)
        assert client.get("/api/v1/enrollments").status_code == 403
        moved(last_seen_at=timedelta(minutes=16))
        assert status(client) == 401

    def test_can_be_set_for_patients_alone(self, ada, ben, client_of, settings):
        settings.PATIENT_IDLE_MINUTES = 60
        patient, clinician = client_of(ada.user), client_of(ben)
        moved(last_seen_at=timedelta(minutes=45))
        assert [status(patient), status(clinician)] == [200, 401]

    def test_a_rehearsal_s_clock_ends_nothing(self, ada, client_of, demo):
        client = client_of(ada.user)
        moved(signed_in_at=timedelta(days=30), last_seen_at=timedelta(days=30))
        assert status(client) == 200

    def test_a_link_outlives_them(self, ada, at, client):
        _, token = services.issue_capability(
            CapabilityScope.MONITOR,
            target_id=ada.pk,
            actor=Actor.person(ada.user_id),
            at=at - timedelta(hours=13),
            expires_at=at + timedelta(hours=1),
        )
        answer = client.get("/api/v1/me", headers={"Authorization": f"Capability {token}"})
        assert answer.status_code == 403, "alive, though older than any sign-in; and not a person"


class TestEnds:
    def test_disabled(self, ada, signed_in):
        client = signed_in(ada.user)
        ada.user.is_active = False
        ada.user.save()
        assert status(client) in (401, 403)

    def test_another_password(self, ada, signed_in):
        client = signed_in(ada.user)
        ada.user.set_password("another long password")
        ada.user.save()
        assert status(client) in (401, 403)

    def test_a_role_taken_away(self, ben, signed_in, at):
        client = signed_in(ben)
        assert status(client) == 200
        moved(signed_in_at=timedelta(minutes=1))
        RoleGrant.objects.filter(user=ben).update(ends_at=at - SECOND)
        assert status(client) in (401, 403)
        assert status(signed_in(ben)) == 200, "signs in again, as what they still are"

    def test_another_secret_key_kept_as_a_fallback_does_not(self, ada, client_of, settings):
        client = client_of(ada.user)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "new" * 20
        assert status(client) == 200
        settings.SECRET_KEY_FALLBACKS = []
        assert status(client) == 401

    def test_signing_out(self, ada, app):
        app.password(ada.user)
        assert status(app.client) == 200
        assert app.call("delete", "auth/session").status_code == 401
        assert status(app.client) == 401


class TestCost:
    def statements(self, client) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/api/v1/sessions/00000000-0000-7000-8000-000000000000").status_code == 404
        return [query["sql"].split()[0] for query in captured if "signin" in query["sql"]]

    def test_is_one_statement(self, ada, signed_in):
        client = signed_in(ada.user)
        with CaptureQueriesContext(connection) as captured:
            client.get("/api/v1/me")
        first = of(captured)[0]
        assert all(table in first for table in ("accounts_signin", "accounts_user", "accounts_rolegrant"))
        assert sum("accounts_user" in query["sql"] for query in captured) == 1

    def test_being_seen_is_written_once_a_minute(self, ada, client_of):
        client = client_of(ada.user)
        assert self.statements(client) == ["SELECT"]
        moved(last_seen_at=timedelta(seconds=60))
        assert self.statements(client) == ["SELECT", "UPDATE"]
        assert self.statements(client) == ["SELECT"]

    def test_that_keeps_it_alive(self, ada, client_of):
        client = client_of(ada.user)
        for _ in range(4):
            moved(last_seen_at=timedelta(minutes=20))
            assert status(client) == 200

    def test_writing_into_a_session_does_not_prolong_it(self, ada, app):
        app.password(ada.user)
        moved(signed_in_at=timedelta(hours=11))
        began_at = SignIn.objects.get().signed_in_at
        assert app.call("post", "auth/reauthenticate", password=PASSWORD).status_code == 200
        assert SignIn.objects.get().signed_in_at == began_at
        assert SignIn.objects.get().user_id == ada.user_id


def test_who_signs_in_anew_starts_anew(ada, app):
    app.password(ada.user)
    moved(signed_in_at=timedelta(hours=12))
    assert app.call("get", "auth/session").status_code == 410
    app.client.credentials()
    assert app.password(ada.user).status_code == 200
    assert status(app.client) == 200


def test_nobody_s_session_is_nobody_s(client: Client):
    client.get("/account/login/")
    session = client.session
    session["theme"] = "dark"
    session.save()
    assert SignIn.objects.get().user_id is None
    assert AUTHENTICATION_METHODS_SESSION_KEY not in client.session
