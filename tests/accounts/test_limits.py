"""Guessing one's way in is limited, and nobody who is in is shut out by it."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from core.models import LimitCounter
from tests.conftest import PASSWORD
from tests.sessions import stages
from tests.sessions.conftest import by_link

LOGIN = "/api/v1/auth/app/v1/auth/login"
ME = "/api/v1/me"
pytestmark = pytest.mark.django_db


@pytest.fixture
def no_redis(settings: Any) -> None:
    """A Redis that nobody answers at."""
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }


def sign_in(email: str, password: str, *, address: str = "203.0.113.7", **headers: Any) -> Any:
    return APIClient().post(
        LOGIN, {"email": email, "password": password}, format="json", REMOTE_ADDR=address, **headers
    )


def was_tried(answer: Any) -> bool:
    """The password was looked at: neither of the library's two ways of refusing a try."""
    return answer.status_code != 429 and "too_many_login_attempts" not in answer.content.decode()


def test_five_wrong_passwords_for_an_account_and_no_more(ada) -> None:
    tried = [
        was_tried(sign_in(ada.user.email, "wrong", address=f"203.0.113.{host}")) for host in range(1, 21)
    ]
    assert tried == [True] * 5 + [False] * 15
    assert not was_tried(sign_in(ada.user.email, PASSWORD))


def test_the_same_without_redis(no_redis, ada) -> None:
    assert sum(was_tried(sign_in(ada.user.email, "wrong")) for _ in range(20)) == 5
    assert sign_in("cyd@example.org", "wrong").status_code == 400


def test_an_account_that_does_not_exist_is_limited_alike(db) -> None:
    assert sum(was_tried(sign_in("nobody@example.org", "wrong")) for _ in range(20)) == 5


def test_ten_wrong_passwords_from_an_address_and_no_more(db) -> None:
    assert sum(was_tried(sign_in(f"{host}@example.org", "wrong")) for host in range(20)) == 10


def test_a_forged_header_is_no_other_address(db) -> None:
    tried = [
        sign_in(f"{host}@example.org", "wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{host}")
        for host in range(20)
    ]
    assert sum(map(was_tried, tried)) == 10


def test_behind_our_proxy_what_stands_before_its_own_word_is_ignored(settings, db) -> None:
    settings.BEHIND_PROXY = True
    tried = [
        sign_in(f"{host}@example.org", "wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{host}, 192.0.2.1")
        for host in range(20)
    ]
    assert sum(map(was_tried, tried)) == 10


def test_right_passwords_are_not_counted(ada) -> None:
    assert all(sign_in(ada.user.email, PASSWORD).status_code == 200 for _ in range(8))


def test_somebody_signed_in_goes_on_while_their_account_is_guessed_at(ada, client_of) -> None:
    client = client_of(ada.user)
    for _ in range(30):
        sign_in(ada.user.email, "wrong", address="127.0.0.1")
    assert client.get(ME).status_code == 200


def test_a_code_cannot_be_guessed_by_trying_many(db, settings) -> None:
    headers: Any = {"HTTP_X_SESSION_TOKEN": "begun"}
    path = "/api/v1/auth/app/v1/auth/email/verify"
    answers = [APIClient().post(path, {"key": "123456"}, format="json", **headers) for _ in range(15)]
    assert [answer.status_code for answer in answers[10:]] == [429] * 5
    assert answers[-1].json() == {"status": 429}
    assert 0 < int(answers[-1]["Retry-After"]) <= 900
    other = APIClient().post(path, {"key": "123456"}, format="json", HTTP_X_SESSION_TOKEN="another")
    assert other.status_code != 429


def test_one_address_cannot_hammer_the_sign_in(db, settings) -> None:
    settings.LIMITS = settings.LIMITS | {"auth": (3, 60)}
    path = "/api/v1/auth/app/v1/auth/password/request"
    codes = [APIClient().post(path, {"email": f"{n}@example.org"}, format="json") for n in range(5)]
    assert [answer.status_code == 429 for answer in codes] == [False] * 3 + [True] * 2
    assert APIClient().get("/api/v1/auth/app/v1/config").status_code == 200, "reading is not counted"


def test_unknown_links_are_counted_by_address(db) -> None:
    answers = [by_link("wrong").get(ME).status_code for _ in range(30)]
    assert answers == [401] * 20 + [429] * 10


def test_a_link_that_opens_is_never_counted(ada, at) -> None:
    session = stages.dosed(ada, at=at)[0]
    monitor = by_link(stages.token_in_mail(session))
    LimitCounter.objects.all().delete()
    for _ in range(40):
        by_link("wrong").get(f"/api/v1/sessions/{session.pk}")
        assert monitor.get(f"/api/v1/sessions/{session.pk}").status_code == 200


def test_nothing_of_a_running_session_and_no_report_of_harm_is_refused(ada, at, settings, client_of) -> None:
    settings.API_QUOTA_PER_MINUTE = 1
    session = stages.dosed(ada, at=at)[0]
    monitor, patient = by_link(stages.token_in_mail(session)), client_of(ada.user)
    patient.get("/api/v1/enrollments")
    assert patient.get("/api/v1/enrollments").status_code == 429, "the quota is used up"
    for client in (monitor, patient):
        for _ in range(3):
            assert client.get(f"/api/v1/sessions/{session.pk}").status_code == 200
            body = {"description": "She is not well at all."}
            headers: Any = {"HTTP_IDEMPOTENCY_KEY": str(uuid4())}
            answer = client.post("/api/v1/adverse-events", body, format="json", **headers)
            assert answer.status_code == 201, answer.content


def test_fit_checks_are_limited_and_still_say_whom_to_call(settings, db) -> None:
    settings.LIMITS = settings.LIMITS | {"fit_check": (2, 60)}
    body = {"answers": {"thinking_of_ending_life_now": "yes"}}
    answers = [APIClient().post("/api/v1/fit-checks", body, format="json") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert [reason["code"] for reason in answers[-1].json()["reasons"]] == ["crisis"]
