"""A clinic of real processes to break: its mail relay, its servers, and whoever kills by a seeded schedule.

Every kill is a `kill -9`. It counts as hitting work in hand if the victim, stopped a moment before, had a row
of the work locked in an open transaction, or was handing over a message that it had leased.
"""

import asyncio
import email
import logging
import os
import random
import signal
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import TypeVar
from urllib.parse import quote

import psutil
import redis
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, connection

from config.local.postgres import Postgres
from config.local.redis_server import Redis
from config.local.state import ROOT, State, free_port
from desk.catalogue import load
from tests.policies import let_hold

KEY_HEADER = "Relay-Idempotency-Key"
PATIENCE_S = 120.0
_LEASED = """
    SELECT 'leased' WHERE EXISTS (
        SELECT FROM notifications_delivery WHERE status = 'leased' AND leased_until > now()
    )
"""
_LOCKED = """
    SELECT a.application_name FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
    WHERE a.datname = current_database() AND l.granted AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
    AND l.relation IN (
        'notifications_delivery'::regclass, 'safety_alert'::regclass, 'safety_adverseevent'::regclass,
        'treatment_sessions_checkindeadline'::regclass
    )
"""
_T = TypeVar("_T")


def insist(act: Callable[[], _T]) -> _T:
    """Do something in the database, again and again while it is away."""
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            return act()
        except (DatabaseError, InterfaceError):
            connection.close()
            if monotonic() > deadline:
                raise
            sleep(0.1)


def wait_until(
    holds: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S, every_s: float = 0.2
) -> None:
    """Wait for something that has to come true."""
    deadline = monotonic() + within_s
    while not insist(holds):
        assert monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        sleep(every_s)


# --- the mail relay --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arrival:
    """A message that the relay took. `key` is the delivery's id; `began_at` when its sender had greeted."""

    key: str
    to: str
    began_at: datetime
    taken_at: datetime


class Relay:
    """A mail server, and the only witness of what was sent.

    `passed_on` is what reaches mailboxes: with `knows_keys` one that was taken before is dropped, as mail
    providers do that are given a key with each message. It takes its time before and after it takes a
    message, so that its clients can die there, and in a share `stalls` says nothing more once it has.
    """

    def __init__(
        self, *, seed: int, knows_keys: bool = True, pause_s: float = 0.01, stalls: float = 0
    ) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - the same choices every time
        self.knows_keys = knows_keys
        self.pause_s = pause_s
        self.stalls = stalls
        self.refuses = False
        self.passed_on: list[Arrival] = []
        self.dropped: list[Arrival] = []
        self.stalled = 0
        self.talking: dict[str, Session] = {}
        """Who has greeted and has no answer to their message yet, by the name they greeted with."""
        self._taken: set[str] = set()
        self._greeted: dict[str, datetime] = {}
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    def __enter__(self) -> "Relay":
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # it tells every word of the dialogue
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"smtp://127.0.0.1:{self._controller.port}"

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.talking[hostname] = session
        self._greeted[hostname] = datetime.now(UTC)
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        if self.refuses:
            self._done(session)
            return "421 not now"
        await asyncio.sleep(self.pause_s)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        try:
            await asyncio.sleep(self.pause_s)
            self._take(session, envelope)
            if self.chance.random() < self.stalls:
                self.stalled += 1
                await asyncio.sleep(PATIENCE_S)
            await asyncio.sleep(self.pause_s)
        finally:
            self._done(session)
        return "250 OK"

    def _done(self, session: Session) -> None:
        name = str(session.host_name)
        if self.talking.get(name) is session:
            del self.talking[name]

    def _take(self, session: Session, envelope: Envelope) -> None:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content)
        key = str(message[KEY_HEADER] or message["Message-ID"].strip("<>").partition("@")[0])
        for to in envelope.rcpt_tos:
            began_at = self._greeted[str(session.host_name)]
            arrival = Arrival(key, to, began_at=began_at, taken_at=datetime.now(UTC))
            known = self.knows_keys and key in self._taken
            (self.dropped if known else self.passed_on).append(arrival)
        self._taken.add(key)


# --- servers and processes -------------------------------------------------------------------------------


def _ensure(server: Postgres | Redis) -> None:
    """Start a server; it outlives the object that started it, on purpose."""
    with server.state.lock(server.state.start_lock), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        server.ensure()


@contextmanager
def own_postgres(folder: Path) -> Iterator[Postgres]:
    """Give this test a migrated PostgreSQL server of its own, to be restarted without harm to others."""
    state = State(folder)
    state.open()
    server = Postgres(state, lasting=False)
    _ensure(server)
    own = connection.settings_dict
    kept, owner = dict(own), dict(settings.DATABASE_OWNER)
    connection.close()
    place = {"HOST": "127.0.0.1", "PORT": server.port}
    own.update(place, NAME="rekindle", USER="rekindle_app", PASSWORD=state.secret("rekindle_app"))
    settings.DATABASE_OWNER.update(
        place, NAME="rekindle", USER="rekindle_owner", PASSWORD=state.secret("rekindle_owner")
    )
    try:
        call_command("migrate", verbosity=0)
        list(load())
        let_hold()
        yield server
    finally:
        connection.close()
        own.update(kept)
        settings.DATABASE_OWNER.update(owner)
        server.clean()


class Clinic:
    """The clinic's processes on this test's database, with a Redis of their own, and what may happen to them.

    Without a `postgres` of its own, a restart of the database is a cut of every connection to it.
    """

    def __init__(
        self, folder: Path, relay: Relay, *, knobs: Mapping[str, float], postgres: Postgres | None = None
    ) -> None:
        self.folder = folder
        self.relay = relay
        self.postgres = postgres
        self.knobs = {"lease_s": 30, "timeout_s": 2, "concurrency": 2, "watchdog_pause_s": 5, **knobs}
        state = State(folder / "servers")
        state.open()
        self.redis = Redis(state, may_fake=False)
        self.port = free_port()
        self.leaders: dict[int, str] = {}
        """Every process that the nursery has forked, and what it is; the dead among them."""

    def __enter__(self) -> "Clinic":
        self.start_redis()
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "nursery"):
            self._end()
        self.redis.clean()

    def start(self, *counts: str) -> None:
        """Start so many of each process, as in `worker:2`, and wait until all have come."""
        command = [sys.executable, "-m", "tests.faults.nursery", *counts]
        environment = self._environment()
        self.log = (self.folder / "processes.log").open("wb")
        self.nursery = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=self.log
        )
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        total = sum(int(count.partition(":")[2]) for count in counts)
        wait_until(lambda: len(self.leaders) >= total, "the processes have been forked")

    def _read(self) -> None:
        assert self.nursery.stdout is not None
        for line in self.nursery.stdout:
            kind, pid = line.split()
            self.leaders[int(pid)] = kind.decode()

    def _end(self) -> None:
        """Kill everything that is left, the nursery first, so that nobody is replaced."""
        self.nursery.kill()
        self.nursery.wait()
        for pid in self.leaders:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._reader.join()
        assert self.nursery.stdout is not None
        self.nursery.stdout.close()
        self.log.close()

    def _environment(self) -> dict[str, str]:
        own = connection.settings_dict
        who = f"{own['USER']}:{quote(own['PASSWORD'], safe='')}"
        host = quote(own["HOST"], safe="")
        return (
            os.environ
            | {
                "DATABASE_URL": f"postgres://{who}@{host}:{own['PORT']}/{own['NAME']}",
                "REDIS_URL": self.redis.url,
                "EMAIL_URL": self.relay.url,
                "EMAIL_KEY_HEADER": KEY_HEADER,
                "DEFAULT_FROM_EMAIL": "care@localhost",
                "STATE_DIR": str(self.folder),
                "PORT": str(self.port),
                "DJANGO_SETTINGS_MODULE": "config.settings",
            }
            | {f"FAULTS_{name.upper()}": f"{value:g}" for name, value in self.knobs.items()}
        )

    # --- what may happen to it ---------------------------------------------------------------------------

    def start_redis(self) -> None:
        """Start Redis, on the port it had."""
        _ensure(self.redis)

    def kill_redis(self) -> None:
        """Kill Redis, with all that it holds in memory."""
        assert self.redis.process is not None
        self.redis.process.kill()
        self.redis.process.wait(30)

    def flush_redis(self) -> None:
        """Empty Redis."""
        with redis.Redis.from_url(self.redis.url) as client:
            client.flushall()

    def restart_postgres(self) -> None:
        """Let the database die in the middle of everything, and come back."""
        if self.postgres is None:
            insist(self._cut_connections)
            return
        connection.close()
        assert self.postgres.process is not None
        self.postgres.process.send_signal(signal.SIGQUIT)
        self.postgres.process.wait(30)
        _ensure(self.postgres)

    def _cut_connections(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                r" WHERE datname = current_database() AND application_name ~ '-\d+$'"
            )

    def living(self, kinds: Collection[str]) -> list[int]:
        """Return the leaders of these kinds that live."""
        return [pid for pid, kind in list(self.leaders.items()) if kind in kinds and psutil.pid_exists(pid)]

    def with_lease(self) -> set[str]:
        """Return who is handing over a message that they have leased, by name."""
        talking = set(self.relay.talking)
        return talking if talking and self._ask(_LEASED) else set()

    def in_hand(self) -> set[str]:
        """Return who has that, or rows of the work locked in an open transaction."""
        named = {name for name in self._ask(_LOCKED) if name.rpartition("-")[2].isdigit()}
        return named | self.with_lease()

    def _ask(self, question: str) -> set[str]:
        try:
            with connection.cursor() as cursor:
                cursor.execute(question)
                return {name for (name,) in cursor.fetchall()}
        except (DatabaseError, InterfaceError):
            connection.close()
            return set()


class Killer(Thread):
    """Kills somebody at each of `times_s`; in a share `aimed` waits a while for one who has work in hand."""

    def __init__(
        self,
        clinic: Clinic,
        *,
        seed: int,
        times_s: list[float],
        kinds: Collection[str],
        finds: Callable[[], set[str]] | None = None,
        aimed: float = 0.95,
        seeks_s: float = 5.0,
    ) -> None:
        super().__init__()
        self.clinic = clinic
        self.chance = random.Random(seed)  # noqa: S311
        self.times_s = sorted(times_s)
        self.kinds = frozenset(kinds)
        self.finds = finds or clinic.in_hand
        self.aimed = aimed
        self.seeks_s = seeks_s
        self.killed: Counter[str] = Counter()
        self.hit: Counter[str] = Counter()
        """Those of them that had work in hand."""
        self.stop = Event()

    def run(self) -> None:
        """Kill by the schedule, until it is done or we are told to stop."""
        began = monotonic()
        for time_s in self.times_s:
            if self.stop.wait(max(0.0, began + time_s - monotonic())):
                break
            if self.chance.random() >= self.aimed or not self._seek():
                self._kill_anyone()
        connection.close()

    def _seek(self) -> bool:
        """Kill the first who is found with work in hand, within `seeks_s`."""
        until = monotonic() + self.seeks_s
        while monotonic() < until and not self.stop.is_set():
            names = sorted(name for name in self.finds() if name.partition("-")[0] in self.kinds)
            if names and self._strike(self.chance.choice(names)):
                return True
            sleep(0.005)
        return False

    def _strike(self, name: str) -> bool:
        """Kill a process, or its whole group, if it still has the work in hand once it cannot go on."""
        kind, _, pid = name.partition("-")
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGSTOP)
            if name not in self.finds():
                os.kill(int(pid), signal.SIGCONT)
                return False
            leader = os.getsid(int(pid))
            if self.chance.random() < 0.5:
                os.kill(int(pid), signal.SIGKILL)
            else:
                os.killpg(leader, signal.SIGKILL)
            self.killed[kind] += 1
            self.hit[kind] += 1
            return True
        return False

    def _kill_anyone(self) -> None:
        living = self.clinic.living(self.kinds)
        if living:
            pid = self.chance.choice(living)
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
                self.killed[self.clinic.leaders[pid]] += 1


def run_plan(plan: Sequence[tuple[float, Callable[[], object]]], *, begins_at: datetime) -> None:
    """Do each thing when its second after `begins_at` has come, one after the other."""
    for time_s, act in sorted(plan, key=lambda item: item[0]):
        sleep(max(0.0, (begins_at - datetime.now(UTC)).total_seconds() + time_s))
        act()
