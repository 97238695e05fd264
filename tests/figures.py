"""What tests measure: docs/figures.tsv holds what it may be, .rekindle/figures.jsonl what it was."""

import csv
import json
import operator
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMITS = ROOT / "docs" / "figures.tsv"
RECORDED = ROOT / ".rekindle" / "figures.jsonl"
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
}


@dataclass(frozen=True)
class Limit:
    """What one figure may be."""

    op: str
    limit: float

    def holds(self, value: float) -> bool:
        """Tell whether `value` is within it."""
        return COMPARISONS[self.op](value, self.limit)


def limits() -> dict[str, Limit]:
    """Return the limit of every figure, by its id."""
    with LIMITS.open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["id"]: Limit(op=row["op"], limit=float(row["limit"])) for row in rows}


def record(figure: str, value: float, *, seed: int | None = None) -> None:
    """Write down what a test has measured, with the command that measures it again.

    Raises `KeyError` for an id that docs/figures.tsv doesn't have. A value beyond its limit is written all
    the same, then fails the test that measured it.
    """
    limit = limits()[figure]
    test = os.environ["PYTEST_CURRENT_TEST"].rsplit(" ", 1)[0]
    line = {
        "id": figure,
        "value": value,
        "seed": seed,
        "command": f"bin/test --full '{test}'",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    RECORDED.parent.mkdir(exist_ok=True)
    # One write of one line: tests in other processes append to the same file.
    with RECORDED.open("a") as file:
        file.write(json.dumps(line) + "\n")
    assert limit.holds(value), f"{figure} is {value}, not {limit.op} {limit.limit:g}"


def faults(recorded: str) -> list[str]:
    """Return what is wrong with recorded lines: an unknown id, or a newest value beyond its limit."""
    known = limits()
    newest = {line["id"]: line["value"] for line in map(json.loads, recorded.splitlines())}
    found = [f"{figure}: not in {LIMITS.name}" for figure in newest if figure not in known]
    return found + [
        f"{figure}: {value} is not {known[figure].op} {known[figure].limit:g}"
        for figure, value in newest.items()
        if figure in known and not known[figure].holds(value)
    ]
