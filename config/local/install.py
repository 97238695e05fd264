"""Makes .venv and installs the pinned requirements, then becomes the launcher. Standard library only."""

import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import venv
from contextlib import suppress
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "install.log"
STAMP = VENV / "installed.json"
FILES = ["requirements.txt", "requirements-local.txt"]


def missing(files: list[str]) -> dict[str, str]:
    """Return the requirement files, with their hashes, that .venv does not hold as they now are."""
    stamp: dict[str, str] = {}
    with suppress(OSError, ValueError):
        stamp = json.loads(STAMP.read_text())
    wanted = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in files}
    return {name: value for name, value in wanted.items() if stamp.get(name) != value}


def works() -> bool:
    """Say whether .venv has a Python that runs and a pip; a killed run may have left half of one."""
    with suppress(OSError):
        return subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL) == 0  # noqa: S603
    return False


def install(changed: dict[str, str]) -> None:
    """Install the changed files, showing how far pip has got; exit with one sentence when it fails."""
    pins = {pin for name in changed for pin in re.findall(r"^\S+==", (ROOT / name).read_text(), re.M)}
    command = [str(PYTHON), "-m", "pip", "install", "--require-hashes", "--progress-bar", "off"]
    for name in changed:
        command += ["-r", name]
    with LOG.open("w") as log:
        log.write(" ".join(command) + "\n")
        pip = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603
        show(pip, log, total=len(pins))
    if pip.wait() != 0:
        sys.exit(f"The requirements could not be installed (no network?); what pip said is in {LOG}.")
    stamp = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    draft = STAMP.with_suffix(".new")
    draft.write_text(json.dumps(stamp | changed))
    draft.replace(STAMP)


def show(pip: "subprocess.Popen[str]", log: TextIO, *, total: int) -> None:
    """Copy pip's output to the log and turn it into one line of progress (a line now and then in a file)."""
    live = sys.stdout.isatty()
    seen, shown = 0, 0.0
    for line in pip.stdout or []:
        log.write(line)
        seen += line.startswith(("Collecting ", "Requirement already satisfied"))
        unpacking = line.startswith("Installing collected")
        if unpacking or time.monotonic() - shown > (0.2 if live else 10):
            shown = time.monotonic()
            state = "unpacking, half a minute" if unpacking else f"{min(seen, total)} of {total}"
            print(f"\rInstalling the requirements: {state} ...  ", end="" if live else "\n", flush=True)  # noqa: T201
    print(flush=True)  # noqa: T201


def main(arguments: list[str]) -> None:
    """Install what `arguments[0]` needs, under a lock that ends with this process; then run the launcher."""
    # The benches and the mutation run are modules of the tests, and make their people as these do.
    tested = arguments[0] == "test" or any(each.startswith("tests.") for each in arguments)
    files = [*FILES, "requirements-dev.txt"] if tested else FILES
    try:
        if missing(files) or not PYTHON.exists():
            # Never closed before exec, which closes it: the lock ends with this process, however it ends.
            fcntl.flock(os.open(ROOT, os.O_RDONLY), fcntl.LOCK_EX)
            if not works():
                print("Making .venv ...", flush=True)  # noqa: T201
                venv.create(VENV, with_pip=True, clear=True, symlinks=True)
            if changed := missing(files):
                install(changed)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(f"Rekindle could not make {VENV}: {reason}.")
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "-m", "config.local", *arguments])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
