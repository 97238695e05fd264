"""Five hundred guesses at once, over real HTTP, against four real processes: five are looked at."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

import httpx
import pytest
from django.conf import settings
from django.db import connection

from config.local.state import ROOT, free_port
from tests import figures

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 64
PATIENCE_S = 60.0
NOBODY = "redis://127.0.0.1:1/0"


@contextmanager
def clinic(state: Path, *, redis_url: str, app: str = "config.wsgi", processes: int = 4) -> Iterator[str]:
    """Serve this test's database from several processes; yield the address."""
    database = connection.settings_dict
    user, password = (quote(str(database[key])) for key in ("USER", "PASSWORD"))
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": f"postgres://{user}:{password}@127.0.0.1:{database['PORT']}/{database['NAME']}",
        "REDIS_URL": redis_url,
        "STATE_DIR": str(state),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "DEMO": "0",
    }
    options = f"--bind 127.0.0.1:{port} --workers {processes} --worker-class gthread --threads 8"
    command = [sys.executable, "-m", "gunicorn", app, *options.split(), "--no-control-socket"]
    with (state / "web.log").open("wb") as log:
        web = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{port}/healthz", log=state / "web.log", processes=processes)
            yield f"http://127.0.0.1:{port}"
        finally:
            web.terminate()
            web.wait()


def _wait(address: str, *, log: Path, processes: int) -> None:
    deadline = monotonic() + PATIENCE_S
    while log.read_text().count("Booting worker") < processes or not _answers(address):
        assert monotonic() < deadline, log.read_text()
        sleep(0.2)


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=5).status_code in (200, 503)
    except httpx.HTTPError:
        return False


def guesses(address: str, *, attempts: int) -> Counter[str]:
    """Guess one account's password many times at once; return how often each kind of answer came."""

    def guess(_: int) -> str:
        body = {"email": "ada@example.org", "password": "wrong"}
        answer = client.post(f"{address}/api/v1/auth/app/v1/auth/login", json=body)
        if answer.status_code == 429 or "too_many_login_attempts" in answer.text:
            return "refused"
        return "looked at" if "email_password_mismatch" in answer.text else f"{answer.status_code}"

    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
    with httpx.Client(timeout=60, limits=limits) as client, ThreadPoolExecutor(AT_ONCE) as threads:
        return Counter(threads.map(guess, range(attempts)))


def test_five_of_many_are_admitted(ada, tmp_path: Path) -> None:
    with clinic(tmp_path, redis_url=settings.REDIS_URL, processes=2) as address:
        answers = guesses(address, attempts=60)
    assert answers == {"looked at": 5, "refused": 55}


@pytest.mark.full
@pytest.mark.parametrize(
    "redis_url",
    [pytest.param(settings.REDIS_URL, id="with Redis"), pytest.param(NOBODY, id="without Redis")],
)
def test_five_of_five_hundred_are_admitted(ada, tmp_path: Path, redis_url: str) -> None:
    with clinic(tmp_path, redis_url=redis_url) as address:
        answers = guesses(address, attempts=500)
    assert set(answers) == {"looked at", "refused"}, answers
    figures.record("limits.admitted_of_500", answers["looked at"])
    assert answers["looked at"] == 5, "no fewer either"


@pytest.mark.full
def test_reading_before_writing_admits_more(ada, tmp_path: Path) -> None:
    """The twin: the same limit and table, without the one statement that decides and counts."""
    with clinic(tmp_path, redis_url=settings.REDIS_URL, app="tests.limits.racing") as address:
        answers = guesses(address, attempts=500)
    assert answers["looked at"] > 5, answers
