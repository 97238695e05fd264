"""Every answer forbids what a page of ours does not need."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from assessments.worsening.rules import SHIPPED
from config.local.state import ROOT
from core.middleware import CONTENT_SECURITY_POLICY

pytestmark = pytest.mark.django_db
KEY = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"
ID = "0199c0de-0000-7000-8000-000000000001"


def addresses(patterns: Any, prefix: str = "") -> set[str]:
    """One address for every route, its parameters filled in."""
    found = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found |= addresses(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            path = re.sub(r"<uuid:\w+>", ID, prefix + str(pattern.pattern))
            path = re.sub(r"\(\?P<\w+>[^)]*\)|<[^>]*>", "1", path)
            found.add("/" + re.sub(r"[\^$?\\]", "", path))
    return found


ALL = sorted(addresses(get_resolver().url_patterns) | {"/static/admin/css/base.css", "/nothing/here"})


def faults(headers: Any) -> list[str]:
    policy = headers.get("Content-Security-Policy", "")
    missing = [name for name in ("Permissions-Policy", "X-Content-Type-Options") if name not in headers]
    loose = [word for word in ("unsafe-inline", "unsafe-eval", "*", "http:", "https:") if word in policy]
    strict = "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    return missing + loose + ([] if strict else ["no strict policy"])


def test_every_route_and_the_admin_answer_with_them(client: Any, ben: Any) -> None:
    assert len(ALL) > 100
    ben.is_superuser = True
    ben.save()
    client.force_login(ben)
    client.raise_request_exception = False
    found = {path: wrong for path in ALL if (wrong := faults(client.get(path).headers))}
    assert found == {}


@pytest.mark.parametrize(
    "policy",
    ["", "default-src 'self'", CONTENT_SECURITY_POLICY.replace("style-src", "style-src 'unsafe-inline'")],
)
def test_a_loose_policy_is_seen(policy: str) -> None:
    headers = {"Content-Security-Policy": policy, "Permissions-Policy": "", "X-Content-Type-Options": ""}
    assert faults(headers)


def test_no_page_of_ours_has_anything_inline(client: Any, ben: Any) -> None:
    client.force_login(ben)
    for path in ("/app/", "/api/docs/", "/admin/", "/admin/safety/alert/", "/admin/login/"):
        page = client.get(path).content.decode()
        assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", page), path


@pytest.fixture
def with_files(tmp_path: Path) -> dict[str, str]:
    """An environment as a clinic on the internet has it, its secrets in files."""
    files = {
        "SECRET_KEY": KEY,
        "FIELD_KEY": ",".join(base64.b64encode(bytes([n] * 32)).decode() for n in (1, 2)),
        "SECRET_KEY_FALLBACKS": KEY[::-1],
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DATABASE_URL": os.environ["DATABASE_URL"],
    }
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in files and name != "DATABASE_OWNER_URL"
    }
    for name, value in files.items():
        (tmp_path / name).write_text(value + "\n")
        environment[f"{name}_FILE"] = str(tmp_path / name)
    return environment | {
        "BASE_URL": "https://clinic.example",
        "ALLOWED_HOSTS": "clinic.example",
        "DEMO": "0",
        "WORSENING_FILE": str(SHIPPED),
    }


def told(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment,
        text=True,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_secrets_come_from_files_and_the_deployment_check_has_nothing_to_say(
    with_files: Any, tmp_path: Path
) -> None:
    # A process takes seconds to start: each does both.
    show_and_check = (
        "from django.conf import settings as s; from django.core.management import call_command; "
        "print(len(s.SECRET_KEY), len(s.FIELD_KEYS), s.SECRET_KEY_FALLBACKS, "
        "s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SECURE_HSTS_SECONDS); "
        "call_command('check', deploy=True, fail_level='WARNING')"
    )
    first = told(with_files, "shell", "-c", show_and_check)
    assert f"{len(KEY)} 2 ['{KEY[::-1]}'] __Host-sessionid __Host-csrftoken 31536000" in first
    assert "System check identified 1 issue (0 silenced)." in first
    assert "BREACHED_PASSWORDS_FILE is not set" in first, "which is nothing to fail for"
    breached = tmp_path / "breached"
    breached.write_text("0" * 40 + ":1\n")
    more = with_files | {"COOKIE_DOMAIN": "clinic.example", "BREACHED_PASSWORDS_FILE": str(breached)}
    second = told(more, "shell", "-c", show_and_check)
    # A browser drops a cookie that claims to be one host's and names a domain.
    assert "__Secure-sessionid __Secure-csrftoken" in second
    assert "System check identified no issues (0 silenced)." in second


def test_on_ones_own_machine_cookies_need_no_tls() -> None:
    assert settings.SESSION_COOKIE_NAME == "sessionid"
