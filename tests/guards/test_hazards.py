"""safety/hazards.yaml says what is true: its tests exist, and what a hazard lacks is written down."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "safety" / "hazards.yaml"
GRAVE = 4
FIELDS = {"id", "hazard", "harm", "severity", "controls", "missing"}
KINDS = {"inherent", "protective", "information"}
KEPT_BY = {"application", "database", "process"}
APART = {"database", "process"}
CONTROL = {"control": "x", "kind": "protective", "kept_by": "database", "tests": ["tests/steps.py"]}


def hazards() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())
    return found


def named_in(path: Path) -> set[str]:
    """Return the tests of a file, as pytest names them behind it."""
    tree = ast.parse(path.read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    methods = {
        f"{owner.name}::{node.name}"
        for owner in classes
        for node in owner.body
        if isinstance(node, ast.FunctionDef)
    }
    return functions | methods


def exists(test: str) -> bool:
    """Tell whether there is such a test, or such a file of tests."""
    name, _, inside = test.partition("::")
    path = ROOT / name
    return path.is_file() and (not inside or inside in named_in(path))


def faults(hazard: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one hazard."""
    if set(hazard) != FIELDS or hazard["severity"] not in range(1, 6):
        yield "its fields"
        return
    for control in hazard["controls"]:
        if control["kind"] not in KINDS or control["kept_by"] not in KEPT_BY or not control["tests"]:
            yield f"the control: {control['control']}"
        named = [*control["tests"], *([control["twin"]] if "twin" in control else [])]
        yield from (f"no such test: {test}" for test in named if not exists(test))
    if not hazard["missing"]:
        yield from lacks(hazard)


def lacks(hazard: dict[str, Any]) -> Iterator[str]:
    """Yield what a hazard lacks that says it lacks nothing."""
    controls = hazard["controls"]
    if any("twin" not in control for control in controls) or not controls:
        yield "a control without a twin"
    if hazard["severity"] >= GRAVE:
        if len(controls) < 2:
            yield "a second control"
        if not any(control["kept_by"] in APART for control in controls):
            yield "a control that database or process keep"


def test_every_hazard_is_whole() -> None:
    found = hazards()
    assert [hazard["id"] for hazard in found] == [f"HZ-{number:02}" for number in range(1, len(found) + 1)]
    assert {hazard["id"]: wrong for hazard in found if (wrong := list(faults(hazard)))} == {}


@pytest.mark.parametrize(
    "spoiled",
    [
        {"controls": []},
        {"severity": 6},
        {"extra": 1},
        {"controls": [CONTROL | {"kept_by": "hope"}]},
        {"controls": [CONTROL | {"tests": []}]},
        {"controls": [CONTROL | {"tests": ["tests/no_such_file.py"]}]},
    ],
)
def test_one_that_is_not_is_seen(spoiled: dict[str, Any]) -> None:
    whole = next(hazard for hazard in hazards() if not hazard["missing"] and hazard["severity"] >= GRAVE)
    assert list(faults(whole)) == []
    assert list(faults(whole | spoiled))


@pytest.mark.parametrize("field", ["twin", "kept_by"])
def test_a_grave_one_needs_twins_and_somebody_else_to_keep_it(field: str) -> None:
    whole = next(hazard for hazard in hazards() if not hazard["missing"] and hazard["severity"] >= GRAVE)
    bare = [{key: value for key, value in control.items() if key != "twin"} for control in whole["controls"]]
    kept = [control | {"kept_by": "application"} for control in whole["controls"]]
    assert list(faults(whole | {"controls": bare if field == "twin" else kept}))
