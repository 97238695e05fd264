"""What bin/test runs, in order: every check as one printed step, stopping at the first that fails."""

import filecmp
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from config.local.processes import call
from config.local.state import ROOT, say

PYTHON = sys.executable
SCHEMA = "docs/openapi.yaml"
LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command as run; sys.exit(run())"


def run_all(environment: dict[str, str], *, pytest_arguments: list[str], full: bool) -> int:
    """Run the checks, or pytest alone when it is given arguments of its own; return the exit code."""
    marks = [] if full else ["-m", "not full"]
    if pytest_arguments:
        return _pytest(environment, [*marks, *pytest_arguments])
    drawn = Path(environment["STATE_DIR"]) / "openapi.yaml"
    manage = [PYTHON, "manage.py"]
    spectacular = [*manage, "spectacular", "--validate", "--fail-on-warn", "--file", str(drawn)]
    steps: list[tuple[str, list[str]]] = [
        ("ruff check", [PYTHON, "-m", "ruff", "check", "."]),
        ("ruff format", [PYTHON, "-m", "ruff", "format", "--check", "."]),
        ("mypy", [PYTHON, "-m", "mypy", "."]),
        ("import order", [PYTHON, "-c", LINT_IMPORTS]),
        ("migrations match models", [*manage, "makemigrations", "--check", "--dry-run"]),
        ("deployment check", [*manage, "check", "--deploy", "--fail-level", "WARNING"]),
        ("API schema without warnings", spectacular),
    ]
    for name, command in steps:
        if not _step(name, lambda command=command: _quiet(command, _production(environment))):  # type: ignore[misc]
            return 1
    if not _step("API schema as committed", lambda: _same_schema(drawn)):
        return 1
    # One more than the cores of a small machine: many of the tests wait for others, and for processes.
    code = _pytest(environment, ["-n", "3", "--dist", "worksteal", *marks])
    if not full and any("mark.full" in file.read_text() for file in (ROOT / "tests").rglob("test_*.py")):
        say("NOT RUN: tests marked `full` (bin/test --full runs them)")
    return code


def _production(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment as a clinic on the internet would have it."""
    return environment | {
        "BASE_URL": "https://clinic.example",
        "ALLOWED_HOSTS": "clinic.example",
        "DEBUG": "0",
        "WORSENING_FILE": str(ROOT / "assessments" / "worsening" / "thresholds.toml"),
    }


def _step(name: str, check: Callable[[], bool]) -> bool:
    began = time.monotonic()
    passed = check()
    say(f"{'ok    ' if passed else 'FAILED'} {name} ({time.monotonic() - began:.1f} s)")
    return passed


def _quiet(command: list[str], environment: dict[str, str]) -> bool:
    """Run a command, showing what it printed only when it fails."""
    done = subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        say(done.stdout.rstrip())
    return done.returncode == 0


def _same_schema(drawn: Path) -> bool:
    committed = ROOT / SCHEMA
    if committed.exists() and filecmp.cmp(drawn, committed, shallow=False):
        return True
    say(f"{SCHEMA} is not what the code says; look at it, then: bin/manage spectacular --file {SCHEMA}")
    return False


def _pytest(environment: dict[str, str], arguments: list[str]) -> int:
    began = time.monotonic()
    code = call([PYTHON, "-m", "pytest", *arguments], environment)
    say(f"{'ok    ' if code == 0 else 'FAILED'} pytest ({time.monotonic() - began:.1f} s)")
    return code
