"""The sign-in library's flows through its real endpoints, up to what arrives in the mailbox."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import allauth
import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from rest_framework.test import APIClient

from accounts.models import User
from notifications.enums import MessageKind
from notifications.mail_adapter import CODES, ROUTES, AccountAdapter
from notifications.models import Delivery
from notifications.services import deliver_due
from tests.notifications.conftest import Sink

PASSWORD = "a long password nobody guesses"
Post = Callable[..., Any]


@pytest.fixture
def post(db: None) -> Post:
    """Call the library's endpoints as the mobile app does, carrying its session token along."""
    client = APIClient()

    def call(path: str, **body: str) -> Any:
        answer = client.post(f"/api/v1/auth/app/v1/auth/{path}", body, format="json").json()
        if token := answer.get("meta", {}).get("session_token"):
            client.credentials(HTTP_X_SESSION_TOKEN=token)
        return answer

    return call


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


def kinds() -> list[str]:
    return list(Delivery.objects.order_by("created_at", "id").values_list("kind", flat=True))


def test_signing_up_sends_a_code_that_opens_the_account(post: Post, at: datetime, sink: Sink) -> None:
    assert post("signup", email="dot@example.org", password=PASSWORD)["status"] == 401
    assert sink.taken == []
    assert deliver_due(at=at + timedelta(seconds=5)) == 1
    assert sink.to == ["dot@example.org"]
    assert sink.taken[0]["Subject"] == "Your code"
    code = found(r"Your code is (\S+)\.", sink.text())
    assert post("email/verify", key="WRONG-ONE")["status"] == 400
    assert post("email/verify", key=code)["status"] == 200
    assert EmailAddress.objects.get(email="dot@example.org").verified


def test_a_code_that_came_too_late_is_not_sent(post: Post, at: datetime, sink: Sink) -> None:
    post("signup", email="dot@example.org", password=PASSWORD)
    deliver_due(at=at + timedelta(minutes=16))
    assert sink.taken == []


def test_signing_up_again_tells_the_owner_alone(ada: User, post: Post, at: datetime, sink: Sink) -> None:
    fresh = post("signup", email="dot@example.org", password=PASSWORD)
    taken = post("signup", email="ada@example.org", password=PASSWORD)
    assert taken["status"] == fresh["status"]
    assert taken["data"] == fresh["data"]
    assert kinds() == [MessageKind.VERIFY_EMAIL, MessageKind.ACCOUNT_NOTICE]
    deliver_due(at=at + timedelta(seconds=5))
    assert f"{settings.BASE_URL}/app/#sign-in" in sink.text(sink.to.index("ada@example.org"))


def test_a_forgotten_password_is_replaced_by_the_link_in_the_mail(
    ada: User, post: Post, at: datetime, sink: Sink
) -> None:
    assert post("password/request", email="ada@example.org")["status"] == 200
    deliver_due(at=at + timedelta(seconds=5))
    assert sink.to == ["ada@example.org"]
    key = found(rf"{re.escape(settings.BASE_URL)}/app/#reset/(\S+)", sink.text())
    assert post("password/reset", key=key + "0", password=PASSWORD)["status"] == 400
    post("password/reset", key=key, password=PASSWORD)
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


@pytest.mark.xfail(
    not hasattr(settings, "HEADLESS_FRONTEND_URLS"),
    raises=ImproperlyConfigured,
    strict=True,
    reason="the library asks the settings where one signs up before it asks us to tell a stranger",
)
def test_an_unknown_address_is_told_so_by_mail_and_by_nothing_else(
    ada: User, post: Post, at: datetime, sink: Sink
) -> None:
    known, unknown = (post("password/request", email=f"{name}@example.org") for name in ("ada", "eve"))
    assert unknown == known
    assert kinds() == [MessageKind.ACCOUNT_NOTICE, MessageKind.ACCOUNT_NOTICE]
    deliver_due(at=at + timedelta(seconds=5))
    assert f"{settings.BASE_URL}/app/#sign-up" in sink.text(sink.to.index("eve@example.org"))


@pytest.mark.parametrize("name", sorted(CODES))
def test_every_code_reaches_the_person(name: str, db: None, at: datetime, sink: Sink) -> None:
    AccountAdapter().send_mail(f"account/email/{name}", "ada@example.org", {"code": "ABCD-2345"})
    deliver_due(at=at + timedelta(seconds=5))
    assert "ABCD-2345" in sink.text()


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_every_notice_can_be_sent(name: str, db: None, at: datetime, sink: Sink) -> None:
    context = {"uid": "1a", "key": "KEY", "ip": "203.0.113.9", "user_agent": "ketamine browser"}
    AccountAdapter().send_mail(f"account/email/{name}", "ada@example.org", context)
    deliver_due(at=at + timedelta(seconds=5))
    assert sink.taken[0]["Subject"] == "About your sign-in"
    assert f"{settings.BASE_URL}/app/#{ROUTES[name]}" in sink.text()
    assert "ketamine" not in sink.taken[0].as_string()


def test_every_mail_of_the_library_is_known() -> None:
    source = Path(allauth.__file__).parent
    named = {
        name
        for file in source.rglob("*.py")
        if "tests" not in file.parts
        for name in re.findall(r"(?<!social)(?:account|mfa)/email/(\w+)", file.read_text())
    }
    assert named == CODES | set(ROUTES)


def test_a_mail_nobody_knows_is_refused(db: None) -> None:
    with pytest.raises(KeyError):
        AccountAdapter().send_mail("account/email/novelty", "ada@example.org", {})
    assert not Delivery.objects.exists()
