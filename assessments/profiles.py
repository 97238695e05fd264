"""The burnout profile: three scores against a licensed norm set; never one total of the three."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from assessments.enums import Worsening

MAP_VERSION = "leiter-maslach-2016-1"
"""Stored beside every label: Leiter and Maslach 2016 (doi 10.1016/j.burn.2016.09.001), from the abstract."""
UNCLASSIFIED = "unclassified"
DIMENSIONS = ("exhaustion", "cynicism", "efficacy")
_NAMES = {
    (True, True, True): "burnout",
    (False, False, False): "engagement",
    (True, False, False): "overextended",
    (False, True, False): "disengaged",
    (False, False, True): "ineffective",
}


@dataclass(frozen=True, slots=True)
class Boundary:
    """What a norm sample says about one scale: its mean and spread, and how many spreads off is critical.

    `inclusive` says whether a value on the boundary counts; the licence holder's manual decides.
    """

    mean: Decimal
    sd: Decimal
    spreads: Decimal
    inclusive: bool
    worsens: Worsening

    def is_bad(self, value: Decimal) -> bool:
        """Tell whether a value is beyond the boundary, on the bad side; nothing is rounded first."""
        boundary = self.mean + self.spreads * self.sd
        if value == boundary:
            return self.inclusive
        return value > boundary if self.worsens is Worsening.UP else value < boundary


@dataclass(frozen=True, slots=True)
class NormSet:
    """A licensed norm table, by its id; none ships."""

    id: str
    n: int
    source: str
    licence: str
    boundaries: Mapping[str, Boundary]


@dataclass(frozen=True, slots=True)
class Profile:
    """The three flags in the order of `DIMENSIONS`, the label the map has for them, and what both rest on."""

    flags: tuple[bool, bool, bool]
    label: str
    norms: str
    map_version: str


def profile(scores: Mapping[str, Decimal], *, norms: NormSet | None) -> Profile | None:
    """Return the profile of three scale means, or None without all three or without a norm set.

    Efficacy runs the other way: its flag is up where it is low. Three of the eight patterns have no name in
    the published map and stay `unclassified`.
    """
    if norms is None or any(key not in scores for key in DIMENSIONS):
        return None
    exhausted, cynical, ineffective = (norms.boundaries[key].is_bad(scores[key]) for key in DIMENSIONS)
    flags = (exhausted, cynical, ineffective)
    return Profile(flags, _NAMES.get(flags, UNCLASSIFIED), norms.id, MAP_VERSION)
