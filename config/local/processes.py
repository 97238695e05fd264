"""Finding, starting and ending processes."""

import ctypes
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from config.local.state import ROOT

# In the environment of every process of a run, so that the next run can find what a killed one left behind.
MARK = "REKINDLE_UP"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Have the kernel end this process when its parent dies (Linux only); runs between fork and exec."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def call(command: list[str], environment: dict[str, str]) -> int:
    """Run a command from the project's root, on our own terminal; return its exit code.

    Ctrl-C is the command's to handle: an interactive shell goes on, pytest sums up.
    """
    ours = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.call(command, cwd=ROOT, env=environment, preexec_fn=die_with_parent)  # noqa: S603
    finally:
        signal.signal(signal.SIGINT, ours)


def serve(command: list[str], *, log: Path, cwd: Path, **options: Any) -> psutil.Process:
    """Start a server that outlives us, its output appended to a log."""
    with log.open("ab") as output:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        started = subprocess.Popen(command, cwd=cwd, start_new_session=True, **streams, **options)  # noqa: S603
    return psutil.Process(started.pid)


def alive(process: psutil.Process | None) -> bool:
    """Say whether a process still runs; a zombie does not."""
    with suppress(psutil.Error):
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def processes_in(directory: Path) -> list[psutil.Process]:
    """List the living processes whose working directory is the given one.

    Servers here have their data directory as working directory: unlike a pid file, that can't be stale,
    half-written or name a stranger.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.cwd() == str(directory) and alive(process):
                found.append(process)
    return found


def end(processes: list[psutil.Process], *, grace_s: float) -> None:
    """Ask processes to stop, and kill those that still run after the grace."""
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(processes, timeout=grace_s)[1]:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=5)


def marked(folder: Path) -> list[psutil.Process]:
    """List the processes that belong to a run of this state directory."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(folder):
                found.append(process)
    return found
