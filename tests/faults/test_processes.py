"""Real beat, worker and watchdog: a reminder goes all the way, and the death of each is seen."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.db import connection

from accounts.models import Patient
from config.local.state import ROOT, free_port
from core import heartbeats
from notifications.messages import telling
from notifications.models import Delivery
from tests import steps
from tests.sessions import stages

pytestmark = pytest.mark.django_db(transaction=True)

COMMANDS = {
    "worker": [
        "-m",
        "celery",
        "-A",
        "config",
        "worker",
        "-Q",
        "default",
        "--concurrency",
        "1",
        "-l",
        "warning",
    ],
    "beat": ["-m", "celery", "-A", "config", "beat", "-l", "warning", "--pidfile="],
    "watchdog": ["manage.py", "watchdog"],
}
PATIENCE_S = 90.0


class Sink:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content or b""
        text = content.decode() if isinstance(content, bytes) else content
        self.mails += [(recipient, text) for recipient in envelope.rcpt_tos]
        return "250 Kept"


class Processes:
    """The clinic's background processes, on this test's database."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        for name in names:
            if name in self.running:
                self.running[name].wait()
            self.running[name] = subprocess.Popen(
                [sys.executable, *COMMANDS[name]], cwd=ROOT, env=self.environment, start_new_session=True
            )

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the process and everything it has started."""
        os.killpg(self.running[name].pid, number)

    def end(self) -> None:
        for name, process in self.running.items():
            if process.poll() is None:
                self.send(name, signal.SIGKILL)
            process.wait()


@pytest.fixture
def sink() -> Iterator[Sink]:
    handler = Sink()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    handler.port = controller.port  # type: ignore[attr-defined]
    yield handler
    controller.stop()


@pytest.fixture
def processes(sink: Sink, tmp_path: Any, db: None) -> Iterator[Processes]:
    database = connection.settings_dict
    user, password = (quote(str(database[key])) for key in ("USER", "PASSWORD"))
    made = Processes(
        os.environ
        | {
            "DATABASE_URL": f"postgres://{user}:{password}@127.0.0.1:{database['PORT']}/{database['NAME']}",
            "REDIS_URL": re.sub(r"/\d+$", "/5", settings.REDIS_URL),
            "EMAIL_URL": f"smtp://127.0.0.1:{sink.port}",  # type: ignore[attr-defined]
            "STATE_DIR": str(tmp_path),
        }
    )
    yield made
    made.end()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + PATIENCE_S
    while not holds():
        assert monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}"
        sleep(0.5)


def silent(client: Any) -> set[str]:
    return {part for part, state in client.get("/healthz").json()["parts"].items() if state != "ok"}


def test_a_reminder_goes_all_the_way_and_every_death_is_seen(processes, sink, ada, at, client):
    assert silent(client) == set(heartbeats.EXPECTED), "nobody is there yet"
    processes.start("beat", "worker", "watchdog")
    wait_until(lambda: silent(client) == set(), "everybody gives a sign of life")

    Patient.objects.filter(pk=ada.pk).update(timezone=stages.zone_at_noon(at))  # nobody is woken up
    steps.active(ada, at=at - timedelta(days=3))  # the first forms fall due now
    wait_until(lambda: any("waiting for you" in text for _, text in sink.mails), "the reminder arrives")
    reminders = [(to, text) for to, text in sink.mails if "waiting for you" in text]
    assert [to for to, _ in reminders] == ["ada@example.org"]
    body = reminders[0][1].split("\r\n\r\n", 1)[1]
    assert not telling(re.sub(r"https?://\S+", "", body))
    told = Delivery.objects.filter(kind="assessment_due", status="sent")
    wait_until(told.exists, "it is recorded")

    processes.send("worker", signal.SIGKILL)
    processes.send("watchdog", signal.SIGSTOP)  # it lives, and does nothing
    wait_until(
        lambda: silent(client) == {"worker", "watchdog"}, "worker and watchdog are missed, beat is not"
    )
    assert client.get("/healthz").status_code == 503

    processes.send("watchdog", signal.SIGCONT)
    processes.start("worker")
    wait_until(lambda: silent(client) == set(), "they are back")

    processes.send("beat", signal.SIGKILL)
    # Without beat nothing is handed to the worker either, and it cannot give a sign.
    wait_until(lambda: silent(client) == {"beat", "worker"}, "beat is missed")
