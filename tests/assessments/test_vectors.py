"""Every vector of an independent implementation; what isn't shipped is a data file here, and no code."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assessments.instruments import Instrument, instruments, parse_instrument
from assessments.rules import Scores, score
from tests.figures import record

HERE = Path(__file__).parent / "instruments"
RECORDS = Path(os.environ.get("REKINDLE_RECORDS", Path(__file__).parents[3] / "shared" / "real"))
VECTORS = RECORDS / "questionnaires" / "camcops_vectors_third.jsonl"
ANSWERS = {"N": 0, "Y": 1}
BANDS = {
    "NONE": "minimal",
    "MILD": "mild",
    "MODERATE": "moderate",
    "MODERATELY_SEVERE": "moderately severe",
    "SEVERE": "severe",
}
SCALES = {
    "total_score": "total",
    # Ten times the mean of ten: with every item answered that is the total.
    "clinical_score": "total",
    "num_severe": "severe",
}
DIAGNOSTIC = {"is_mds", "is_ods"}
"""Whether a syndrome would be suspected: no score, and nothing we state."""


def known() -> dict[str, Instrument]:
    """Return what ships, and what only these tests know."""
    ours = [parse_instrument(path.read_bytes(), file=path.name) for path in sorted(HERE.glob("*.toml"))]
    return dict(instruments()) | {each.code: each for each in ours}


def answers_of(vector: Mapping[str, Any]) -> dict[str, int]:
    code = vector["instrument"]
    given = {f"{code}_{n}": ANSWERS.get(each, each) for n, each in enumerate(vector["answers"], start=1)}
    return given | ({"phq9_10": vector["q10"]} if "q10" in vector else {})


def ours(scores: Scores, expected: str) -> object:
    """Return what we make of one expected value."""
    if expected == "severity":
        return scores.scale("total").band
    if expected == "num_symptomatic":
        return sum(int(scores.scale(f"symptoms_{cluster}").value or 0) for cluster in "bcde")
    return scores.scale(SCALES.get(expected, expected.removesuffix("_score"))).value


def differences(vector: Mapping[str, Any], scores: Scores) -> list[str]:
    """Return what differs, named."""
    return [
        f"{vector['instrument']} {name}: {ours(scores, name)}, not {value}"
        for name, value in vector["expected"].items()
        if name not in DIAGNOSTIC and ours(scores, name) != BANDS.get(value, value)
    ]


@pytest.mark.records
def test_every_vector_of_an_independent_implementation() -> None:
    if not VECTORS.is_file():
        pytest.skip(f"NOT RUN: no real records at {RECORDS} (set REKINDLE_RECORDS)")
    vectors = [json.loads(line) for line in VECTORS.read_text().splitlines()]
    by_code = known()
    found = [
        each
        for vector in vectors
        for each in differences(vector, score(by_code[vector["instrument"]], answers_of(vector)))
    ]
    assert len(Counter(vector["instrument"] for vector in vectors)) == 16
    record("scoring.vectors", len(vectors))
    record("scoring.differences", len(found))
    assert found == []


def test_a_wrong_reversal_would_be_seen() -> None:
    """The twin: the same comparison with one item turned the wrong way round."""
    path = HERE / "cesd.toml"
    wrong = path.read_text().replace("reversed = true\n", "", 1)
    answers = {"instrument": "cesd", "answers": [3] * 20, "expected": {"total_score": 48}}
    sound = parse_instrument(path.read_bytes(), file="cesd.toml")
    turned = parse_instrument(wrong.encode(), file="cesd.toml")
    assert differences(answers, score(sound, answers_of(answers))) == []
    assert differences(answers, score(turned, answers_of(answers))) == ["cesd total_score: 51, not 48"]


def test_none_of_them_ships() -> None:
    assert not {path.stem for path in HERE.glob("*.toml")} & set(instruments())
