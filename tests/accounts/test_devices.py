"""Where somebody is signed in, and how they end it there."""

import pytest

pytestmark = pytest.mark.django_db


@pytest.fixture
def devices(ada, new_app):
    apps = [new_app() for _ in range(3)]
    for app in apps:
        assert app.password(ada.user).status_code == 200
    return apps


def listed(app):
    return app.call("get", "auth/sessions").json()["data"]


def test_every_device_is_listed_once(devices, cyd, new_app):
    stranger = new_app()
    stranger.password(cyd.user)
    assert [len(listed(app)) for app in [*devices, stranger]] == [3, 3, 3, 1]
    assert [sum(row["is_current"] for row in listed(app)) for app in devices] == [1, 1, 1]


def test_no_token_is_in_the_list(devices):
    assert not any(app.token in str(listed(devices[0])) for app in devices)


def test_one_is_signed_out(devices):
    first, second, _ = devices
    (lost,) = [row["id"] for row in listed(second) if row["is_current"]]
    assert first.call("delete", "auth/sessions", sessions=[lost]).status_code == 200
    status = [app.client.get("/api/v1/me").status_code for app in devices]
    assert status == [200, 401, 200]


def test_every_one_is_signed_out(devices):
    everywhere = [row["id"] for row in listed(devices[0])]
    assert devices[0].call("delete", "auth/sessions", sessions=everywhere).status_code == 401
    assert [app.client.get("/api/v1/me").status_code for app in devices] == [401] * 3


def test_nobody_signs_another_out(devices, cyd, new_app):
    stranger = new_app()
    stranger.password(cyd.user)
    theirs = [row["id"] for row in listed(devices[0])]
    assert stranger.call("delete", "auth/sessions", sessions=theirs).status_code == 400
    assert [app.client.get("/api/v1/me").status_code for app in devices] == [200] * 3
