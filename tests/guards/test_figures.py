"""What has been measured here is a known figure, within its limit."""

import json
from pathlib import Path

import pytest

from tests import figures


def test_every_recorded_figure_is_known_and_within_its_limit() -> None:
    recorded = figures.RECORDED.read_text() if figures.RECORDED.exists() else ""
    assert figures.faults(recorded) == []


@pytest.mark.parametrize(
    ("figure", "value"), [("no.such_figure", 1), ("canaries.planted", 499), ("canaries.bytes_leaked", 1)]
)
def test_an_unknown_figure_and_one_beyond_its_limit_are_seen(figure: str, value: float) -> None:
    assert len(figures.faults(json.dumps({"id": figure, "value": value}))) == 1


def test_the_newest_value_counts() -> None:
    lines = [json.dumps({"id": "hostile.server_errors", "value": value}) for value in (3, 0)]
    assert figures.faults("\n".join(lines)) == []


def test_a_figure_is_recorded_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "RECORDED", tmp_path / "figures.jsonl")
    figures.record("canaries.planted", 512, seed=7)
    line = json.loads(figures.RECORDED.read_text())
    assert (line["id"], line["value"], line["seed"]) == ("canaries.planted", 512, 7)
    assert line["command"].startswith("bin/test --full 'tests/guards/test_figures.py::")
    assert line["at"].endswith("+00:00")


def test_an_unknown_figure_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "RECORDED", tmp_path / "figures.jsonl")
    with pytest.raises(KeyError):
        figures.record("no.such_figure", 1)
    assert not figures.RECORDED.exists()


def test_a_value_beyond_its_limit_fails_where_it_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "RECORDED", tmp_path / "figures.jsonl")
    with pytest.raises(AssertionError, match=r"canaries\.bytes_leaked is 8"):
        figures.record("canaries.bytes_leaked", 8)
