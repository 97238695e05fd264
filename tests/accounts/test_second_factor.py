"""Nobody works here on a password alone."""

import base64
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts import second_factor, sign_ins
from accounts.enums import FactorStep, Role
from accounts.rules import SignInFacts, factor_step
from accounts.services import grant_role
from core.encryption import Undecipherable
from tests.accounts.conftest import App, totp_now
from tests.conftest import PASSWORD, TOTP_SECRET, give_factor, make_user

pytestmark = pytest.mark.django_db

ALERTS = "/api/v1/alerts"


class TestTheRule:
    @pytest.mark.parametrize(
        ("works_here", "has_factor", "has_shown", "step"),
        [
            (False, False, False, None),
            (False, True, False, None),
            (True, False, False, FactorStep.ENROLL),
            (True, False, True, FactorStep.ENROLL),
            (True, True, False, FactorStep.USE),
            (True, True, True, None),
        ],
    )
    def test_says_what_is_missing(self, works_here, has_factor, has_shown, step, at):
        facts = SignInFacts(at, at, works_here, False, has_factor)
        assert factor_step(facts, has_shown_factor=has_shown) == step


def missing(app: App) -> list[str]:
    return [reason["code"] for reason in app.client.get(ALERTS).json()["reasons"]]


class TestTheApp:
    def test_a_clinician_without_one_is_told_what_to_do(self, ben, app):
        assert app.password(ben).status_code == 200
        refused = app.client.get(ALERTS)
        assert refused.status_code == 403
        assert refused.json()["type"] == "/problems/second-factor-required"
        assert missing(app) == ["enroll_second_factor"]
        assert app.client.get(refused.json()["type"]).status_code == 200
        assert app.client.get("/api/v1/me").status_code == 200

    def test_enrolls_shows_it_and_works(self, ben, app):
        app.password(ben)
        secret = app.call("get", "account/authenticators/totp").json()["meta"]["secret"]
        assert app.call("post", "account/authenticators/totp", code=totp_now(secret)).status_code == 200
        assert missing(app) == ["use_second_factor"]
        assert app.call("post", "auth/2fa/reauthenticate", code=totp_now(secret)).status_code == 200
        assert app.client.get(ALERTS).status_code == 200

    def test_a_sign_in_from_before_has_to_show_it_too(self, ben, app, new_app):
        stolen = new_app()
        stolen.password(ben)
        give_factor(ben)
        assert app.password(ben).status_code == 401
        assert app.code().status_code == 200
        assert app.client.get(ALERTS).status_code == 200
        assert stolen.client.get(ALERTS).status_code == 403

    def test_a_password_alone_opens_nothing_where_there_is_one(self, ben, app):
        give_factor(ben)
        assert app.password(ben).status_code == 401
        assert app.client.get("/api/v1/me").status_code == 401

    def test_once_removed_nothing_is_open(self, ben, client_of):
        client = client_of(ben)
        assert client.get(ALERTS).status_code == 200
        Authenticator.objects.filter(user=ben).delete()
        assert client.get(ALERTS).status_code == 403

    def test_recovery_codes_open_once_each(self, ben, app, new_app):
        app.password(ben)
        secret = app.call("get", "account/authenticators/totp").json()["meta"]["secret"]
        app.call("post", "account/authenticators/totp", code=totp_now(secret))
        codes = app.call("get", "account/authenticators/recovery-codes").json()["data"]["unused_codes"]
        second = new_app()
        second.password(ben)
        assert second.code(codes[0]).status_code == 200
        assert second.client.get(ALERTS).status_code == 200
        third = new_app()
        third.password(ben)
        assert third.code(codes[0]).status_code == 400

    @pytest.mark.parametrize("fields", [{"is_staff": True}, {"is_superuser": True}, {}])
    def test_whoever_works_here_needs_one(self, fields, ben, app, at):
        other = make_user("dee@clinic.example", **fields)
        if not fields:
            grant_role(other, Role.GUIDE, granted_by=None, at=at)
        app.password(other)
        assert app.client.get("/api/v1/enrollments").status_code == 403

    def test_a_patient_needs_none(self, ada, app):
        app.password(ada.user)
        assert app.client.get("/api/v1/enrollments").status_code == 200

    def test_a_patient_may_have_one(self, ada, app):
        give_factor(ada.user)
        assert app.password(ada.user).status_code == 401
        assert app.code().status_code == 200

    def test_without_the_guard_a_password_would_do(self, ben, app, monkeypatch):
        """The twin: the same way with the guard alone taken away."""
        monkeypatch.setattr(sign_ins.SessionStore, "factor_step", lambda _: None)
        app.password(ben)
        assert app.client.get(ALERTS).status_code == 200

    def test_secrets_do_not_lie_readable(self, ben):
        stored = str(give_factor(ben).data)
        assert TOTP_SECRET not in stored
        assert base64.b64encode(TOTP_SECRET.encode()).decode() not in stored

    @pytest.mark.django_db(transaction=True)
    def test_outlive_their_key(self, ben, app, new_app, settings):
        """A key is taken out once all is under the next one; nobody may be locked out by that."""
        old, new = settings.FIELD_KEYS[0], base64.b64encode(b"n" * 32).decode()
        give_factor(ben)
        spare = RecoveryCodes.activate(ben).get_unused_codes()[0]
        settings.FIELD_KEYS = [new, old]
        call_command("rotate_field_keys")
        settings.FIELD_KEYS = [new]
        for sign_in, code in ((app, totp_now()), (new_app(), spare)):
            assert sign_in.password(ben).status_code == 401
            assert sign_in.code(code).status_code == 200
        assert second_factor.rotate() == 0

    def test_of_which_no_key_opens_one_are_not_said_to_be_rotated(self, ben, settings):
        give_factor(ben)
        settings.FIELD_KEYS = [base64.b64encode(b"n" * 32).decode()]
        with pytest.raises(Undecipherable):
            second_factor.rotate()


class TestTheBrowser:
    def test_a_cookie_is_held_to_it_too(self, ben):
        browser = APIClient(enforce_csrf_checks=True)
        browser.get("/api/v1/auth/browser/v1/config")
        token = browser.cookies["csrftoken"].value
        path = "/api/v1/auth/browser/v1/auth/login"
        body = {"email": ben.email, "password": PASSWORD}
        assert browser.post(path, body, format="json").status_code == 403, "no CSRF token"
        assert browser.post(path, body, format="json", HTTP_X_CSRFTOKEN=token).status_code == 200
        assert browser.get("/api/v1/me").json()["email"] == ben.email
        assert browser.get(ALERTS).json()["code"] == "second_factor_required"

    def test_what_is_everybody_s_stays_open(self, ben):
        browser = Client()
        browser.login(username=ben.email, password=PASSWORD)
        for path in ("/api/docs/", "/api/schema/"):
            assert browser.get(path).status_code == 200


def enter(browser: Client, path: str, **form: Any) -> Any:
    return browser.post(path, form, follow=True)


class TestTheAdmin:
    def test_its_sign_in_is_the_library_s(self, client):
        first = client.get("/admin/safety/alert/")
        assert first["Location"].startswith("/admin/login/")
        second = client.get(first["Location"])
        assert second["Location"] == "/account/login/?next=/admin/safety/alert/"
        assert b"password" in client.get(second["Location"]).content

    def test_has_no_other_door(self, ben, client):
        enter(client, "/admin/login/", username=ben.email, password=PASSWORD)
        assert client.get("/admin/").status_code == 302

    def test_leads_from_the_password_to_the_second_factor_to_the_work(self, ben, client):
        there = enter(client, "/account/login/?next=/admin/", login=ben.email, password=PASSWORD)
        assert there.redirect_chain[-1][0] == "/account/2fa/"
        assert "Set up an authenticator app" in there.content.decode()
        page = client.get("/account/2fa/totp/activate/")
        secret = page.context["form"].secret
        enter(client, "/account/2fa/totp/activate/", code=totp_now(secret))
        sent = client.get("/admin/", follow=True)
        assert sent.redirect_chain[-1][0].startswith("/account/2fa/reauthenticate/")
        there = enter(client, sent.redirect_chain[-1][0], code=totp_now(secret))
        assert there.redirect_chain[-1][0] == "/admin/"
        assert there.status_code == 200

    def test_asks_for_it_at_every_sign_in(self, ben, client):
        give_factor(ben)
        there = enter(client, "/account/login/?next=/admin/", login=ben.email, password=PASSWORD)
        assert there.redirect_chain[-1][0].startswith("/account/2fa/authenticate/")
        assert client.get("/admin/").status_code == 302
        there = enter(client, "/account/2fa/authenticate/", code=totp_now())
        assert there.redirect_chain[-1][0] == "/admin/"

    def test_a_patient_is_refused(self, ada, client):
        client.force_login(ada.user)
        assert client.get("/admin/", follow=True).status_code == 403

    def test_without_the_guard_a_password_would_do(self, ben, client, monkeypatch):
        """The twin."""
        monkeypatch.setattr(sign_ins.SessionStore, "factor_step", lambda _: None)
        there = enter(client, "/account/login/?next=/admin/", login=ben.email, password=PASSWORD)
        assert there.redirect_chain[-1][0] == "/admin/"
        assert there.status_code == 200

    def test_a_password_is_changed_where_its_owner_is_told(self, ben, client):
        client.force_login(ben)
        assert client.get("/admin/password_change/")["Location"] == "/account/password/change/"
