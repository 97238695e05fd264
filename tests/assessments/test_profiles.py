"""The five burnout profiles. The norms here are made up: no real norm table is in this repository."""

from dataclasses import fields
from decimal import Decimal
from itertools import product

import pytest

from assessments.enums import Worsening
from assessments.profiles import DIMENSIONS, MAP_VERSION, UNCLASSIFIED, Boundary, NormSet, Profile, profile

MADE_UP = NormSet(
    id="made-up",
    n=1,
    source="made up for this test",
    licence="none needed: made up",
    boundaries={
        "exhaustion": Boundary(Decimal(2), Decimal(1), Decimal("0.5"), False, Worsening.UP),
        "cynicism": Boundary(Decimal(1), Decimal(1), Decimal(1), False, Worsening.UP),
        "efficacy": Boundary(Decimal(4), Decimal(1), Decimal("0.1"), False, Worsening.DOWN),
    },
)
"""Boundaries at 2.5, 2 and 4.1."""


def found(
    exhaustion: str, cynicism: str, efficacy: str, *, norms: NormSet | None = MADE_UP
) -> Profile | None:
    values = (exhaustion, cynicism, efficacy)
    return profile(dict(zip(DIMENSIONS, map(Decimal, values), strict=True)), norms=norms)


@pytest.mark.parametrize(
    ("values", "label"),
    [
        (("6", "6", "0"), "burnout"),
        (("0", "0", "6"), "engagement"),
        (("6", "0", "6"), "overextended"),
        (("0", "6", "6"), "disengaged"),
        (("0", "0", "0"), "ineffective"),
        (("6", "6", "6"), UNCLASSIFIED),
        (("6", "0", "0"), UNCLASSIFIED),
        (("0", "6", "0"), UNCLASSIFIED),
    ],
)
def test_all_eight_patterns(values: tuple[str, str, str], label: str) -> None:
    result = found(*values)
    assert result is not None
    assert (result.label, result.norms, result.map_version) == (label, "made-up", MAP_VERSION)


def test_every_pattern_of_flags_can_come_about() -> None:
    results = [found(*values) for values in product(("0", "6"), repeat=3)]
    assert len({result.flags for result in results if result}) == 8


def test_low_efficacy_is_the_bad_side() -> None:
    low, high = found("0", "0", "4.099"), found("0", "0", "4.101")
    assert low is not None
    assert high is not None
    assert (low.flags[2], high.flags[2]) == (True, False)


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("worsens", list(Worsening))
def test_the_norm_set_says_whether_the_boundary_itself_counts(inclusive: bool, worsens: Worsening) -> None:
    boundary = Boundary(Decimal(2), Decimal(1), Decimal("0.5"), inclusive, worsens)
    assert boundary.is_bad(Decimal("2.5")) is inclusive


def test_nothing_is_rounded_before_the_comparison() -> None:
    result = found("2.5004", "0", "6")
    assert result is not None
    assert result.flags == (True, False, False)


def test_without_norms_or_with_a_score_missing_there_is_no_profile() -> None:
    assert found("6", "6", "0", norms=None) is None
    assert profile({"exhaustion": Decimal(6), "cynicism": Decimal(6)}, norms=MADE_UP) is None


def test_there_is_no_total() -> None:
    assert {field.name for field in fields(Profile)} == {"flags", "label", "norms", "map_version"}
