"""A web app that is served from elsewhere, over real HTTP: named origins are let in, no other."""

import httpx
import pytest
from django.core import checks

from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

APP = "https://app.clinic.example"
STRANGER = "https://evil.example"


@pytest.fixture
def http(live_server, settings):
    settings.CORS_ALLOWED_ORIGINS = [APP]
    settings.CSRF_TRUSTED_ORIGINS = [APP]
    with httpx.Client(base_url=live_server.url, timeout=30) as client:
        yield client


def preflight(http, origin, path="/api/v1/enrollments"):
    asked = "content-type,idempotency-key,if-match,x-csrftoken,x-session-token"
    return http.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": asked,
        },
    )


def test_the_browser_is_told_what_the_app_may_send(http):
    answer = preflight(http, APP)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert all(name in allowed for name in ("idempotency-key", "if-match", "x-csrftoken", "x-session-token"))


@pytest.mark.parametrize("origin", [STRANGER, "null", APP + ".evil.example", APP.replace("https", "http")])
def test_a_stranger_is_told_nothing(http, origin):
    assert "Access-Control-Allow-Origin" not in preflight(http, origin).headers
    answer = http.get("/api/v1/programs", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_pages_are_for_no_other_origin(http):
    assert "Access-Control-Allow-Origin" not in http.get("/account/login/", headers={"Origin": APP}).headers


def test_it_works_with_a_token(http, ada):
    origin = {"Origin": APP}
    body = {"email": ada.user.email, "password": PASSWORD}
    signed_in = http.post("/api/v1/auth/app/v1/auth/login", json=body, headers=origin)
    assert signed_in.headers["Access-Control-Allow-Origin"] == APP
    token = {"X-Session-Token": signed_in.json()["meta"]["session_token"]}
    me = http.get("/api/v1/me", headers=origin | token)
    assert me.json()["email"] == ada.user.email
    assert me.headers["Access-Control-Allow-Origin"] == APP
    assert "RateLimit-Policy" in me.headers
    assert {"RateLimit", "RateLimit-Policy", "ETag"} <= set(
        me.headers["Access-Control-Expose-Headers"].split(", ")
    )


def csrf(http) -> dict[str, str]:
    http.get("/api/v1/auth/browser/v1/config")
    return {"X-CSRFToken": http.cookies["csrftoken"]}


def test_it_works_with_cookies_and_a_csrf_token(http, ada):
    path, body = "/api/v1/auth/browser/v1/auth/login", {"email": ada.user.email, "password": PASSWORD}
    assert http.post(path, json=body, headers={"Origin": APP}).status_code == 403
    assert http.post(path, json=body, headers={"Origin": STRANGER} | csrf(http)).status_code == 403
    assert http.post(path, json=body, headers={"Origin": APP} | csrf(http)).status_code == 200
    assert http.get("/api/v1/me", headers={"Origin": APP}).json()["email"] == ada.user.email
    post = {"Origin": STRANGER, "Idempotency-Key": "k"} | csrf(http)
    assert http.post("/api/v1/enrollments", json={}, headers=post).status_code == 403
    assert http.post("/api/v1/enrollments", json={}, headers=post | {"Origin": APP}).status_code == 400


def test_an_origin_without_its_scheme_is_found_by_the_check(settings):
    settings.CORS_ALLOWED_ORIGINS = ["app.clinic.example"]
    assert any(found.id == "corsheaders.E013" for found in checks.run_checks())
