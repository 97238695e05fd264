"""Scores over time: each instrument and scale by itself, gaps as gaps, versions side by side."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from assessments.enums import ChangeDirection, ChangeKind, GapReason, Worsening
from assessments.instruments import instruments
from assessments.instruments.tables import Table
from assessments.schedule import Point


@dataclass(frozen=True, slots=True)
class Yardstick:
    """How many points better somebody has to be for a published figure to call it so.

    It holds for people whose first value lay between `first_from` and `first_to`, both included.
    """

    kind: ChangeKind
    points: Decimal
    first_from: Decimal | None
    first_to: Decimal | None
    source: str

    def applies_to(self, first: Decimal) -> bool:
        """Tell whether the figure was found for somebody who began there."""
        above = self.first_from is None or first >= self.first_from
        return above and (self.first_to is None or first <= self.first_to)


@dataclass(frozen=True, slots=True)
class Scored:
    """One form as far as a trend goes: when it was asked and answered, and one scoring of it.

    `scores` is what was stored, or `None` where nothing was submitted; `rescored_at` is when a later file
    of the instrument scored it anew.
    """

    assessment: UUID
    instrument: str
    version: str
    point: Point
    due_at: datetime
    submitted_at: datetime | None
    is_late: bool
    rescored_at: datetime | None
    scores: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One value, or why there is none; never nought in place of a gap."""

    assessment: UUID
    point: Point
    due_at: datetime
    submitted_at: datetime | None
    is_late: bool
    rescored_at: datetime | None
    value: Decimal | None
    band: str | None
    missing: str | None


@dataclass(frozen=True, slots=True)
class Reached:
    """Whether a published figure is reached since the first value; `None` where it says nothing."""

    yardstick: Yardstick
    reached: bool | None


@dataclass(frozen=True, slots=True)
class Change:
    """How the newest value differs from an earlier one, and whether that is better for this scale."""

    since: UUID
    difference: Decimal
    direction: ChangeDirection | None


@dataclass(frozen=True, slots=True)
class ScaleTrend:
    """One scale's values, oldest first, with the change since the first and since the one before.

    `from_first` and `from_previous` are `None` with fewer than two values; `worsens` is `None` for a scale
    that only a former version had.
    """

    key: str
    title: str
    worsens: Worsening | None
    points: tuple[TrendPoint, ...]
    from_first: Change | None
    from_previous: Change | None
    yardsticks: tuple[Reached, ...]


@dataclass(frozen=True, slots=True)
class InstrumentTrend:
    """What one version of one instrument measured."""

    instrument: str
    version: str
    title: str
    scales: tuple[ScaleTrend, ...]


@cache
def yardsticks() -> Mapping[tuple[str, str], tuple[Yardstick, ...]]:
    """Return the published figures by instrument and scale. Raises InstrumentError for an unsound file."""
    path = Path(__file__).with_name("changes.toml")
    return parse_changes(tomllib.loads(path.read_text()), file=path.name)


def parse_changes(
    values: Mapping[str, object], *, file: str
) -> Mapping[tuple[str, str], tuple[Yardstick, ...]]:
    """Check the table of figures; raises InstrumentError naming file and place."""
    top = Table(values, file=file)
    found: dict[tuple[str, str], list[Yardstick]] = {}
    for table in top.tables("changes"):
        instrument, scale = table.take("instrument", str), table.take("scale", str)
        table.check(_has(instrument, scale), f"there is no scale {scale} of {instrument}")
        kind = table.choice("kind", ChangeKind)
        points = table.number("points")
        table.check(points is not None and points > 0, "points is missing, or not above 0")
        yardstick = Yardstick(
            kind,
            points or Decimal(0),
            table.number("first_from"),
            table.number("first_to"),
            table.take("source", str),
        )
        table.finish()
        found.setdefault((instrument, scale), []).append(yardstick)
    top.finish()
    return MappingProxyType({key: tuple(each) for key, each in found.items()})


def trends(forms: Iterable[Scored]) -> tuple[InstrumentTrend, ...]:
    """Return what each version of each instrument measured, from forms in the order in which they were due.

    A form that nobody submitted stands in the version that asked for it.
    """
    by_version: dict[tuple[str, str], list[Scored]] = {}
    for form in forms:
        by_version.setdefault((form.instrument, form.version), []).append(form)
    return tuple(
        _instrument_trend(code, version, each) for (code, version), each in sorted(by_version.items())
    )


def change(before: TrendPoint, after: TrendPoint, *, worsens: Worsening | None) -> Change | None:
    """Return how a value changed, or `None` where there is none; which way is better is the scale's own."""
    if before.value is None or after.value is None:
        return None
    difference = after.value - before.value
    return Change(before.assessment, difference, _direction(difference, worsens))


def _direction(difference: Decimal, worsens: Worsening | None) -> ChangeDirection | None:
    if difference == 0:
        return ChangeDirection.SAME
    if worsens is None:
        return None
    is_worse = (difference > 0) == (worsens is Worsening.UP)
    return ChangeDirection.WORSE if is_worse else ChangeDirection.BETTER


def _has(instrument: str, scale: str) -> bool:
    return instrument in instruments() and scale in {each.key for each in instruments()[instrument].scales}


def _instrument_trend(code: str, version: str, forms: Sequence[Scored]) -> InstrumentTrend:
    instrument = instruments()[code]
    stored = [scale["key"] for form in forms if form.scores for scale in form.scores["scales"]]
    # Before anything is submitted the scales are those to come; a former version's are as it stored them.
    shipped = [scale.key for scale in instrument.scales] if version == instrument.version else []
    scales = tuple(_scale_trend(code, key, forms) for key in dict.fromkeys([*shipped, *stored]))
    return InstrumentTrend(code, version, instrument.title, scales)


def _scale_trend(code: str, key: str, forms: Sequence[Scored]) -> ScaleTrend:
    scale = next((each for each in instruments()[code].scales if each.key == key), None)
    worsens = scale.worsens if scale else None
    points = tuple(_point(form, key) for form in forms)
    values = [point for point in points if point.value is not None]
    pair = (values[0], values[-1]) if len(values) > 1 else None
    return ScaleTrend(
        key=key,
        title=scale.title if scale else key,
        worsens=worsens,
        points=points,
        from_first=change(*pair, worsens=worsens) if pair else None,
        from_previous=change(values[-2], values[-1], worsens=worsens) if pair else None,
        yardsticks=tuple(_reached(each, pair, worsens) for each in yardsticks().get((code, key), ())),
    )


def _point(form: Scored, key: str) -> TrendPoint:
    scale = next((each for each in (form.scores or {"scales": []})["scales"] if each["key"] == key), None)
    value, missing = _value(form, scale)
    return TrendPoint(
        assessment=form.assessment,
        point=form.point,
        due_at=form.due_at,
        submitted_at=form.submitted_at,
        is_late=form.is_late,
        rescored_at=form.rescored_at,
        value=value,
        band=scale["band"] if scale and value is not None else None,
        missing=missing,
    )


def _value(form: Scored, scale: Mapping[str, Any] | None) -> tuple[Decimal | None, str | None]:
    """Return a value, or why there is none: exactly one of the two."""
    if form.scores is None:
        return None, GapReason.NOT_ANSWERED
    if scale is None:
        return None, GapReason.NOT_MEASURED
    if scale["value"] is None:
        return None, scale["reason"]
    return Decimal(str(scale["value"])), None


def _reached(
    yardstick: Yardstick, pair: tuple[TrendPoint, TrendPoint] | None, worsens: Worsening | None
) -> Reached:
    """Compare the change since the first value with a figure; all of them are about improvement."""
    if pair is None or worsens is None or pair[0].value is None or pair[1].value is None:
        return Reached(yardstick, None)
    if not yardstick.applies_to(pair[0].value):
        return Reached(yardstick, None)
    difference = pair[1].value - pair[0].value
    improved_by = -difference if worsens is Worsening.UP else difference
    return Reached(yardstick, improved_by >= yardstick.points)
