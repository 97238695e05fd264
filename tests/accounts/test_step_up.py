"""Whoever signs has just shown that it is them."""

import time
from uuid import UUID, uuid4

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.urls import get_resolver

from accounts import rules
from accounts.enums import Role
from accounts.models import SignIn
from accounts.permissions import RecentlyAuthenticated
from accounts.services import grant_role
from accounts.sign_ins import SessionStore
from safety import services as safety
from safety.enums import AlertClass
from tests.api import post
from tests.conftest import PASSWORD, make_user
from tests.guards.test_architecture import views

pytestmark = pytest.mark.django_db

STEPPED_UP = {
    "alerts/<uuid:alert_id>/closures",
    "enrollments/<uuid:enrollment_id>/consents",
    "enrollments/<uuid:enrollment_id>/treatment-plans",
    "holds/<uuid:hold_id>/lifts",
    "me",
    "me/closure",
    "screenings/<uuid:screening_id>/reviews",
}
"""Addresses where a signature is given, or where somebody says who they are."""


def wait(minutes: float) -> None:
    """Let every device have shown its password and code so long ago."""
    for row in SignIn.objects.all():
        session = SessionStore(row.session_key)
        shown = session[AUTHENTICATION_METHODS_SESSION_KEY]
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [
            each | {"at": time.time() - 60 * minutes} for each in shown
        ]
        session.save()


@pytest.fixture
def ours():
    return dict(views(get_resolver().url_patterns))


def test_every_place_where_one_signs_asks(ours):
    asks = {address for address, view in ours.items() if RecentlyAuthenticated in view.permission_classes}
    assert asks >= STEPPED_UP
    assert any("role" in address for address in asks)
    assert any("invitation" in address for address in asks)


@pytest.mark.parametrize("address", sorted(STEPPED_UP - {"me", "me/closure"}))
def test_nobody_signs_on_a_device_left_open(address, ada, ben, client_of):
    client = client_of(ada.user if "consents" in address else ben)
    path = address.replace("<uuid:", "").split("/")
    path[1] = str(UUID(int=7))
    wait(minutes=5)
    refused = post(client, "/".join(path))
    assert refused.status_code == 403
    assert refused.json()["type"] == "/problems/reauthentication-required"
    assert client.get(refused.json()["type"]).status_code == 200
    wait(minutes=4.9)
    assert post(client, "/".join(path)).json()["code"] != "reauthentication_required"


def test_reading_asks_for_nothing(ada, client_of):
    client = client_of(ada.user)
    wait(minutes=20)
    assert client.get("/api/v1/me").status_code == 200
    assert client.put("/api/v1/me", {}, format="json").status_code == 403


def test_a_harm_is_reported_whenever(ada, client_of, at):
    client = client_of(ada.user)
    wait(minutes=20)
    assert post(client, "adverse-events", {}).json().get("code") != "reauthentication_required"


def test_an_alert_is_taken_in_hand_whenever(ada, ben, client_of, at):
    alert = safety.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=at)
    client = client_of(ben)
    wait(minutes=10)
    assert post(client, f"alerts/{alert.pk}/acknowledgements").status_code in (200, 201)
    closing = {"reason": "We talked; she is safe."}
    assert post(client, f"alerts/{alert.pk}/closures", closing).status_code == 403


def test_showing_it_again_opens_the_way(ada, app, at):
    app.password(ada.user)
    wait(minutes=6)
    assert app.client.put("/api/v1/me", {}, format="json").status_code == 403
    assert app.call("post", "auth/reauthenticate", password="wrong").status_code == 400
    assert app.client.put("/api/v1/me", {}, format="json").status_code == 403
    assert app.call("post", "auth/reauthenticate", password=PASSWORD).status_code == 200
    assert app.client.put("/api/v1/me", {}, format="json").status_code == 400, "in, and nothing said"


def test_without_the_guard_one_signs(ada, ben, client_of, at, monkeypatch):
    """The twin."""
    alert = safety.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=at)
    client = client_of(ben)
    post(client, f"alerts/{alert.pk}/acknowledgements")
    wait(minutes=10)
    monkeypatch.setattr(rules, "is_recent", lambda *_, **__: True)
    assert post(client, f"alerts/{alert.pk}/closures", {"reason": "We talked."}).status_code in (200, 201)


def test_a_role_is_given_by_who_is_there(client_of, at):
    operator = make_user("op@clinic.example")
    grant_role(operator, Role.OPERATOR, granted_by=None, at=at)
    client = client_of(operator)
    wait(minutes=10)
    body = {"user": str(uuid4()), "role": "guide"}
    assert post(client, "role-grants", body).json()["code"] == "reauthentication_required"


class TestTheAdmin:
    def test_asks_and_then_does_what_was_asked(self, ada, ben, client, at):
        alert = safety.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=at)
        safety.acknowledge(alert, by=ben, at=at)
        client.force_login(ben)
        page = f"/admin/safety/alert/{alert.pk}/change/"
        assert client.get(page).status_code == 200
        wait(minutes=10)
        act = f"/admin/safety/alert/{alert.pk}/acts/close/"
        asked = client.post(act, {"close-reason": "We talked."})
        assert asked["Location"].startswith("/account/reauthenticate/")
        alert.refresh_from_db()
        assert alert.status != "closed"
        assert client.post(asked["Location"], {"password": "wrong"}).status_code == 200
        done = client.post(asked["Location"], {"password": PASSWORD})
        assert done["Location"] == page
        alert.refresh_from_db()
        assert alert.status == "closed"


class TestContacts:
    def test_an_address_is_changed_by_who_is_there(self, ada, app):
        app.password(ada.user)
        wait(minutes=6)
        assert app.call("post", "account/email", email="new@example.org").status_code == 401
        app.call("post", "auth/reauthenticate", password=PASSWORD)
        assert app.call("post", "account/email", email="new@example.org").status_code == 200
