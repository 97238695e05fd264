"""The papers say what the code says."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.guards import ROOT

ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \| (.+) \|$", re.M)


def variables_read(source: str) -> dict[str, bool]:
    """Every variable that settings read by `env.kind("NAME", default=…)`, and whether it has to be set."""
    found: dict[str, bool] = {}
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if isinstance(call.func.value, ast.Name) and call.func.value.id == "env":
            required = not any(keyword.arg == "default" for keyword in call.keywords)
            name = str(ast.literal_eval(call.args[0]))
            # A second look, as another variable's default, does not make it optional.
            found[name] = required or found.get(name, False)
    return found


def variables_documented(page: str) -> dict[str, bool]:
    section = page.split("## Read by `config/settings.py`")[1].split("\n## ")[0]
    return {name: default == "required" for name, default, _ in ROW.findall(section)}


def settings() -> str:
    return (ROOT / "config" / "settings.py").read_text()


def page() -> str:
    return (ROOT / "docs" / "settings.md").read_text()


def test_every_setting_is_documented_and_no_other() -> None:
    assert variables_documented(page()) == variables_read(settings())


@pytest.mark.parametrize(
    ("source", "documented"),
    [
        (settings() + '\nenv.str("NEW", default="")\n', page()),
        (settings(), page().replace("| `DEBUG` |", "| `DEBUGGING` |")),
        (settings(), page().replace("| `SECRET_KEY` | required |", "| `SECRET_KEY` | empty |")),
    ],
    ids=["not documented", "gone from the code", "called optional"],
)
def test_a_difference_in_the_settings_is_seen(source: str, documented: str) -> None:
    assert variables_documented(documented) != variables_read(source)


def test_the_settings_are_read_in_no_other_way() -> None:
    assert "environ[" not in settings()
    assert "getenv" not in settings()


def adr_faults(papers: Mapping[str, str]) -> list[str]:
    found = []
    for number, (name, text) in enumerate(papers.items(), start=1):
        if not name.startswith(f"{number:04}-") or not text.startswith(f"# {number:04}. "):
            found.append(f"{name}: is number {number}")
        if re.findall(r"^## (.+)$", text, re.M) != ["Context", "Decision", "Consequences"]:
            found.append(f"{name}: has other parts than context, decision and consequences")
    return found


def test_decisions_are_numbered_and_of_one_shape() -> None:
    assert adr_faults({path.name: path.read_text() for path in ADRS}) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("0003-late.md", "# 0003. Late\n\n## Context\n\n## Decision\n\n## Consequences\n"),
        ("0001-vague.md", "# 0001. Vague\n\n## Context\n\n## Consequences\n"),
    ],
)
def test_a_decision_of_another_shape_is_seen(name: str, text: str) -> None:
    assert len(adr_faults({name: text})) == 1


def links(text: str) -> list[str]:
    """Every path of ours that a paper names: in backticks, with a slash, or a relative link."""
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)+/?)`", text)
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    return named + linked


PAPERS = [*ADRS, *(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
NOT_FILES = ("application/", ".rekindle/", "docs/problems/")


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.name)
def test_every_file_that_a_paper_names_exists(path: Path) -> None:
    named = [link for link in links(path.read_text()) if not link.startswith(NOT_FILES)]
    assert [link for link in named if not any((base / link).exists() for base in (ROOT, ROOT / "docs"))] == []


def test_a_file_that_is_gone_is_seen() -> None:
    assert links("See `core/gone.py` and [this](docs/gone.md).") == ["core/gone.py", "docs/gone.md"]
