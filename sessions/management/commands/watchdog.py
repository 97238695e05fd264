import signal
from argparse import ArgumentParser
from collections.abc import Callable
from logging import getLogger
from threading import Event
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from core import clock, heartbeats
from core.acting import acting_as
from core.actors import Actor, ServiceName
from core.database import refuse_privileged_role
from core.logs import log_failure
from notifications import services as notifications
from safety import services as safety
from sessions import services

PAUSE_S = 5.0
SENT_PER_LOOK = 50
"""A silence is three messages and more, and with Redis gone nobody else sends them."""
SENDS_FOR_S = 5.0
"""For how long from its beginning a look takes up another message: a silent mail server costs it one."""

logger = getLogger(__name__)


class Command(BaseCommand):
    """Watches over running sessions with nothing but the database: no Redis, no Celery."""

    help = "Mark missed check-ins, page for open alerts, send what is urgent; until SIGTERM. Needs no Redis."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare how often."""
        parser.add_argument("--pause", type=float, default=PAUSE_S, help="seconds between two looks")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Look until told to stop, in the middle of nothing: a look that has begun is finished."""
        refuse_privileged_role()
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        with acting_as(Actor.service(ServiceName.WATCH)):
            while not stop.is_set():
                look()
                stop.wait(options["pause"])


def look() -> None:
    """Do each part of the work, whichever fails; only a look that did all leaves a sign of life.

    It also sends, urgent messages first, because with Redis gone no worker is woken up to do so: not for
    long, so that a slow mail server cannot keep it from looking.
    """
    until = monotonic() + SENDS_FOR_S
    parts: tuple[Callable[[], object], ...] = (
        lambda: services.watch(at=clock.now()),
        lambda: safety.page_unacknowledged(at=clock.now()),
        lambda: _send(until=until),
    )
    done = [_done(part) for part in parts]
    if all(done):
        _done(lambda: heartbeats.beat("watchdog"))


def _send(*, until: float) -> None:
    for _ in range(SENT_PER_LOOK):
        if monotonic() >= until or not notifications.deliver_due(at=clock.now(), limit=1):
            return


def _done(part: Callable[[], object]) -> bool:
    """Tell whether it worked; what failed is logged, and the next begins on a new connection."""
    try:
        part()
    except Exception as error:
        log_failure(logger, "The watchdog could not finish its look", error)
        connection.close()
        return False
    return True
