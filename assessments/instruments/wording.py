"""The slot for an instrument's own words, filled by whoever may show them; nothing is shipped in it."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assessments.instruments.definition import AnswerSet, Instrument, Item
from assessments.instruments.tables import InstrumentError, Table

_LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Wording:
    """A licence holder's words for one version of one instrument: item texts and answer labels."""

    instrument: str
    version: str
    items: Mapping[str, str] = field(hash=False)
    answers: Mapping[str, Mapping[int, str]] = field(hash=False)


def load_wording(instrument: Instrument, folder: Path) -> Wording | None:
    """Read `<code>.toml` or `<code>.json` from the licence holder's folder, or None where there is neither.

    The file names `instrument` and `version`, gives a text for every item that is not ours, and a label
    for every answer. Raises InstrumentError naming file and place for anything missing or unknown.
    """
    paths = [folder / f"{instrument.code}{ending}" for ending in (".toml", ".json")]
    found = [path for path in paths if path.exists()]
    if not found:
        return None
    if len(found) > 1:
        raise InstrumentError(found[0].name, "folder", f"{found[1].name} is there too; keep one")
    top = _read(found[0])
    named = (top.take("instrument", str), top.take("version", str))
    top.check(named == (instrument.code, instrument.version), f"is for {' '.join(named)}")
    wording = Wording(*named, items=_item_texts(instrument, top), answers=_answer_labels(instrument, top))
    top.finish()
    return wording


def item_text(item: Item, wording: Wording | None) -> str:
    """Return what to show for an item: the holder's words, else our own question, else its topic."""
    held = wording.items.get(item.key) if wording else None
    return held or item.text or item.topic


def answer_labels(item: Item, wording: Wording | None) -> dict[int, str]:
    """Return a label per answer: the holder's words, else ours for both ends and bare numbers between."""
    held = wording.answers.get(item.answers.key) if wording else None
    if held:
        return dict(held)
    labels = {value: str(value) for value in item.values}
    labels[item.values[0]], labels[item.values[-1]] = item.answers.lowest, item.answers.highest
    return labels


def _read(path: Path) -> Table:
    try:
        text = path.read_bytes().decode()
        values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InstrumentError(path.name, "syntax", str(error)) from error
    if type(values) is not dict:
        raise InstrumentError(path.name, "top level", "has to be a table")
    return Table(values, file=path.name)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key appears twice")
    return members


def _item_texts(instrument: Instrument, top: Table) -> dict[str, str]:
    table = top.table("items")
    texts = {}
    for item in instrument.items.values():
        # A question of our own may be reworded, for another language say, but needn't be.
        text = table.take(item.key, str) if item.text is None else table.optional(item.key, str)
        if text is not None:
            texts[item.key] = _short(text, table)
    table.finish()
    return texts


def _answer_labels(instrument: Instrument, top: Table) -> dict[str, dict[int, str]]:
    table = top.table("answers")
    labels = {}
    needed = {item.answers.key for item in instrument.items.values() if item.text is None}
    for answers in {item.answers.key: item.answers for item in instrument.items.values()}.values():
        inner = table.table(answers.key) if answers.key in needed else table.optional_table(answers.key)
        if inner is not None:
            labels[answers.key] = _labels(answers, inner)
    table.finish()
    return labels


def _labels(answers: AnswerSet, table: Table) -> dict[int, str]:
    labels = {value: _short(table.take(str(value), str), table) for value in answers.values}
    table.finish()
    return labels


def _short(text: str, table: Table) -> str:
    table.check(len(text) <= _LONGEST_TEXT, f"a text is longer than {_LONGEST_TEXT} characters")
    table.check(text.isprintable(), "a text holds a line break or a control character")
    return text
