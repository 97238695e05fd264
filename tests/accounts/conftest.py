"""Signing in as a person does: through the library's own addresses, with a real code."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from rest_framework.test import APIClient

from accounts.models import User
from accounts.sign_ins import SessionStore
from tests.conftest import PASSWORD, TOTP_SECRET

AUTH = "/api/v1/auth/app/v1/"


class App:
    """A mobile app: it keeps the token that it is given."""

    def __init__(self) -> None:
        self.client = APIClient()
        self.token = ""

    def call(self, method: str, path: str, **body: Any) -> Any:
        answer = getattr(self.client, method)(AUTH + path, body or None, format="json")
        data = answer.json() if answer.content else {}
        if token := data.get("meta", {}).get("session_token"):
            self.token = token
            self.client.credentials(HTTP_X_SESSION_TOKEN=token)
        return answer

    def password(self, user: User, password: str = PASSWORD) -> Any:
        return self.call("post", "auth/login", email=user.email, password=password)

    def code(self, code: str = "") -> Any:
        return self.call("post", "auth/2fa/authenticate", code=code or totp_now())

    @property
    def session(self) -> SessionStore:
        return SessionStore(self.token)


@pytest.fixture
def app(db: None) -> App:
    return App()


@pytest.fixture
def new_app(db: None) -> Callable[[], App]:
    return App


def totp_now(secret: str = TOTP_SECRET) -> str:
    """What an authenticator app shows; never within the last second of a code's life."""
    if time.time() % 30 > 28.5:
        time.sleep(1.6)
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))
