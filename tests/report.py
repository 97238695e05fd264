"""Writes docs/TESTING.md: what was measured here, and first what was not (`python -m tests.report`)."""

import csv
import json
from collections.abc import Iterator
from typing import Any

from tests import figures
from tests.guards.test_hazards import hazards

OUTPUT = figures.ROOT / "docs" / "TESTING.md"
HEAD = """\
# What is tested, and what is not

Written by `python -m tests.report` from `docs/figures.tsv`, `safety/hazards.yaml` and what
`bin/test --full` has measured on this machine (`.rekindle/figures.jsonl`). Don't edit it by hand.
"""


def newest() -> dict[str, dict[str, Any]]:
    """Return the newest measurement of every figure that was measured here."""
    lines = figures.RECORDED.read_text().splitlines() if figures.RECORDED.exists() else []
    return {found["id"]: found for found in map(json.loads, lines)}


def rows() -> list[dict[str, str]]:
    """Return the figures and their limits, in their order."""
    with figures.LIMITS.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def report() -> Iterator[str]:
    """Yield the lines of the page."""
    measured = newest()
    yield HEAD
    yield "## Not measured\n"
    for row in rows():
        if row["id"] not in measured:
            yield f"- `{row['id']}` {row['op']} {row['limit']}: {row['what it counts'] or row['id']}"
    yield "\n## What a hazard still lacks\n"
    for hazard in hazards():
        for missing in hazard["missing"]:
            yield f"- {hazard['id']} ({hazard['hazard'].rstrip('.').lower()}): {missing}"
    yield "\n## Measured\n"
    yield "| figure | limit | value | when | with |"
    yield "|---|---|---:|---|---|"
    for row in rows():
        if found := measured.get(row["id"]):
            limit = f"{row['op']} {row['limit']}"
            yield f"| `{row['id']}` | {limit} | {found['value']} | {found['at']} | `{found['command']}` |"


if __name__ == "__main__":
    OUTPUT.write_text("\n".join(report()) + "\n")
