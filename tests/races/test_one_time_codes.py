"""A code of an authenticator app opens one door, whoever comes at the same moment."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from rest_framework.test import APIClient

from tests.accounts.conftest import App, totp_now
from tests.conftest import give_factor
from tests.races.together import together

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 6


def doors(user) -> list[App]:
    """Make devices on which the password has been given."""
    apps = [App() for _ in range(AT_ONCE)]
    for app in apps:
        assert app.password(user).status_code == 401
    return apps


def tried(user) -> list[int]:
    give_factor(user)
    apps = doors(user)
    code = totp_now()
    return sorted(together(*(lambda app=app: app.code(code).status_code for app in apps)))


def test_it_counts_once(ben):
    assert tried(ben) == [200] + [400] * (AT_ONCE - 1)


def test_without_the_guard_it_counts_each_time(ben, monkeypatch):
    """The twin: the same way, with nobody remembering the code."""
    monkeypatch.setattr(TOTP, "_mark_code_used", lambda *_: True)
    assert tried(ben).count(200) > 1


def test_a_recovery_code_counts_once(ben):
    app = App()
    app.password(ben)
    secret = app.call("get", "account/authenticators/totp").json()["meta"]["secret"]
    app.call("post", "account/authenticators/totp", code=totp_now(secret))
    codes = app.call("get", "account/authenticators/recovery-codes").json()["data"]["unused_codes"]
    apps = doors(ben)
    opened = together(*(lambda app=app: app.code(codes[0]).status_code for app in apps))
    assert sorted(opened) == [200] + [400] * (AT_ONCE - 1)


def test_it_counts_once_for_a_signature_too(ben):
    give_factor(ben)
    app = App()
    app.password(ben)
    code = totp_now()
    assert app.code(code).status_code == 200
    assert app.call("post", "auth/2fa/reauthenticate", code=code).status_code == 400
    assert isinstance(app.client, APIClient)
