"""Both servers of a state directory, shared by all who use them, and the environment they make."""

import base64
import fcntl
import os
import sys
from pathlib import Path
from typing import IO

from config.local.postgres import Postgres
from config.local.redis_server import Redis
from config.local.state import State, Trouble, say


class Servers:
    """PostgreSQL and Redis while in use: started or adopted on entry, stopped by the last one out.

    Data that isn't `lasting` goes with them. Where DATABASE_URL or REDIS_URL is set, that one is used as it
    is and nothing is started for it.
    """

    def __init__(self, state: State, *, lasting: bool = True, may_fake_redis: bool = True) -> None:
        self.state = state
        self.lasting = lasting
        self._users: IO[str] | None = None
        self.postgres = None if os.environ.get("DATABASE_URL") else Postgres(state, lasting=lasting)
        self.redis = None if os.environ.get("REDIS_URL") else Redis(state, may_fake=may_fake_redis)
        if self.postgres is None and not os.environ.get("DATABASE_OWNER_URL"):
            raise Trouble(
                "DATABASE_URL is set, so DATABASE_OWNER_URL has to be set too (the role that migrates; "
                "config/sql/roles.sql makes both)."
            )
        if self.postgres and os.environ.get("DATABASE_OWNER_URL"):
            raise Trouble("DATABASE_OWNER_URL is set without DATABASE_URL: set both, or neither.")

    def __enter__(self) -> "Servers":
        self.state.open()
        with self.state.lock(self.state.start_lock):
            self._users = self.state.users_lock.open("a")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                self._ensure()
            except BaseException:
                self._leave()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            with self.state.lock(self.state.start_lock):
                self._leave()
        except FileNotFoundError:
            # The state directory was deleted under us: nobody else will find these servers again.
            self._stop()

    def _ensure(self) -> None:
        self._keys = {
            "SECRET_KEY": self.state.secret("secret_key"),
            "FIELD_KEY": base64.b64encode(bytes.fromhex(self.state.secret("field_key"))).decode(),
            "ANCHOR_KEY": base64.b64encode(bytes.fromhex(self.state.secret("anchor_key"))).decode(),
        }
        for server in (self.postgres, self.redis):
            if server:
                server.ensure()

    def _leave(self) -> None:
        """Let go; whoever finds nobody else holding on stops the servers. Needs the start lock."""
        if self._users:
            self._users.close()
        try:
            with self.state.lock(self.state.users_lock, patience_s=0):
                self._stop()
        except BlockingIOError:
            return

    def _stop(self) -> None:
        for server in (self.postgres, self.redis):
            if server:
                server.stop() if self.lasting else server.clean()

    def tend(self) -> None:
        """Start again what has died, on the port it had."""
        for name, server in (("PostgreSQL", self.postgres), ("Redis", self.redis)):
            if server and not server.alive():
                say(f"{name} has died; starting it again.")
                with self.state.lock(self.state.start_lock):
                    server.ensure()

    def environment(self, *, web_port: int, mail_port: int, demo: bool) -> dict[str, str]:
        """Return the environment for a child process; what the caller has set itself stays."""
        made = self._keys | {
            "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
        }
        if demo and self.postgres:
            made["DEMO"] = "1"
        made |= os.environ
        if self.postgres:
            made["DATABASE_URL"] = self.postgres.url("rekindle_app")
            made["DATABASE_OWNER_URL"] = self.postgres.url("rekindle_owner")
        if self.redis:
            made["REDIS_URL"] = self.redis.url
        made["STATE_DIR"] = str(self.state.folder)
        made["MAIL_DIR"] = str(self.state.folder / "mail")
        made["PORT"] = str(web_port)
        made["BASE_URL"] = f"http://127.0.0.1:{web_port}"
        made["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return made
