"""Whether an address has an account is told to nobody: not by a word, a header or the time it takes."""

import re
import time
from statistics import median
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.accounts.conftest import AUTH
from tests.conftest import PASSWORD, give_factor, make_user

pytestmark = pytest.mark.django_db

WRONG = "this is not the password at all"
KNOWN, UNKNOWN = "ada@example.org", "eve@example.org"
ASKS: dict[str, dict[str, str]] = {
    "auth/login": {"password": WRONG},
    "auth/password/request": {},
    "auth/signup": {"password": PASSWORD},
}


def told(path: str, email: str) -> tuple[int, bytes, list[str]]:
    """What a stranger sees of an answer; a token is random, and only that there is one counts."""
    answer = APIClient().post(AUTH + path, {"email": email} | ASKS[path], format="json")
    body = re.sub(rb'"session_token": "[a-z0-9]{32}"', b'"session_token": "*"', answer.content)
    headers = [
        f"{name}: {value}"
        for name, value in answer.items()
        if name not in ("X-Request-Id", "Content-Length", "Expires")
    ]
    cookies = sorted(answer.cookies)
    return answer.status_code, body.replace(email.encode(), b"*"), [*headers, *cookies]


@pytest.mark.parametrize("path", ASKS)
def test_not_by_a_word_or_a_header(path, ada):
    assert told(path, KNOWN) == told(path, UNKNOWN)


def test_nor_for_who_is_disabled(ada):
    ada.user.is_active = False
    ada.user.save()
    assert told("auth/login", KNOWN) == told("auth/login", UNKNOWN)


def test_nor_for_who_has_a_second_factor(ben):
    give_factor(ben)
    assert told("auth/login", ben.email) == told("auth/login", UNKNOWN)


SAMPLES = 20


def medians(path: str, known: list[str], unknown: list[str]) -> tuple[float, float]:
    """How long each takes in milliseconds of CPU, alternating, so that a busy machine is fair to both."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for pair in zip(known, unknown, strict=True):
        for is_known, email in zip((True, False), pair, strict=True):
            began = time.thread_time()
            told(path, email)
            took[is_known].append(1000 * (time.thread_time() - began))
    return median(took[True]), median(took[False])


@pytest.mark.full
@pytest.mark.parametrize("path", ASKS)
def test_nor_by_the_time_it_takes(path, settings: Any, db):
    """With the hasher that the clinic runs with: it is what takes the time."""
    settings.PASSWORD_HASHERS = ["accounts.hashers.Argon2Hasher"]
    settings.ACCOUNT_RATE_LIMITS = False
    settings.DEMO = True
    known = [f"known{number}@example.org" for number in range(SAMPLES)]
    for email in known:
        make_user(email)
    unknown = [f"other{number}@example.org" for number in range(SAMPLES)]
    mine, others = medians(path, known, unknown)
    assert abs(mine - others) / max(mine, others) < 0.2, (mine, others)
