from datetime import timedelta

import pytest
from django.db.models.functions import Now

from core import heartbeats
from core.models import Heartbeat

pytestmark = pytest.mark.django_db


def test_healthy_while_every_process_gave_a_sign(client):
    for name in heartbeats.EXPECTED:
        heartbeats.beat(name)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


@pytest.mark.parametrize("silent", heartbeats.EXPECTED)
def test_a_process_that_fell_silent_is_seen(silent, client):
    for name in heartbeats.EXPECTED:
        heartbeats.beat(name)
    stale = heartbeats.STALE_AFTER + timedelta(seconds=1)
    Heartbeat.objects.filter(name=silent).update(beat_at=Now() - stale)
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["parts"][silent] == "silent"
    assert [part for part, state in answer.json()["parts"].items() if state != "ok"] == [silent]


def test_a_process_that_was_never_there_is_seen(client):
    assert client.get("/healthz").json()["parts"]["watchdog"] == "silent"


def test_without_redis_it_says_so_and_the_rest_goes_on(client, settings):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["redis"] == "failing"
    assert answer.json()["parts"]["database"] == "ok"
    assert client.get("/api/v1/programs").status_code == 200
