"""The state directory: locks, secrets, remembered ports, and which processes live there."""

import fcntl
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]


class Trouble(Exception):
    """Something the person at the keyboard has to know; its text is the one sentence shown."""


def say(line: str) -> None:
    """Print one line at once, to whoever watches."""
    with suppress(BrokenPipeError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def free_port(preferred: int = 0) -> int:
    """Return the preferred TCP port of 127.0.0.1 if nobody listens there, else a free one.

    Chosen below the range of outgoing connections, so that it is still free when a server comes back.
    """
    choices = (20_000 + secrets.randbelow(12_000) for _ in range(100))
    for port in [*([preferred] if preferred else []), *choices]:
        with socket.socket() as probe, suppress(OSError):
            # As servers do: a port whose last connections are still closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise Trouble("No free TCP port on 127.0.0.1.")


class State:
    """One state directory (.rekindle, .rekindle/test, ...) with everything that belongs to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.start_lock = self.folder / "start.lock"
        self.users_lock = self.folder / "users.lock"
        self.up_lock = self.folder / "up.lock"

    def open(self) -> None:
        """Make the directory; raise Trouble where it can't be written.

        Root lets others pass through it (not list it), because PostgreSQL then runs as somebody else.
        """
        try:
            self.folder.mkdir(exist_ok=True, parents=True)
            for folder in [self.folder, self.folder.parent]:
                if folder == self.folder or folder.name == ".rekindle":
                    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
            self.start_lock.touch()
        except OSError as error:
            raise Trouble(f"Cannot write in {self.folder} ({error.strerror}).") from error

    @contextmanager
    def lock(self, path: Path, *, shared: bool = False, patience_s: float = inf) -> Iterator[IO[str]]:
        """Hold a lock file; the kernel lets go of it however the process ends. BlockingIOError if taken."""
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        until = time.monotonic() + patience_s
        with path.open("a") as file:
            while True:
                try:
                    fcntl.flock(file, kind | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise
                    time.sleep(0.05)
            yield file

    def is_held(self, path: Path) -> bool:
        """Say whether somebody holds the lock."""
        try:
            with self.lock(path, shared=True, patience_s=0):
                return False
        except BlockingIOError:
            return True

    def write(self, path: Path, content: str) -> None:
        """Write a private file (0600) all at once."""
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(content)
        draft.rename(path)

    def remembered(self, name: str) -> dict[str, str]:
        """Read a small JSON file of the state; empty when there is none."""
        with suppress(FileNotFoundError):
            return dict(json.loads((self.folder / name).read_text()))
        return {}

    def remember(self, name: str, **values: str) -> None:
        """Add to a small JSON file of the state."""
        self.write(self.folder / name, json.dumps(self.remembered(name) | values))

    def port(self, name: str) -> int:
        """Return a free port for a server, the one it had last time if that is free."""
        port = free_port(int(self.remembered("ports.json").get(name, "0")))
        self.remember("ports.json", **{name: str(port)})
        return port

    def secret(self, name: str) -> str:
        """Return a random secret of 32 bytes in hexadecimal, made on first use. Needs the start lock."""
        kept = self.remembered("secrets").get(name)
        if kept is None:
            kept = secrets.token_hex(32)
            self.remember("secrets", **{name: kept})
        return kept
