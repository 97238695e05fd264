"""Strings planted wherever health information is written turn up where it is shown, and nowhere else."""

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.core import mail
from django.db import DataError, IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from core import clock
from core.logs import Formatter
from notifications import services as notifications
from safety.models import Alert, Hold
from sessions.services import watching
from tests import figures
from tests.hostile.payloads import Sent
from tests.hostile.world import ROLES, Operation, World, build, operations
from tests.steps import clinician

pytestmark = pytest.mark.django_db(transaction=True)
SEED = 20261122
NOT_HEALTH = ("/auth/", "/me", "monitor-invitations")
"""Names and addresses, which a mail may hold; what is signed in with."""


class Flock:
    """Makes canaries, and counts their bytes in a text."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def new(self, role: str) -> str:
        canary = f"kanari{SEED}x{len(self.planted):05d}"
        self.planted[canary] = role
        return canary

    def bytes_in(self, text: str, *, but: str = "") -> int:
        """Count what is there of canaries that others than `but` have planted."""
        found = re.findall(rf"kanari{SEED}x\d{{5}}", text)
        return sum(len(canary) for canary in found if self.planted.get(canary) != but)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What every process writes to its log from here on, in our format, down to DEBUG of ours."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(Formatter())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def world(ada, ben, cyd, at, client_of, settings) -> World:
    settings.API_QUOTA_PER_MINUTE = 10**9
    settings.LIMITS = dict.fromkeys(settings.LIMITS, (10**9, 60))
    return build(ada, cyd, client_of, at=at)


def leaves(value: Any, flock: Flock, role: str) -> Any:
    """Return the same shape with a canary in place of every string."""
    if isinstance(value, dict):
        return {key: leaves(item, flock, role) for key, item in value.items()}
    if isinstance(value, list):
        return [leaves(item, flock, role) for item in value]
    return flock.new(role) if isinstance(value, str) else value


def bodies(operation: Operation, flock: Flock, role: str) -> Iterator[dict[str, Any]]:
    """Yield the valid body with canaries in all its strings, in each field, and in one nobody asked for."""
    yield leaves(operation.body, flock, role)
    for name, value in operation.body.items():
        yield operation.body | {name: leaves(value, flock, role)}
    yield operation.body | {flock.new(role): flock.new(role)}


def plant_by_the_api(world: World, flock: Flock, *, roles: int) -> None:
    """Plant at every address, as so many roles: each in turn."""
    for place, operation in enumerate(operations()):
        if not any(part in operation.path for part in NOT_HEALTH):
            for role in (ROLES[(place + more) % len(ROLES)] for more in range(roles)):
                for body in bodies(operation, flock, role):
                    world.send(role, operation, Sent(json.dumps(body).encode()))
                world.send(role, operation, Sent(flock.new(role).encode()))


def plant_in_reports(world: World, flock: Flock) -> None:
    for role in ("patient", "monitor", "clinician"):
        report = next(op for op in operations() if op.path == "/api/v1/adverse-events")
        body = {"description": flock.new(role), "action_taken": flock.new(role)}
        world.send(role, report, Sent(json.dumps(body).encode()))


def plant_by_the_admin(ada: Any, flock: Flock) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(clinician(ada))
    for row, kind in [
        *((alert, "alert") for alert in Alert.objects.all()),
        *((h, "hold") for h in Hold.objects.all()),
    ]:
        page = client.get(reverse(f"admin:safety_{kind}_change", args=[row.pk])).content.decode()
        for address in re.findall(r'<form method="post" action="([^"]+)"', page):
            client.post(address, {"reason": flock.new("clinician"), "note": flock.new("clinician")})


def plant_in_failures(world: World, flock: Flock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A view that breaks with a row in its message, a task that does, and rows that the database refuses."""

    def breaks(*_: Any, **__: Any) -> Any:
        raise IntegrityError(f"Failing row contains ({flock.new('clinician')})")

    with monkeypatch.context() as broken:
        broken.setattr("programs.views.Enrollments.post", breaks)
        enrolling = next(op for op in operations() if op.path == "/api/v1/enrollments")
        answer = world.send("patient", enrolling, Sent(json.dumps(enrolling.body).encode()))
        assert answer.status_code == 500
        assert flock.bytes_in(answer.content.decode()) == 0
    with monkeypatch.context() as broken:
        broken.setattr("sessions.services.watching._miss_check_in", breaks)
        broken.setattr("notifications.services._compose", breaks)
        watching.watch(at=clock.now() + timedelta(hours=1))
        with suppress(IntegrityError):
            notifications.deliver_due(at=clock.now(), limit=5)
    refused = "INSERT INTO safety_adverseevent (id, description) VALUES (%s, %s)"
    for statement in (refused, "SELECT %s::int, %s::int"):
        with pytest.raises((IntegrityError, DataError)), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [str(uuid4()), flock.new("clinician")])


def read_as(world: World, role: str) -> str:
    """Return all that somebody can read at every address, refusals included."""
    from drf_spectacular.generators import SchemaGenerator

    schema: Any = SchemaGenerator().get_schema(request=None, public=True)
    paths = [path for path, methods in schema["paths"].items() if "get" in methods]
    answers = [world.send(role, Operation("GET", path, {}), Sent(b"")) for path in paths]
    return "".join(str(answer.headers) + answer.content.decode(errors="replace") for answer in answers)


def in_redis() -> str:
    """Return every key of Redis with its value, queued messages included."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        keys = list(client.scan_iter())
        return "".join(repr(key) + repr(client.dump(key)) for key in keys)


def leaks(world: World, flock: Flock, *, log: str, capfd: Any, database_log: str) -> dict[str, int]:
    """Count the canaries' bytes in every place where none may be."""
    schedule = [entry for entry in settings.CELERY_BEAT_SCHEDULE.values() if {"args", "kwargs"} & set(entry)]
    assert schedule == [], "a message says what to ask for, never what about"
    mails = "".join(str(sent.message()) for sent in mail.outbox)
    return {
        "logs": flock.bytes_in(log),
        "output": flock.bytes_in("".join(capfd.readouterr())),
        "PostgreSQL's log": flock.bytes_in(database_log),
        "Redis": flock.bytes_in(in_redis()),
        "mails": flock.bytes_in(mails),
        "answers to a stranger": flock.bytes_in(read_as(world, "stranger"), but="stranger"),
        "answers to another patient": flock.bytes_in(read_as(world, "other patient"), but="other patient"),
        "health pages": sum(
            flock.bytes_in(world.clients["stranger"].get(page).content.decode())
            for page in ("/healthz", "/healthz/escalation")
        ),
    }


def database_log() -> Path | None:
    found = Path(settings.STATE_DIR) / "postgres.log"
    return found if found.exists() else None


@pytest.mark.parametrize("roles", [1, pytest.param(len(ROLES), marks=pytest.mark.full)])
def test_no_canary_is_found_where_none_may_be(world, ada, log, capfd, monkeypatch, roles) -> None:
    flock, file = Flock(), database_log()
    begins = file.stat().st_size if file else 0
    plant_by_the_api(world, flock, roles=roles)
    plant_in_reports(world, flock)
    plant_by_the_admin(ada, flock)
    plant_in_failures(world, flock, monkeypatch)
    while notifications.deliver_due(at=clock.now(), limit=50):
        pass
    said = file.read_text(errors="replace")[begins:] if file else ""
    found = leaks(world, flock, log=log.getvalue(), capfd=capfd, database_log=said)
    assert flock.bytes_in(read_as(world, "clinician")) > 0, "where it belongs, it is shown"
    assert mail.outbox, "something was mailed"
    assert log.getvalue(), "something was logged"
    figures.record("canaries.planted", len(flock.planted), seed=SEED)
    figures.record("canaries.bytes_leaked", sum(found.values()), seed=SEED)
    assert not any(found.values()), found


def test_one_that_is_logged_is_found(world, log, monkeypatch) -> None:
    """The twin: a view that logs what it was sent."""

    def tells(view: Any, request: Any) -> Any:
        logging.getLogger("programs.views").warning("got %s", request.data)
        raise ValueError

    monkeypatch.setattr("programs.views.Enrollments.post", tells)
    flock = Flock()
    enrolling = next(op for op in operations() if op.path == "/api/v1/enrollments")
    world.send("patient", enrolling, Sent(json.dumps({"program": flock.new("patient")}).encode()))
    assert flock.bytes_in(log.getvalue()) == len(next(iter(flock.planted)))
