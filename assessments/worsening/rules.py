"""When a form comes to so much worse than an earlier one that somebody looks: thresholds that are data."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

from assessments.enums import Earlier, Worsening, WorseningLevel
from assessments.instruments import Instrument, Scale, instruments
from assessments.instruments.loader import read_toml, value_range
from assessments.instruments.tables import InstrumentError, Table

SHIPPED = Path(__file__).with_name("thresholds.toml")


@dataclass(frozen=True, slots=True)
class Threshold:
    """By how many points worse than an earlier value a value has to be, for earlier values of a range."""

    level: WorseningLevel
    points: Decimal
    earlier_from: Decimal | None
    earlier_to: Decimal | None
    source: str

    def applies_to(self, earlier: Fraction) -> bool:
        """Tell whether it holds for somebody who had been there; both ends are included."""
        above = self.earlier_from is None or earlier >= Fraction(self.earlier_from)
        return above and (self.earlier_to is None or earlier <= Fraction(self.earlier_to))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """One file of them, by instrument and scale; `content_sha256` pins the file."""

    version: int
    content_sha256: str
    by_scale: Mapping[tuple[str, str], tuple[Threshold, ...]]

    def of(self, instrument: str) -> Mapping[str, tuple[Threshold, ...]]:
        """Return what one instrument has, by scale."""
        return {scale: each for (code, scale), each in self.by_scale.items() if code == instrument}


@dataclass(frozen=True, slots=True)
class Answered:
    """One submitted form's exact values by scale, as one version of its instrument scores them."""

    assessment: UUID
    submitted_at: datetime
    values: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class Worse:
    """One scale that came to worse: than which form, from what to what, by which threshold."""

    scale: str
    title: str
    level: WorseningLevel
    since: Earlier
    earlier: Answered
    earlier_value: Fraction
    value: Fraction
    threshold: Threshold


def worse(
    instrument: Instrument,
    newest: Answered,
    earlier: Sequence[Answered],
    limits: Mapping[str, Sequence[Threshold]],
) -> tuple[Worse, ...]:
    """Return what `newest` came to worse, than the first form and than the one before, oldest first.

    All of them are scored by one version. Which way is worse is the scale's own; a scale without a value in
    either form says nothing.
    """
    found = (
        _worse_on(scale, newest, earlier, limits[scale.key])
        for scale in instrument.scales
        if scale.key in limits and scale.key in newest.values
    )
    return tuple(each for scale in found for each in scale)


def level_of(found: Sequence[Worse]) -> WorseningLevel:
    """Return the gravest level of what was found."""
    return (
        WorseningLevel.HARD
        if any(each.level is WorseningLevel.HARD for each in found)
        else WorseningLevel.SOFT
    )


def _worse_on(
    scale: Scale, newest: Answered, earlier: Sequence[Answered], limits: Sequence[Threshold]
) -> Iterator[Worse]:
    value = newest.values[scale.key]
    for since, before in _compared([each for each in earlier if scale.key in each.values]):
        was = before.values[scale.key]
        by = value - was if scale.worsens is Worsening.UP else was - value
        reached = [each for each in limits if each.applies_to(was) and by >= Fraction(each.points)]
        if reached:
            gravest = max(reached, key=lambda each: each.points)
            yield Worse(scale.key, scale.title, gravest.level, since, before, was, value, gravest)


def _compared(earlier: Sequence[Answered]) -> Iterator[tuple[Earlier, Answered]]:
    if earlier:
        yield Earlier.FIRST, earlier[0]
    if len(earlier) > 1:
        yield Earlier.PREVIOUS, earlier[-1]


@cache
def thresholds(path: str) -> Thresholds:
    """Return the clinic's own thresholds, or with an empty path those that ship.

    Raises InstrumentError, with the line, for a file that is not there or unsound.
    """
    file = Path(path) if path else SHIPPED
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InstrumentError(file.name, "file", error.strerror or "cannot be read") from error
    return parse_thresholds(content, file=file.name)


def parse_thresholds(content: bytes, *, file: str) -> Thresholds:
    """Read thresholds from the bytes of their file. Raises InstrumentError: file, place, line and why."""
    digest = hashlib.sha256(content).hexdigest()
    return read_toml(content, file=file, build=lambda top: _thresholds(top, content_sha256=digest))


def _thresholds(top: Table, *, content_sha256: str) -> Thresholds:
    top.take("status", str)
    top.take("source", str)
    version = top.take("version", int)
    found: dict[tuple[str, str], tuple[Threshold, ...]] = {}
    for table in top.tables("thresholds"):
        scale = _scale(table)
        threshold = _threshold(table)
        lowest, highest = value_range(scale[1])
        table.check(threshold.points <= highest - lowest, "points is more than the whole scale")
        key = scale[0].code, scale[1].key
        found[key] = (*found.get(key, ()), threshold)
        table.check(_rises(found[key]), "a hard threshold has to be above every soft one")
        table.finish()
    top.finish()
    return Thresholds(version, content_sha256, MappingProxyType(found))


def _scale(table: Table) -> tuple[Instrument, Scale]:
    code, key = table.take("instrument", str), table.take("scale", str)
    instrument = instruments().get(code)
    if instrument is None:
        table.refuse(f"instrument {code} is not known")
    scale = next((each for each in instrument.scales if each.key == key), None)
    if scale is None:
        table.refuse(f"scale {key} is none of {code}")
    return instrument, scale


def _threshold(table: Table) -> Threshold:
    points = table.number("points")
    if points is None or points <= 0:
        table.refuse("points is missing, or not above 0")
    low, high = table.number("earlier_from"), table.number("earlier_to")
    table.check(low is None or high is None or low <= high, "earlier_from is above earlier_to")
    return Threshold(table.choice("level", WorseningLevel), points, low, high, table.take("source", str))


def _rises(limits: Sequence[Threshold]) -> bool:
    """A hard threshold that a smaller change reaches than a soft one is a slip."""
    soft = [each.points for each in limits if each.level is WorseningLevel.SOFT]
    hard = [each.points for each in limits if each.level is WorseningLevel.HARD]
    return not soft or not hard or max(soft) < min(hard)
