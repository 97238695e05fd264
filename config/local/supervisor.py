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
        self.sign_ins: list[str] = []
        self._readers: dict[str, threading.Thread] = {}
        self._printer = Printer(output, width=9)
        self._colours = get_colours()
        self._turn = threading.Lock()

    def start(self, name: str, command: list[str]) -> None:
        """Start a process; each line that it prints goes to the common output, under its name."""
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
        colour = next(self._colours)

        def read() -> None:
            for raw in child.stdout or []:
                line = raw.decode(errors="replace").rstrip()
                if name == DEMO:
                    self.sign_ins.append(line)
                with self._turn, suppress(BrokenPipeError, ValueError):
                    self._printer.write(Message("line", line, datetime.now().astimezone(), name, colour))

        self._readers[name] = threading.Thread(target=read, daemon=True)
        self._readers[name].start()
        self.running[name] = child

    def run(self, name: str, command: str) -> None:
        """Run a command to its end; raise Trouble when it fails."""
        self.start(name, ["sh", "-c", command])
        self.running[name].wait()
        if self.fallen()[name] != 0:
            raise Trouble(f"`{name}` has failed: {command}")

    def fallen(self) -> dict[str, int]:
        """Return, once, the exit code of each process that has ended by itself, its last words shown."""
        ended = {name: child.returncode for name, child in self.running.items() if child.poll() is not None}
        for name in ended:
            del self.running[name]
            self._readers[name].join(5)
        return ended

    def stop(self) -> None:
        """Ask all to stop, wait, and kill those that don't."""
        for child in self.running.values():
            child.terminate()
        patience = time.monotonic() + STOP_S
        for child in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, patience - time.monotonic()))


def up(state: State, *, procfile: Path, port: int | None, check: bool) -> int:
    """Run the clinic until told to stop; with `check` until the rehearsal ends. Return the exit code."""
    state.open()
    with ExitStack() as stack:
        try:
            stack.enter_context(state.lock(state.up_lock, patience_s=0.3))
        except BlockingIOError:
            port = int(state.remembered("running.json").get("web", "0"))
            raise Trouble(f"Rekindle is already running at http://127.0.0.1:{port}.") from None
        return _hold(state, procfile=procfile, port=port, check=check)


def _hold(state: State, *, procfile: Path, port: int | None, check: bool) -> int:
    end(marked(state.folder), grace_s=5)
    web_port = free_port() if check and port is None else _choose_port(port)
    with state.lock(state.start_lock):
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
            mail = ["--port", str(mail_port), "--dir", environment["MAIL_DIR"]]
            crew.start("mail", [sys.executable, "-m", "config.local.mailsink", *mail])
            _start(crew, servers, processes)
            return _rehearse(crew, servers) if check else _watch(crew, servers)
        except Trouble as trouble:
            raise Trouble(
                f"{trouble} What the processes said is in {log}." if check else str(trouble)
            ) from None
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


def _start(crew: Crew, servers: Servers, processes: dict[str, str]) -> None:
    """Start the Procfile's processes, in an order that has the first page served soonest."""
    if RELEASE in processes:
        say("Preparing the database ...")
        crew.run(RELEASE, processes[RELEASE])
    say("Starting the clinic ...")
    first = ["web", DEMO] if DEMO in processes and crew.environment.get("DEMO") == "1" else ["web"]
    # exec, so that no shell stands between a signal and the process.
    for name in first:
        crew.start(name, ["sh", "-c", f"exec {processes[name]}"])
    _await(crew, servers, lambda: _status(crew) in (200, 503) and DEMO not in crew.running)
    for name, command in processes.items():
        if name not in (RELEASE, DEMO, "web"):
            crew.start(name, ["sh", "-c", f"exec {command}"])


def _watch(crew: Crew, servers: Servers) -> int:
    """Show where to look, then look after everything until the web process ends."""
    _greet(crew.environment, crew.sign_ins)
    while "web" in crew.running:
        for name, code in _look_after(crew, servers).items():
            say(f"{name} has ended (exit code {code}).")
    raise Trouble("The web process has ended.")


def _look_after(crew: Crew, servers: Servers) -> dict[str, int]:
    """One round: restart a dead server, return the exit codes of dead processes and let the rest run on.

    A process is not started again: that would hide a fault, and /healthz says what is missing.
    """
    time.sleep(0.3)
    servers.tend()
    return crew.fallen()


def _await(crew: Crew, servers: Servers, healthy: Callable[[], bool]) -> None:
    """Wait until the clinic is healthy enough; raise Trouble when a process dies first."""
    patience = time.monotonic() + HEALTHY_S
    while not healthy():
        if time.monotonic() > patience:
            raise Trouble(f"/healthz is not well after {HEALTHY_S} s (it answers {_status(crew)}).")
        for name, code in _look_after(crew, servers).items():
            if name != DEMO or code != 0:
                raise Trouble(f"{name} has ended while starting (exit code {code}).")


def _status(crew: Crew) -> int:
    """Return the status that /healthz answers with, 0 when nobody answers."""
    try:
        with urllib.request.urlopen(f"{crew.environment['BASE_URL']}/healthz", timeout=5) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _rehearse(crew: Crew, servers: Servers) -> int:
    """Run the rehearsal, on our own terminal, once everything is well; return its exit code."""
    _await(crew, servers, lambda: _status(crew) == 200)
    say("Rehearsing ...")
    command = [sys.executable, "-m", "desk.rehearsal"]
    rehearsal = subprocess.Popen(command, cwd=ROOT, env=crew.environment, preexec_fn=die_with_parent)  # noqa: S603
    while rehearsal.poll() is None:
        for name, code in _look_after(crew, servers).items():
            say(f"{name} has ended (exit code {code}).")
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
