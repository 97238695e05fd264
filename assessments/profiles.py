"""The burnout profile: three scores against a licensed norm set; never one total of the three."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

from assessments.enums import Worsening
from assessments.instruments import Slot, licensed_folder, slots
from assessments.instruments.licensed import NORMS
from assessments.instruments.loader import read_toml
from assessments.instruments.tables import Table

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

    @property
    def critical(self) -> Fraction:
        """Return the value that is the boundary."""
        return Fraction(self.mean) + Fraction(self.spreads) * Fraction(self.sd)

    def is_bad(self, value: Decimal | Fraction) -> bool:
        """Tell whether a value is beyond the boundary, on the bad side; nothing is rounded first."""
        boundary, value = self.critical, Fraction(value)
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
    content_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """The three flags in the order of `DIMENSIONS`, the label the map has for them, and what both rest on."""

    flags: tuple[bool, bool, bool]
    label: str
    norms: str
    map_version: str


def profile(scores: Mapping[str, Decimal | Fraction], *, norms: NormSet | None) -> Profile | None:
    """Return the profile of three scale means, or None without all three or without a norm set.

    Efficacy runs the other way: its flag is up where it is low. Three of the eight patterns have no name in
    the published map and stay `unclassified`.
    """
    if norms is None or any(key not in scores for key in DIMENSIONS):
        return None
    exhausted, cynical, ineffective = (norms.boundaries[key].is_bad(scores[key]) for key in DIMENSIONS)
    flags = (exhausted, cynical, ineffective)
    return Profile(flags, _NAMES.get(flags, UNCLASSIFIED), norms.id, MAP_VERSION)


def norms_of(code: str) -> NormSet | None:
    """Return the licensed norm set for an instrument, or None where there is none.

    Raises InstrumentError, with the line, for a file that is malformed.
    """
    folder = licensed_folder()
    path = folder / NORMS / f"{code}.toml" if folder and code in slots() else None
    return _read(path) if path and path.is_file() else None


@cache
def _read(path: Path) -> NormSet:
    return parse_norms(slots()[path.stem], path.read_bytes(), file=path.name)


def parse_norms(slot: Slot, content: bytes, *, file: str) -> NormSet:
    """Read a norm set from the bytes of its file. Raises InstrumentError: file, place, line and why."""
    digest = hashlib.sha256(content).hexdigest()
    return read_toml(content, file=file, build=lambda top: _norms(slot, top, content_sha256=digest))


def _norms(slot: Slot, top: Table, *, content_sha256: str) -> NormSet:
    instrument = top.take("instrument", str)
    top.check(instrument == slot.code, f"instrument is {instrument}, not {slot.code}")
    norms = NormSet(
        id=top.take("id", str),
        n=top.take("n", int),
        source=top.take("source", str),
        licence=top.take("licence", str),
        boundaries={
            scale.key: _boundary(slot, top.table(scale.key), worsens=scale.worsens) for scale in slot.scales
        },
        content_sha256=content_sha256,
    )
    top.check(norms.n > 0, "n has to be above 0")
    top.finish()
    return norms


def _boundary(slot: Slot, table: Table, *, worsens: Worsening) -> Boundary:
    table.take("source", str)
    boundary = Boundary(
        mean=_needed(table, "mean"),
        sd=_needed(table, "sd"),
        spreads=_needed(table, "spreads"),
        inclusive=table.take("inclusive", bool),
        worsens=worsens,
    )
    lowest, highest = slot.values[0], slot.values[-1]
    table.check(lowest <= boundary.mean <= highest, f"mean is not between {lowest} and {highest}")
    table.check(boundary.sd > 0, "sd has to be above 0")
    # Beyond the range everybody, or nobody, would be on the bad side.
    table.check(lowest < boundary.critical < highest, "spreads lead out of the range")
    table.finish()
    return boundary


def _needed(table: Table, key: str) -> Decimal:
    value = table.number(key)
    if value is None:
        table.refuse(f"{key} is missing")
    return value
