"""Senders die by `kill -9` while the mail server has their message in hand: what arrives, what is said of it.

SMTP cannot be asked what it took, so "exactly once" is not to be had: a page comes again (once more for each
sender that died between the server's taking it and our writing that down), a reminder never does.
"""

import email
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from allauth.account.models import EmailAddress
from django.db import connection

from accounts.models import User
from config.local.state import ROOT, free_port
from core import clock
from notifications.enums import DeliveryStatus, MessageKind
from notifications.messages import link
from notifications.models import Delivery
from notifications.rules import Nobody
from notifications.services import schedule

SEED = 13
EACH = 60
SENDERS = 3
LEASE_S = 2
MOST_KILLS = 2
"""For one message, so that the test ends; each costs a lease."""

# Django is loaded once, whoever dies is replaced by a fork. A sender's greeting says which process it is.
NURSERY = f"""
import os, time
from datetime import timedelta
import django
django.setup()
from django.core.mail.utils import DNS_NAME
from core import clock
from core.acting import acting_as
from core.actors import Actor, ServiceName
from notifications import services
services.LEASE = timedelta(seconds={LEASE_S})

def send_for_ever():
    DNS_NAME._fqdn = f"pid-{{os.getpid()}}"
    with acting_as(Actor.service(ServiceName.DELIVER)):
        while True:
            if not services.deliver_due(at=clock.now()):
                time.sleep(0.05)

alive = set()
while True:
    while len(alive) < {SENDERS}:
        pid = os.fork()
        if not pid:
            send_for_ever()
        alive.add(pid)
    alive.discard(os.wait()[0])
"""


class Reaper:
    """Takes mail, and kills every third sender or so while it waits for the answer."""

    def __init__(self) -> None:
        self.chance = random.Random(SEED)  # noqa: S311 - the same choices every time
        self.taken: Counter[str] = Counter()
        self.killed_before: Counter[str] = Counter()
        self.killed_after: Counter[str] = Counter()

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return responses

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        name = str(email.message_from_bytes(envelope.content)["Message-ID"])
        spared = self.killed_before[name] + self.killed_after[name] >= MOST_KILLS
        fate = 1.0 if spared else self.chance.random()
        if fate < 0.15:
            self.kill(session)
            self.killed_before[name] += 1
            return "250 nobody listens"
        self.taken[name] += 1
        if fate < 0.3:
            self.kill(session)
            self.killed_after[name] += 1
        return "250 OK"

    def kill(self, session: Session) -> None:
        os.kill(int(str(session.host_name).removeprefix("pid-")), signal.SIGKILL)


@pytest.fixture
def reaper() -> Iterator[tuple[Reaper, int]]:
    reaper = Reaper()
    server = Controller(reaper, hostname="127.0.0.1", port=free_port())
    server.start()
    yield reaper, server.port
    server.stop()


@pytest.fixture
def scheduled(transactional_db: None) -> dict[str, MessageKind]:
    """Write down pages to Ben and reminders to Ada, all due; return each Message-ID's kind."""
    at = clock.now()
    names = {}
    people = {MessageKind.ALERT_PAGE: "ben@clinic.example", MessageKind.ASSESSMENT_DUE: "ada@example.org"}
    for kind, address in people.items():
        user = User.objects.create_user(address)
        EmailAddress.objects.create(user=user, email=address, primary=True, verified=True)
        for number in range(EACH):
            key = f"{kind}:{number}"
            schedule(
                kind,
                dedupe_key=key,
                due_at=at,
                expires_at=at + timedelta(days=1),
                user=user,
                words={"link": link("today")},
                about=Nobody.CHART,
            )
            names[f"<{Delivery.objects.get(dedupe_key=key).pk}@localhost>"] = kind
    return names


@pytest.fixture
def senders(reaper: tuple[Reaper, int], scheduled: Any) -> Iterator[None]:
    own = connection.settings_dict
    host = quote(own["HOST"], safe="")
    database = (
        f"postgres://{own['USER']}:{quote(own['PASSWORD'], safe='')}@{host}:{own['PORT']}/{own['NAME']}"
    )
    environment = os.environ | {
        "DATABASE_URL": database,
        "EMAIL_URL": f"smtp://127.0.0.1:{reaper[1]}",
        "DEFAULT_FROM_EMAIL": "care@localhost",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY], cwd=ROOT, env=environment, start_new_session=True
    )
    yield
    os.killpg(nursery.pid, signal.SIGKILL)
    nursery.wait()


def test_kills_lose_nothing_and_repeat_only_pages(
    scheduled: dict[str, MessageKind], reaper: tuple[Reaper, int], senders: None
) -> None:
    server = reaper[0]
    ends = monotonic() + 60
    while Delivery.objects.filter(status__in=[DeliveryStatus.DUE, DeliveryStatus.LEASED]).exists():
        assert monotonic() < ends, Counter(Delivery.objects.values_list("kind", "status"))
        sleep(0.1)

    def of(kind: MessageKind) -> set[str]:
        return {name for name, its_kind in scheduled.items() if its_kind == kind}

    def total(counted: Counter[str], kind: MessageKind) -> int:
        return sum(counted[name] for name in of(kind))

    status = {f"<{pk}@localhost>": status for pk, status in Delivery.objects.values_list("pk", "status")}
    page, reminder = MessageKind.ALERT_PAGE, MessageKind.ASSESSMENT_DUE
    kills = server.killed_before.total() + server.killed_after.total()
    assert kills >= 20

    assert {status[name] for name in of(page)} == {DeliveryStatus.SENT}
    assert of(page) <= set(server.taken)
    repeated = total(server.taken, page) - EACH
    assert repeated == total(server.killed_after, page) > 0

    assert max(server.taken[name] for name in of(reminder)) == 1
    unknown = {name for name in of(reminder) if status[name] == DeliveryStatus.UNKNOWN}
    assert unknown == of(reminder) & (set(server.killed_before) | set(server.killed_after))
    assert {status[name] for name in of(reminder) - unknown} == {DeliveryStatus.SENT}
    assert of(reminder) - unknown <= set(server.taken)
    sys.stdout.write(
        f"{kills} kills in the middle of {2 * EACH} messages: 0 lost, {repeated} repeats of pages, "
        f"{len(unknown)} reminders unknown\n"
    )
