"""What changes about a sign-in is told to whoever could not have done it, and ends what it has to."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from notifications.models import Delivery
from notifications.services import deliver_due
from tests.accounts.conftest import App, totp_now
from tests.conftest import PASSWORD, give_factor, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None) -> User:
    return make_user("ada@example.org")


@pytest.fixture
def app() -> App:
    return App()


NEW = "another long password indeed"


def told(sink) -> list[str]:
    """Who has been told something about their sign-in."""
    deliver_due(at=timezone.now() + timedelta(seconds=5))
    subjects = [mail["Subject"] for mail in sink.taken]
    return [to for to, subject in zip(sink.to, subjects, strict=True) if subject == "About your sign-in"]


def test_another_password(ada, app, sink, client_of):
    elsewhere = client_of(ada)
    app.password(ada)
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert app.call("post", "account/password/change", **body).status_code == 200
    assert told(sink) == ["ada@example.org"]
    assert elsewhere.get("/api/v1/me").status_code == 401
    assert app.client.get("/api/v1/me").status_code == 200


def test_another_address_is_told_to_the_old_one(ada, app, sink):
    app.password(ada)
    assert app.call("post", "account/email", email="new@example.org").status_code == 200
    deliver_due(at=timezone.now() + timedelta(seconds=5))
    code = re.search(r"Your code is (\S+)\.", sink.text(sink.to.index("new@example.org")))
    assert code is not None
    assert app.call("post", "auth/email/verify", key=code[1]).status_code == 200
    assert app.call("patch", "account/email", email="new@example.org", primary=True).status_code == 200
    assert "ada@example.org" in told(sink)


def test_a_second_factor_that_comes_or_goes(ada, app, sink, django_capture_on_commit_callbacks):
    app.password(ada)
    secret = app.call("get", "account/authenticators/totp").json()["meta"]["secret"]
    with django_capture_on_commit_callbacks(execute=True):
        assert app.call("post", "account/authenticators/totp", code=totp_now(secret)).status_code == 200
    assert told(sink) == ["ada@example.org"]
    assert app.call("delete", "account/authenticators/totp").status_code == 200
    assert told(sink) == ["ada@example.org"] * 2
    assert not any("authenticator" in mail.as_string() for mail in sink.taken)


def test_a_new_password_by_mail_keeps_the_second_factor(ben, app, sink):
    give_factor(ben)
    assert app.call("post", "auth/password/request", email=ben.email).status_code == 200
    deliver_due(at=timezone.now() + timedelta(seconds=5))
    found = re.search(r"#reset/(\S+)", sink.text())
    assert found is not None
    app.call("post", "auth/password/reset", key=found[1], password=NEW)
    fresh = App()
    assert fresh.password(ben, NEW).status_code == 401
    assert fresh.client.get("/api/v1/me").status_code == 401
    assert fresh.code().status_code == 200
    assert Delivery.objects.count() == 2, "the link, and that it was used"
