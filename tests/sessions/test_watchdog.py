"""The watchdog as a process: it needs no Redis, outlives a broken look, and ends when told."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from accounts.models import Patient
from config.local.state import ROOT, free_port
from core.database import as_owner
from core.models import Heartbeat
from core.postgresql import base as postgresql
from notifications.models import Delivery
from programs.services import lock_enrollment
from safety import services as safety
from safety.enums import AlertClass
from safety.models import Alert
from sessions import services, tasks
from sessions.management.commands import watchdog
from sessions.models import CheckInDeadline, TreatmentSession
from sessions.services import watching
from tests.sessions import stages

PATIENCE_S = 60


@pytest.fixture
def silent(ada: Patient, at: datetime) -> datetime:
    """A session whose monitor should have been heard from a second ago."""
    stages.started(ada, at=at - timedelta(minutes=15, seconds=1))
    return at


def is_missed() -> bool:
    return CheckInDeadline.objects.filter(missed_at__isnull=False).exists()


def has_beaten() -> bool:
    """Whether a look has left a sign of life: that of the stages lies ahead."""
    return Heartbeat.objects.filter(name="watchdog", beat_at__lte=Now()).exists()


def test_a_look_watches_pages_and_leaves_a_sign_of_life(silent: datetime) -> None:
    watchdog.look()
    assert is_missed()
    assert has_beaten()


def test_a_look_takes_the_next_step_of_an_alert(ada: Patient, at: datetime) -> None:
    opened = at - timedelta(minutes=6)
    safety.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=opened)
    watchdog.look()
    assert Alert.objects.get().pages_sent == 2


def test_the_workers_task_does_the_same(silent: datetime) -> None:
    tasks.watch()
    assert is_missed()
    assert not has_beaten()


def break_down(**_: Any) -> None:
    raise RuntimeError("broken for this test")


@pytest.mark.parametrize(("room", "name"), [(services, "watch"), (safety, "page_unacknowledged")])
def test_a_look_that_fails_leaves_no_sign_of_life_and_is_logged(
    room: Any,
    name: str,
    silent: datetime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The connection is replaced by one that works; here, where a test holds it, it is kept."""
    monkeypatch.setattr(room, name, break_down)
    monkeypatch.setattr(connection, "close", lambda: None)
    watchdog.look()
    assert not has_beaten()
    assert "could not finish" in caplog.text
    assert is_missed() is (room is safety)


def test_a_row_that_cannot_be_dealt_with_is_logged_and_left_for_the_next_look(
    silent: datetime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("sessions.services.watching._call", lambda *_, **__: break_down())
        assert services.watch(at=silent).check_ins_missed == 0
    assert "could not deal with" in caplog.text
    assert services.watch(at=silent).check_ins_missed == 1


@pytest.fixture
def silent_mail(settings: Any) -> Iterator[None]:
    """A mail server that takes a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
        settings.EMAIL_TIMEOUT = 1
        yield


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("sends_for_s", "tried"), [(0.5, 1), (60, 3)])
def test_a_silent_mail_server_costs_a_look_one_message(
    silent: datetime, silent_mail: None, monkeypatch: pytest.MonkeyPatch, sends_for_s: float, tried: int
) -> None:
    """With more time, as many as it takes to leave a provider alone."""
    services.watch(at=silent)
    monkeypatch.setattr(watchdog, "SENDS_FOR_S", sends_for_s)
    watchdog.look()
    assert Delivery.objects.filter(fence__gt=0).count() == tried
    assert has_beaten()


def sit_on(enrollment_id: UUID, held: Event, done: Event) -> None:
    """Lock an enrollment and do nothing more, as a process that hangs."""
    with suppress(DatabaseError), transaction.atomic():
        lock_enrollment(enrollment_id)
        held.set()
        done.wait(PATIENCE_S)
    connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("idle", "missed"), [("'1500ms'", 1), ("'0'", 0)])
def test_whoever_hangs_with_an_enrollment_in_hand_loses_it(
    silent: datetime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    idle: str,
    missed: int,
) -> None:
    """The twin has no limit, and the watch does not get by."""
    monkeypatch.setattr(postgresql, "IDLE_AT_MOST", f"SET LOCAL idle_in_transaction_session_timeout = {idle}")
    held, done = Event(), Event()
    hangs = Thread(target=sit_on, args=(TreatmentSession.objects.get().enrollment_id, held, done))
    hangs.start()
    try:
        assert held.wait(PATIENCE_S)
        assert services.watch(at=silent).check_ins_missed == 0
        assert "locked" not in caplog.text
        assert services.watch(at=silent + watching.SKIPPED_AT_MOST).check_ins_missed == 0
        assert "locked" in caplog.text
        sleep(3)
        assert services.watch(at=silent).check_ins_missed == missed
    finally:
        done.set()
        hangs.join()


@contextmanager
def running() -> Iterator["subprocess.Popen[bytes]"]:
    """Run the command against the test database, with a Redis that is not there."""
    database = connection.settings_dict
    server = (
        f"{quote(database['HOST'], safe='')}:{database['PORT']}"
        if database["PORT"]
        else quote(database["HOST"], safe="")
    )
    who = f"{database['USER']}:{quote(database['PASSWORD'], safe='')}"
    environment = os.environ | {
        "DATABASE_URL": f"postgres://{who}@{server}/{database['NAME']}",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
    }
    command = [sys.executable, "manage.py", "watchdog", "--pause", "0.1"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def wait_for(what: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE_S
    while not what():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_the_process_finds_silence_without_redis_and_ends_on_sigterm(silent: datetime) -> None:
    with running() as process:
        wait_for(is_missed)
        wait_for(has_beaten)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 0


@pytest.mark.django_db(transaction=True)
def test_the_process_outlives_a_cut_connection(silent: datetime) -> None:
    with running() as process:
        wait_for(has_beaten)
        with as_owner():
            Heartbeat.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            assert cursor.fetchone()[0] >= 1
        wait_for(has_beaten)
        assert process.poll() is None
