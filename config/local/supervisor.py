"""Runs every process of the Procfile together, keeps the servers alive under them, and ends all of it."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import NoReturn, TextIO

from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Message, Printer

from config.local.processes import MARK, die_with_parent, end, marked
from config.local.servers import Servers
from config.local.state import ROOT, State, Trouble, free_port, say

# Process types that run once and end, before all others.
RELEASE, DEMO = "release", "demo"
DEFAULT_PORT = 8000
STOP_S = 20
HEALTHY_S = 120


def unwind(signum: int, _frame: object) -> NoReturn:
    """Turn a signal into an orderly exit; further ones are ignored, since every wait on the way is short."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + signum)


class Crew:
    """The processes of one run: same environment, each named in the output, ended together."""

    def __init__(self, environment: dict[str, str], output: TextIO) -> None:
        self.environment = environment
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._readers: dict[str, threading.Thread] = {}
        self._printer = Printer(output, width=9)
        self._colours = get_colours()
        self._turn = threading.Lock()

    def start(self, name: str, command: list[str], *, show: Callable[[str], None] | None = None) -> None:
        """Start a process; each line that it prints goes to `show`, or to the common output."""
        child = subprocess.Popen(  # noqa: S603 - the Procfile's commands
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        self.running[name] = child
        colour = next(self._colours)

        def show_named(line: str) -> None:
            with self._turn, suppress(BrokenPipeError, ValueError):
                self._printer.write(Message("line", line, datetime.now().astimezone(), name, colour))

        self._readers[name] = threading.Thread(target=_read, args=(child, show or show_named), daemon=True)
        self._readers[name].start()

    def once(self, name: str, command: str, *, show: Callable[[str], None] | None = None) -> None:
        """Run a command to its end; raise Trouble when it fails."""
        say(f"{name}: {command}")
        began = time.monotonic()
        self.start(name, ["sh", "-c", command], show=show)
        code = self.running[name].wait()
        self._readers[name].join(5)
        del self.running[name]
        if code != 0:
            raise Trouble(f"`{name}` has failed (exit code {code}); its output is above.")
        say(f"{name}: done ({time.monotonic() - began:.1f} s)")

    def fallen(self) -> list[str]:
        """Name, once, each process that has ended by itself."""
        names = [name for name, child in self.running.items() if child.poll() is not None]
        for name in names:
            say(f"{name} has ended (exit code {self.running.pop(name).returncode}).")
        return names

    def stop(self) -> None:
        """Ask all to stop, wait, and kill those that don't."""
        for child in self.running.values():
            child.terminate()
        patience = time.monotonic() + STOP_S
        for child in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, patience - time.monotonic()))


def _read(child: "subprocess.Popen[bytes]", show: Callable[[str], None]) -> None:
    for line in child.stdout or []:
        show(line.decode(errors="replace").rstrip())


def up(state: State, *, procfile: Path, port: int | None, check: bool) -> int:
    """Run the clinic until told to stop; with `check` until the rehearsal ends. Return the exit code."""
    state.open()
    with ExitStack() as stack:
        try:
            stack.enter_context(state.lock(state.up_lock, wait=False))
        except BlockingIOError:
            port = int(state.remembered("running.json").get("web", "0"))
            raise Trouble(f"Rekindle is already running at http://127.0.0.1:{port}.") from None
        return _hold(state, procfile=procfile, port=port, check=check)


def _hold(state: State, *, procfile: Path, port: int | None, check: bool) -> int:
    end(marked(state.folder), grace_s=5)
    web_port = free_port() if check and port is None else _choose_port(port)
    mail_port = state.port("mail")
    state.remember("running.json", web=str(web_port), mail=str(mail_port))
    processes = parse_procfile(procfile.read_text()).processes
    log = state.folder / "processes.log"
    servers = Servers(state, lasting=not check)
    say("Starting PostgreSQL and Redis ...")
    with servers, log.open("w") as file:
        environment = servers.environment(web_port=web_port, mail_port=mail_port, demo=True)
        crew = Crew(environment | {MARK: str(state.folder)}, file if check else sys.stdout)
        try:
            return _run(crew, servers, processes, check=check)
        except Trouble as trouble:
            raise Trouble(f"{trouble} (see {log})" if check else str(trouble)) from trouble
        finally:
            say("Stopping ...")
            crew.stop()
            end(marked(state.folder), grace_s=2)


def _choose_port(wanted: int | None) -> int:
    """Return the port to serve on; raise Trouble when it was asked for and is taken."""
    port = free_port(wanted or DEFAULT_PORT)
    if wanted and port != wanted:
        raise Trouble(f"Port {wanted} is taken: choose another, or leave --port out.")
    if port != (wanted or DEFAULT_PORT):
        say(f"Port {DEFAULT_PORT} is taken; using {port} instead.")
    return port


def _run(crew: Crew, servers: Servers, processes: dict[str, str], *, check: bool) -> int:
    mail = ["--port", crew.environment["EMAIL_URL"].rpartition(":")[2], "--dir", crew.environment["MAIL_DIR"]]
    crew.start("mail", [sys.executable, "-m", "config.local.mailsink", *mail])
    sign_ins: list[str] = []
    for name, wanted, show in (
        (RELEASE, True, None),
        (DEMO, crew.environment.get("DEMO") == "1", sign_ins.append),
    ):
        if wanted and name in processes:
            crew.once(name, processes[name], show=show)
    for name, command in processes.items():
        if name not in (RELEASE, DEMO):
            # exec, so that no shell stands between a signal and the process.
            crew.start(name, ["sh", "-c", f"exec {command}"])
    _await_health(crew, servers, ok={200} if check else {200, 503})
    if check:
        return _rehearse(crew, servers)
    _greet(crew.environment, sign_ins)
    while "web" in crew.running:
        _look_after(crew, servers)
    raise Trouble("The web process has ended; its last words are above.")


def _look_after(crew: Crew, servers: Servers) -> list[str]:
    """One round, half a second long: restart a dead server, name a dead process and let the rest run on.

    A process is not started again: that would hide a fault, and /healthz says what is missing.
    """
    time.sleep(0.5)
    servers.tend()
    return crew.fallen()


def _await_health(crew: Crew, servers: Servers, *, ok: set[int]) -> None:
    """Wait until /healthz answers with one of the given codes; raise Trouble when a process ends first."""
    patience = time.monotonic() + HEALTHY_S
    status = 0
    while time.monotonic() < patience:
        with suppress(OSError):
            try:
                answer = urllib.request.urlopen(f"{crew.environment['BASE_URL']}/healthz", timeout=5)  # noqa: S310
                status = answer.status
            except urllib.error.HTTPError as error:
                status = error.code
        if status in ok:
            return
        if fallen := _look_after(crew, servers):
            raise Trouble(f"{', '.join(fallen)} ended while starting; the last words are above.")
    raise Trouble(f"/healthz answers {status or 'nothing'} after {HEALTHY_S} s.")


def _rehearse(crew: Crew, servers: Servers) -> int:
    command = [sys.executable, "-m", "desk.rehearsal"]
    rehearsal = subprocess.Popen(command, cwd=ROOT, env=crew.environment, preexec_fn=die_with_parent)  # noqa: S603
    while rehearsal.poll() is None:
        _look_after(crew, servers)
    return rehearsal.returncode


def _greet(environment: dict[str, str], sign_ins: list[str]) -> None:
    base = environment["BASE_URL"]
    say("")
    say(f"Rekindle is running.   API    {base}/api/v1/")
    say(f"                       docs   {base}/api/docs/")
    say(f"                       admin  {base}/admin/")
    say(f"                       mail   {environment['MAIL_DIR']}{os.sep}")
    for line in ["", *sign_ins, "", "Ctrl-C stops it."]:
        say(line)
