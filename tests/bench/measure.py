"""What a request costs: CPU of the application and of PostgreSQL, by real HTTP against the real server."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from statistics import median, quantiles
from typing import Any

import httpx
import psutil
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection

from accounts.models import User

CLIENTS = 4

Request = tuple[str, str, dict[str, Any] | None, dict[str, str]]
"""Method, path, JSON body and headers."""


@dataclass(frozen=True)
class Round:
    """What one round cost: CPU of application and PostgreSQL, time, WAL."""

    cpu_ms: float
    per_s: float
    p50_ms: float
    p95_ms: float
    wal_bytes: float


def tell(bench: str, case: str, value: float, unit: str, **more: Any) -> None:
    """Print one JSON line."""
    print(json.dumps({"bench": bench, "case": case, "value": value, "unit": unit, **more}), flush=True)


def token_of(user: User) -> str:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


@contextmanager
def serve() -> Iterator[tuple[str, psutil.Process]]:
    """Serve on a free port, with the clinic's own server and as many workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "tests.bench.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "2", "--worker-class", "gthread", "--threads", "4", "--log-level", "warning"]
    process = subprocess.Popen(command, env=os.environ | {"DEMO": ""}, stdin=subprocess.DEVNULL)
    base_url = f"http://127.0.0.1:{port}"
    try:
        _await(base_url)
        yield base_url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(base_url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{base_url}/api/v1/programs", timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit("the server did not come up")


def measure(
    client: httpx.Client, server: psutil.Process, next_request: Callable[[], Request], requests: int
) -> Round:
    prepared = [next_request() for _ in range(requests)]
    cpu_before, wal_before, began = _cpu_s(server), _wal(), time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        times_ms = list(pool.map(lambda request: _timed(client, request), prepared))
    took_s = time.monotonic() - began
    cpu_ms, wal_bytes = 1000 * (_cpu_s(server) - cpu_before) / requests, (_wal() - wal_before) / requests
    cuts = quantiles(times_ms, n=20)
    return Round(cpu_ms, requests / took_s, median(times_ms), cuts[18], wal_bytes)


def _timed(client: httpx.Client, request: Request) -> float:
    method, path, body, headers = request
    began = time.monotonic()
    answer = client.request(method, path, json=body, headers=headers)
    if answer.status_code not in (200, 201):
        raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
    return 1000 * (time.monotonic() - began)


def _cpu_s(server: psutil.Process) -> float:
    """Return the CPU seconds used so far by the web workers and by every process of PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        own = psutil.Process(cursor.fetchone()[0])
    postmaster = own.parent()
    assert postmaster is not None
    watched = [server, *server.children(recursive=True), postmaster, *postmaster.children(recursive=True)]
    # What this connection uses is ours, not the application's.
    return sum(sum(process.cpu_times()[:2]) for process in watched if process.pid != own.pid)


def _wal() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
        return int(cursor.fetchone()[0])
