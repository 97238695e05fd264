"""A password that was in a breach cannot be chosen, and nobody outside is asked."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts import services
from accounts.breached_passwords import BreachedPasswords
from accounts.enums import Role
from core.encryption import decrypt
from notifications.models import Delivery
from tests.api import post
from tests.conftest import PASSWORD, make_user
from tests.desk.test_invitations import newcomer
from tests.guards import ROOT

STOLEN = "a long password of somebody else"
KNOWN = [f"stolen {number}" for number in range(1000)]
Write = Callable[..., Path]


def digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def lines(*passwords: str) -> list[str]:
    return [f"{each}:{1 + number * 7}" for number, each in enumerate(sorted(map(digest, passwords)))]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "breached.txt"
        path.write_bytes(text.encode())
        return path

    return write


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False], ids=["ends in a line's end", "does not"])
@pytest.mark.parametrize("shape", [str, str.lower, lambda line: line[:40]], ids=["counts", "lower", "bare"])
def test_everything_listed_is_found_and_nothing_else(
    write: Write, end: str, last: bool, shape: Callable[[str], str]
) -> None:
    text = end.join(map(shape, lines(*KNOWN))) + (end if last else "")
    found = BreachedPasswords(write(text))
    assert all(each in found for each in KNOWN)
    assert not any(f"{each}x" in found for each in KNOWN)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_short_list(write: Write, count: int) -> None:
    found = BreachedPasswords(write("\n".join(lines(*KNOWN[:count]))))
    assert [each in found for each in KNOWN[:4]] == [True] * count + [False] * (4 - count)


def test_a_thousand_lines_take_a_dozen_reads(write: Write, monkeypatch: Any) -> None:
    found = BreachedPasswords(write("\n".join(lines(*KNOWN))))
    pread, reads = os.pread, []

    def count(*what: int) -> bytes:
        reads.append(what)
        return pread(*what)

    monkeypatch.setattr(os, "pread", count)
    assert STOLEN not in found
    assert 0 < len(reads) <= 12
    assert max(length for _, length, _ in reads) <= 128


SORTED = lines(*KNOWN[:100])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no SHA-1 hash at byte 0"),
        ("password\nqwerty\n", "holds no SHA-1 hash at byte 0"),
        ("\n".join(SORTED) + "\n\n", "holds no SHA-1 hash"),
        ("\n".join([*SORTED[:50], "<html>", *SORTED[50:]])[: 45 * 50 + 9], "holds no SHA-1 hash"),
        ("\n".join(f"{line[:40]}:many" for line in SORTED), "holds no SHA-1 hash"),
        ("\n".join(f"{line[:39]}G" for line in SORTED), "holds no SHA-1 hash"),
        ("\n".join(line[:32] for line in SORTED), "holds no SHA-1 hash"),
        (SORTED[0] * 100, "holds no SHA-1 hash"),
        ("\n".join(reversed(SORTED)), "is not sorted"),
        ("\n".join(sorted(SORTED, key=lambda line: int(line[41:]) % 9)), "is not sorted"),
    ],
)
def test_a_malformed_file_is_a_clear_error(write: Write, text: str, said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"BREACHED_PASSWORDS_FILE.*{said}"):
        BreachedPasswords(write(text))


def test_no_process_starts_with_it(write: Write) -> None:
    for path in (write("not a list\n"), Path("/nowhere/breached.txt")):
        done = subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=ROOT,
            env=os.environ | {"BREACHED_PASSWORDS_FILE": str(path)},
            text=True,
            check=False,
            capture_output=True,
        )
        assert done.returncode != 0
        assert "BREACHED_PASSWORDS_FILE" in done.stderr
        assert str(path) in done.stderr


@pytest.fixture
def listed(write: Write, settings: Any) -> None:
    """A list with one password that is long enough."""
    settings.BREACHED_PASSWORDS_FILE = str(write("\n".join(lines(STOLEN, *KNOWN))))


def codes(answer: Any) -> list[str]:
    return [error["code"] for error in answer.json()["errors"]]


@pytest.mark.django_db
class TestChoosing:
    def test_at_sign_up(self, listed, app):
        answer = app.call("post", "auth/signup", email="new@example.org", password=STOLEN)
        assert (answer.status_code, codes(answer)) == (400, ["password_breached"])
        assert app.call("post", "auth/signup", email="new@example.org", password=PASSWORD).status_code == 401

    def test_when_it_is_changed(self, listed, app):
        user = make_user("ada@example.org")
        app.password(user)
        body = {"current_password": PASSWORD, "new_password": STOLEN}
        answer = app.call("post", "account/password/change", **body)
        assert (answer.status_code, codes(answer)) == (400, ["password_breached"])
        user.refresh_from_db()
        assert user.check_password(PASSWORD)

    def test_when_it_is_reset(self, listed, app):
        user = make_user("ada@example.org")
        app.call("post", "auth/password/request", email=user.email)
        mail = Delivery.objects.get()
        link = decrypt(mail.payload, place=f"notifications_delivery.payload:{mail.pk}")["words"]["link"]
        key = link.rpartition("/")[2]
        answer = app.call("post", "auth/password/reset", key=key, password=STOLEN)
        assert (answer.status_code, codes(answer)) == (400, ["password_breached"])
        user.refresh_from_db()
        assert user.check_password(PASSWORD)

    def test_by_invitation(self, listed, at):
        olga = make_user("olga@clinic.example")
        services.grant_role(olga, Role.OPERATOR, granted_by=None, at=at)
        _, token = services.invite_staff("gil@clinic.example", Role.GUIDE, by=olga, at=at)
        answer = post(newcomer(token), "invitations/acceptances", {"password": STOLEN})
        assert (answer.status_code, answer.json()["code"]) == (400, "unfit_password")
        assert "stolen" in answer.json()["errors"][0]["detail"]
        assert post(newcomer(token), "invitations/acceptances", {"password": PASSWORD}).status_code == 201

    def test_without_a_list_common_ones_are_refused_all_the_same(self, app):
        for password, code in (("1q2w3e4r5t6y7u8i9o0p", "password_too_common"), (STOLEN, None)):
            answer = app.call("post", "auth/signup", email="new@example.org", password=password)
            assert answer.status_code == (401 if code is None else 400)
            assert code is None or code in codes(answer)
