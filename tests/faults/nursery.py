"""Loads Django once, then keeps the clinic's processes alive by forking them: whoever dies is replaced.

Each is a command of the Procfile, run in a fork: `python -m tests.faults.nursery worker:2 beat:1 watchdog:1`.
Mail greetings and database sessions say which process they come from (`worker-4711`), so that a test knows
whom it kills, and what they had in hand. Two times are shortened, because each kill costs a lease.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from time import sleep

import django
from django.conf import settings

PAUSE_S = 0.2
"""Before somebody who died is replaced, as any supervisor makes one."""
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

role = "nursery"


def introduce_oneself() -> None:
    """Say in every greeting from now on who this process is."""
    from django.core.mail.utils import DNS_NAME

    name = f"{role}-{os.getpid()}"
    os.environ["PGAPPNAME"] = name
    DNS_NAME._fqdn = name


def worker(place: int) -> None:
    """Run a Celery worker."""
    from config.celery import app

    options = ["-Q", "default", "--concurrency", os.environ["FAULTS_CONCURRENCY"], "-l", "warning"]
    options += ["--without-mingle", "--without-gossip", "-n", f"faults-{os.environ['PORT']}-{place}@%h"]
    app.worker_main(["worker", *options])


def beat(_: int) -> None:
    """Run beat."""
    from config.celery import app

    app.start(["beat", "-l", "warning", "--pidfile="])


def watchdog(_: int) -> None:
    """Run the watchdog."""
    from django.core.management import call_command

    call_command("watchdog", pause=float(os.environ["FAULTS_WATCHDOG_PAUSE_S"]))


def web(_: int) -> None:
    """Serve the API."""
    from gunicorn.app.wsgiapp import run  # type: ignore[import-untyped]

    bind = f"127.0.0.1:{os.environ['PORT']}"
    options = ["--worker-class", "gthread", "--workers", "2", "--threads", "4", "--no-control-socket"]
    sys.argv = ["gunicorn", "config.wsgi", "--preload", "--bind", bind, *options]
    run()


COMMANDS: dict[str, Callable[[int], None]] = {
    "worker": worker,
    "beat": beat,
    "watchdog": watchdog,
    "web": web,
}


def prepare() -> None:
    """Load what every process needs, and shorten what a kill costs."""
    django.setup()
    # Loaded once, for all: else each worker that is replaced spends most of a second on it.
    from celery.app import amqp, control, events, log  # noqa: F401
    from celery.apps import beat as _beat  # noqa: F401
    from celery.apps import worker as _worker  # noqa: F401
    from celery.bin import celery as _command  # noqa: F401
    from celery.concurrency import prefork as _prefork  # noqa: F401
    from celery.contrib.django import task as _task  # noqa: F401
    from celery.worker import autoscale, components, consumer, strategy  # noqa: F401
    from celery.worker.consumer import delayed_delivery as _delayed  # noqa: F401
    from django.urls import get_resolver
    from kombu.transport import redis as _redis  # noqa: F401

    from config.celery import app as celery
    from notifications import services

    celery.loader.import_default_modules()
    _ = get_resolver().url_patterns
    services.LEASE = timedelta(seconds=float(os.environ["FAULTS_LEASE_S"]))
    settings.EMAIL_TIMEOUT = float(os.environ["FAULTS_TIMEOUT_S"])
    os.register_at_fork(after_in_child=introduce_oneself)


def fork(kind: str, place: int) -> int:
    """Start one process in a session of its own; return its id. It dies with this one."""
    global role
    role = kind
    pid = os.fork()
    if pid:
        sys.stdout.write(f"{kind} {pid}\n")
        sys.stdout.flush()
        return pid
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    code = 1
    try:
        COMMANDS[kind](place)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Keep as many of each as the arguments say, until killed."""
    prepare()
    counts = (argument.split(":") for argument in sys.argv[1:])
    wanted = [(kind, place) for kind, count in counts for place in range(int(count))]
    alive = {fork(kind, place): (kind, place) for kind, place in wanted}
    while True:
        pid, _ = os.wait()
        who = alive.pop(pid, None)
        if who is not None:
            sleep(PAUSE_S)
            alive[fork(*who)] = who


if __name__ == "__main__":
    main()
