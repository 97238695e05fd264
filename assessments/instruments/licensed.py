"""Instruments that are somebody's: what may be said of them ships, the rest a licence holder brings."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from assessments.enums import MissingRule, ScoreMethod, Worsening
from assessments.instruments.definition import Instrument, Licence, Scale
from assessments.instruments.loader import instrument_from, licence_from, read_toml
from assessments.instruments.tables import InstrumentError, Table

KEYS, NORMS = "keys", "norms"
"""The folders of licensed files, inside the one for holders' words."""


@dataclass(frozen=True, slots=True)
class ScaleSlot:
    """One subscale: how many items it has, and which way is worse."""

    key: str
    items: int
    worsens: Worsening


@dataclass(frozen=True, slots=True)
class Slot:
    """An instrument without its items and its key."""

    code: str
    title: str
    items: int
    values: tuple[int, ...]
    licence: Licence
    scales: tuple[ScaleSlot, ...]


@cache
def slots() -> Mapping[str, Slot]:
    """Return every slot that ships, by code. Raises InstrumentError for an unsound file."""
    found = (
        _slot(Table(tomllib.loads(path.read_text()), file=path.name))
        for path in sorted((Path(__file__).parent / "slots").glob("*.toml"))
    )
    return MappingProxyType({each.code: each for each in found})


def parse_licensed(slot: Slot, content: bytes, *, file: str) -> Instrument:
    """Read a licence holder's items and key for a slot, in the format of an instrument's file.

    It has to be the very instrument: so many items of that range, the subscales and no other, none of them a
    total, each a mean of as many items, no item in two of them or turned round. Raises InstrumentError: file,
    place, line and why.
    """
    return read_toml(content, file=file, build=lambda top: _fitting(slot, instrument_from(top, content), top))


def licensed(folder: Path | None) -> dict[str, Instrument]:
    """Return the slots that are filled from `folder`. Raises InstrumentError for a file that does not fit."""
    paths = {} if folder is None else {code: folder / KEYS / f"{code}.toml" for code in slots()}
    return {
        code: parse_licensed(slots()[code], path.read_bytes(), file=path.name)
        for code, path in paths.items()
        if path.is_file()
    }


def _slot(top: Table) -> Slot:
    top.take("source", str)
    slot = Slot(
        code=top.take("code", str),
        title=top.take("title", str),
        items=top.take("items", int),
        values=tuple(top.list_of("values", int)),
        licence=licence_from(top.table("licence")),
        scales=tuple(_scale_slot(table) for table in top.tables("scales")),
    )
    top.check(slot.items == sum(scale.items for scale in slot.scales), "items are not those of the scales")
    top.finish()
    return slot


def _scale_slot(table: Table) -> ScaleSlot:
    scale = ScaleSlot(table.take("key", str), table.take("items", int), table.choice("worsens", Worsening))
    table.finish()
    return scale


def _fitting(slot: Slot, instrument: Instrument, top: Table) -> Instrument:
    items = instrument.items.values()
    top.check(instrument.code == slot.code, f"code is not {slot.code}")
    top.check(len(items) == slot.items, f"items: {len(items)}, not {slot.items}")
    off = [item.key for item in items if item.values != slot.values or item.reversed or item.asked_when]
    top.check(
        not off, f"{', '.join(off)}: every item goes from {slot.values[0]} to {slot.values[-1]} as it is"
    )
    top.check(not instrument.findings and not instrument.crisis, "findings and crisis do not belong to it")
    expected = {scale.key: scale for scale in slot.scales}
    for place, scale in enumerate(instrument.scales):
        if problem := _misfit(scale, expected.get(scale.key)):
            raise InstrumentError(top.file, f"scales[{place}]", problem)
    lacking = expected.keys() - {scale.key for scale in instrument.scales}
    top.check(not lacking, f"scales lack {', '.join(sorted(lacking))}")
    belongs = [item.key for scale in instrument.scales for item in scale.items]
    top.check(len(set(belongs)) == len(belongs), "an item is in two scales")
    return replace(instrument, licence=slot.licence)


def _misfit(scale: Scale, expected: ScaleSlot | None) -> str:
    if expected is None:
        return f"key {scale.key} is none of its subscales; there is no total"
    if len(scale.items) != expected.items:
        return f"items: {len(scale.items)}, not {expected.items}"
    if scale.method is not ScoreMethod.MEAN or scale.missing is not MissingRule.MEAN_OF_ANSWERED:
        return "method has to be mean, and missing mean_of_answered"
    if scale.worsens is not expected.worsens:
        return f"worsens has to be {expected.worsens}"
    return "" if scale.applies_when is None else "applies_when does not belong to it"
