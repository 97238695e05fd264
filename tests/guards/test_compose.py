"""docker-compose.yml runs what the Procfile says, and nothing of a demo."""

from typing import Any

import pytest
import yaml

from tests.guards import ROOT

NOT_HERE = {"demo"}
"""Processes that have no place where real people are."""


def procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def faults(document: dict[str, Any]) -> list[str]:
    found = []
    for name, line in procfile().items():
        service = document["services"].get(name)
        if name in NOT_HERE:
            found += [f"{name} is here"] if service else []
            continue
        # `$$` is how a compose file writes the `$` that the shell in the container sees.
        given = [part.replace("$$", "$") for part in (service or {}).get("command", [])]
        # exec, so that no shell stands between a signal and the process.
        if given != ["sh", "-c", f"exec {line}"]:
            found.append(f"{name} runs {given}")
    for name, service in document["services"].items():
        if name in procfile() and service.get("user"):
            found.append(f"{name} does not run as the image's own user")
        if name not in procfile() and service.get("user") in (None, "root", "0"):
            found.append(f"{name} runs as root")
        if {"DEMO", "DEBUG"} & set(service.get("environment", {})):
            found.append(f"{name} has a demo's environment")
        if "DATABASE_OWNER_URL" in service.get("environment", {}) and name != "release":
            found.append(f"{name} knows the owner's password")
    return found


def test_every_process_has_a_service_that_runs_the_same() -> None:
    assert faults(compose()) == []


@pytest.mark.parametrize(
    ("service", "change"),
    [
        ("web", {"command": ["sh", "-c", "exec python manage.py runserver"]}),
        ("watchdog", {"command": None}),
        ("redis", {"user": "root"}),
        ("beat", {"user": "root"}),
        ("worker", {"environment": {"DEMO": "1"}}),
        ("web", {"environment": {"DATABASE_OWNER_URL": "postgres://"}}),
        ("demo", {"command": ["sh", "-c", "python manage.py load_demo"]}),
    ],
)
def test_a_difference_is_seen(service: str, change: dict[str, Any]) -> None:
    document = compose()
    changed = document["services"].get(service, {"user": ""}) | change
    document["services"][service] = {name: value for name, value in changed.items() if value is not None}
    assert len(faults(document)) == 1


def test_the_image_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER rekindle"]
    assert lines.index("USER rekindle") > max(n for n, line in enumerate(lines) if line.startswith("COPY"))


def test_every_room_is_in_the_image() -> None:
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    rooms = {path.parent.name for path in ROOT.glob("*/apps.py")} | {"config"}
    assert {f"!{room}" for room in rooms} <= set(kept)
