"""From a TOML file to a checked Instrument. Whatever is unknown, missing or inconsistent is refused."""

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from assessments.enums import LicenceClass, MissingRule, ScoreMethod, Worsening
from assessments.instruments.definition import (
    AnswerSet,
    AppliesWhen,
    AskedWhen,
    Band,
    Condition,
    CrisisRule,
    Finding,
    Instrument,
    Item,
    Level,
    Licence,
    Minimum,
    Recall,
    Scale,
)
from assessments.instruments.lines import line_of
from assessments.instruments.tables import InstrumentError, Table

T = TypeVar("T")

_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LOINC = re.compile(r"[0-9]{1,7}-[0-9]")
_TOPIC_WORDS = 3
_ASK_FIRST = (LicenceClass.NON_COMMERCIAL, LicenceClass.PERMISSION)


@cache
def shipped() -> Mapping[str, Instrument]:
    """Return every instrument shipped, by code. Raises InstrumentError for the first unsound file."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        instrument = parse_instrument(path.read_bytes(), file=path.name)
        found[instrument.code] = instrument
    return MappingProxyType(found)


def parse_instrument(content: bytes, *, file: str) -> Instrument:
    """Read one instrument from the bytes of its file. Raises InstrumentError: file, place, line and why."""
    return read_toml(content, file=file, build=lambda top: instrument_from(top, content))


def read_toml(content: bytes, *, file: str, build: Callable[[Table], T]) -> T:
    """Return what `build` makes of a file's tables; what it refuses gets the line that it is about."""
    try:
        text = content.decode()
        top = Table(tomllib.loads(text), file=file)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InstrumentError(file, "syntax", str(error)) from error
    try:
        return build(top)
    except InstrumentError as error:
        line = line_of(text, error.place, error.problem)
        raise InstrumentError(file, error.place, error.problem, line=line) from None


def instrument_from(top: Table, content: bytes) -> Instrument:
    """Return what a file's tables describe; `content` is the file that they are from."""
    loinc, loinc_source = _loinc_panel(top)
    items = _items(top)
    instrument = Instrument(
        code=_key(top, "code"),
        version=top.take("version", str),
        title=top.take("title", str),
        licence=licence_from(top.table("licence")),
        recall=_recall(top.optional_table("recall")),
        loinc=loinc,
        loinc_source=loinc_source,
        items=MappingProxyType(items),
        scales=_scales(top, items),
        findings=_findings(top),
        crisis=_crisis(top, items),
        content_sha256=hashlib.sha256(content).hexdigest(),
    )
    top.check(f"{instrument.code}.toml" == top.file, f"code {instrument.code} does not match the file's name")
    top.finish()
    _check_links(instrument, top)
    return instrument


def _key(table: Table, name: str) -> str:
    key = table.take(name, str)
    table.check(_KEY.fullmatch(key) is not None, f"{name} has to be lower case letters, digits and _")
    return key


def _loinc(table: Table, name: str = "loinc") -> str | None:
    code = table.optional(name, str)
    table.check(code is None or _LOINC.fullmatch(code) is not None, f"{name} is not a LOINC code")
    return code


def licence_from(table: Table) -> Licence:
    """Return what a table says may be done with an instrument."""
    licence = Licence(
        kind=table.choice("class", LicenceClass),
        holder=table.optional("holder", str),
        note=table.take("note", str),
        source=table.take("source", str),
        verified=table.verified(),
    )
    table.check(licence.holder is not None or licence.kind not in _ASK_FIRST, "holder is missing")
    table.finish()
    return licence


def _recall(table: Table | None) -> Recall | None:
    if table is None:
        return None
    recall = Recall(table.take("days", int), table.take("source", str), table.verified())
    table.check(recall.days > 0, "days has to be above 0")
    table.finish()
    return recall


def _loinc_panel(top: Table) -> tuple[str | None, str | None]:
    table = top.optional_table("loinc")
    if table is None:
        return None, None
    panel, source = _loinc(table, "panel"), table.take("source", str)
    table.finish()
    return panel, source


def _answer_sets(top: Table) -> dict[str, AnswerSet]:
    sets: dict[str, AnswerSet] = {}
    for table in top.tables("answers"):
        answers = AnswerSet(
            key=_key(table, "key"),
            values=tuple(table.list_of("values", int)),
            lowest=table.take("lowest", str),
            highest=table.take("highest", str),
            source=table.take("source", str),
        )
        table.check(answers.key not in sets, f"{answers.key} is defined twice")
        table.check(len(answers.values) > 1, "values has to hold at least two")
        table.check(list(answers.values) == sorted(answers.values), "values has to rise")
        table.finish()
        sets[answers.key] = answers
    return sets


def _items(top: Table) -> dict[str, Item]:
    sets = _answer_sets(top)
    items: dict[str, Item] = {}
    for table in top.tables("items"):
        item = _item(table, sets)
        table.check(item.key not in items, f"{item.key} is defined twice")
        items[item.key] = item
    top.check(bool(items), "items is missing")
    unused = sets.keys() - {item.answers.key for item in items.values()}
    top.check(not unused, f"answers that no item uses: {', '.join(sorted(unused))}")
    return items


def _item(table: Table, sets: Mapping[str, AnswerSet]) -> Item:
    answers = table.take("answers", str)
    if answers not in sets:
        table.refuse(f"answers names {answers}, which is not defined")
    item = Item(
        key=_key(table, "key"),
        topic=table.take("topic", str),
        answers=sets[answers],
        reversed=table.optional("reversed", bool) is True,
        text=table.optional("text", str),
        loinc=_loinc(table),
        asked_when=_asked_when(table.optional_table("asked_when")),
    )
    table.check(len(item.topic.split()) <= _TOPIC_WORDS, f"topic is longer than {_TOPIC_WORDS} words")
    mirrored = tuple(item.values[0] + item.values[-1] - value for value in reversed(item.values))
    table.check(not item.reversed or mirrored == item.values, "reversed needs evenly mirrored values")
    table.finish()
    return item


def _asked_when(table: Table | None) -> AskedWhen | None:
    if table is None:
        return None
    condition = AskedWhen(
        scale=table.optional("scale", str),
        item=table.optional("item", str),
        above=table.take("above", int),
        source=table.take("source", str),
    )
    table.check((condition.scale is None) != (condition.item is None), "names a scale or an item, not both")
    table.finish()
    return condition


def _scales(top: Table, items: Mapping[str, Item]) -> tuple[Scale, ...]:
    scales = tuple(_scale(table, items) for table in top.tables("scales"))
    keys = [scale.key for scale in scales]
    top.check(len(set(keys)) == len(keys), "two scales have the same key")
    return scales


def _scale(table: Table, items: Mapping[str, Item]) -> Scale:
    keys = table.list_of("items", str)
    unknown = [key for key in keys if key not in items]
    table.check(not unknown, f"items names {', '.join(unknown)}, which the instrument does not have")
    table.check(bool(keys), "items is empty")
    bands, bands_source = _bands(table.optional_table("bands"))
    scale = Scale(
        key=_key(table, "key"),
        title=table.take("title", str),
        items=tuple(items[key] for key in keys),
        method=table.choice("method", ScoreMethod),
        counts_from=table.optional("counts_from", int),
        missing=table.choice("missing", MissingRule),
        minimum=_minimum(table.table("minimum")),
        worsens=table.choice("worsens", Worsening),
        source=table.take("source", str),
        bands=bands,
        bands_source=bands_source,
        applies_when=_applies_when(table.optional_table("applies_when"), items),
        loinc=_loinc(table),
    )
    _check_minimum(scale, table)
    _check_count(scale, table)
    _check_bands(scale, table)
    table.finish()
    return scale


def _minimum(table: Table) -> Minimum:
    minimum = Minimum(table.take("answered", int), table.take("source", str), table.verified())
    table.finish()
    return minimum


def _bands(table: Table | None) -> tuple[tuple[Band, ...], str | None]:
    if table is None:
        return (), None
    bands = []
    for step in table.tables("steps"):
        bands.append(Band(lower=step.take("from", int), label=step.take("label", str)))
        step.finish()
    table.check(bool(bands), "steps is missing")
    # No "verified" here: a cut-off nobody verified would end up on a chart as a label, so it is left out.
    source = table.take("source", str)
    table.finish()
    return tuple(bands), source


def _applies_when(table: Table | None, items: Mapping[str, Item]) -> AppliesWhen | None:
    if table is None:
        return None
    gate = AppliesWhen(
        item=table.take("item", str),
        at_least=table.take("at_least", int),
        otherwise=table.optional("otherwise", int),
        source=table.take("source", str),
        verified=table.verified(),
    )
    table.finish()
    _check_threshold(table, items, gate.item, gate.at_least)
    return gate


def _findings(top: Table) -> tuple[Finding, ...]:
    findings = tuple(_finding(table) for table in top.tables("findings"))
    keys = [finding.key for finding in findings]
    top.check(len(set(keys)) == len(keys), "two findings have the same key")
    return findings


def _finding(table: Table) -> Finding:
    finding = Finding(
        key=_key(table, "key"),
        title=table.take("title", str),
        lowest=table.take("lowest", str),
        levels=tuple(_level(level) for level in table.tables("levels")),
        source=table.take("source", str),
        loinc=_loinc(table),
    )
    labels = [finding.lowest, *(level.label for level in finding.levels)]
    # Two ways to one label stand together: apart, a higher one would lie between them.
    together = [label for n, label in enumerate(labels) if n == 0 or label != labels[n - 1]]
    table.check(bool(finding.levels), "levels is missing")
    table.check(len(set(together)) == len(together), "levels with one label have to stand together")
    table.finish()
    return finding


def _level(table: Table) -> Level:
    label = table.take("label", str)
    every, some = table.tables("all"), table.tables("any")
    table.check(bool(every) != bool(some), "needs conditions in all or in any, not in both")
    level = Level(label, bool(every), tuple(_condition(each) for each in every or some))
    table.finish()
    return level


def _condition(table: Table) -> Condition:
    condition = Condition(
        item=table.optional("item", str),
        scale=table.optional("scale", str),
        at_least=table.take("at_least", int),
        unanswered_counts=table.optional("unanswered_counts", bool) is True,
    )
    table.check((condition.item is None) != (condition.scale is None), "names a scale or an item, not both")
    table.check(
        condition.item is not None or not condition.unanswered_counts, "unanswered_counts needs an item"
    )
    table.finish()
    return condition


def _crisis(top: Table, items: Mapping[str, Item]) -> tuple[CrisisRule, ...]:
    rules = []
    for table in top.tables("crisis"):
        rule = CrisisRule(
            code=_key(table, "code"),
            item=table.take("item", str),
            at_least=table.take("at_least", int),
            source=table.take("source", str),
        )
        _check_threshold(table, items, rule.item, rule.at_least)
        table.finish()
        rules.append(rule)
    return tuple(rules)


def _check_threshold(table: Table, items: Mapping[str, Item], key: str, at_least: int) -> None:
    if key not in items:
        table.refuse(f"item names {key}, which the instrument does not have")
    # A threshold outside the answers can never, or always, be met: both are slips.
    table.check(at_least in items[key].values[1:], f"at_least has to be an answer of {key} above its lowest")


def _check_minimum(scale: Scale, table: Table) -> None:
    count = len(scale.items)
    table.check(0 < scale.minimum.answered <= count, f"minimum.answered has to be between 1 and {count}")
    if scale.missing is MissingRule.COMPLETE:
        table.check(scale.minimum.answered == count, f"missing = complete needs minimum.answered = {count}")
    else:
        table.check(scale.method is ScoreMethod.MEAN, "missing = mean_of_answered needs method = mean")


def _check_count(scale: Scale, table: Table) -> None:
    counts = scale.method is ScoreMethod.COUNT
    table.check(
        counts == (scale.counts_from is not None), "counts_from belongs to method = count, and only there"
    )
    # An answer from which all or none count is a slip.
    sound = all(scale.counts_from in item.values[1:] for item in scale.items)
    table.check(not counts or sound, "counts_from has to be an answer of every item above its lowest")


def _check_bands(scale: Scale, table: Table) -> None:
    """A band ends where the next begins: bounds that rise from the lowest value leave no gap or overlap."""
    if not scale.bands:
        return
    lowest, highest = value_range(scale)
    bounds = [band.lower for band in scale.bands]
    labels = {band.label for band in scale.bands}
    table.check(bounds[0] == lowest, f"the first band has to begin at {lowest}")
    table.check(all(a < b for a, b in pairwise(bounds)), "bands have to rise")
    table.check(bounds[-1] <= highest, f"the last band begins above {highest}, the highest value")
    table.check(len(labels) == len(bounds), "two bands have the same label")


def value_range(scale: Scale) -> tuple[int, int]:
    """Return the lowest and the highest value that a scale can have."""
    if scale.method is ScoreMethod.COUNT:
        return 0, len(scale.items)
    lowest = [min(item.values) for item in scale.items]
    highest = [max(item.values) for item in scale.items]
    if scale.method is ScoreMethod.SUM:
        return sum(lowest), sum(highest)
    return min(lowest), max(highest)


def _only_adds_up(scale: Scale) -> bool:
    return scale.method is ScoreMethod.SUM and all(item.values[0] >= 0 for item in scale.items)


def _check_links(instrument: Instrument, top: Table) -> None:
    top.check(bool(instrument.scales or instrument.findings), "scales is missing")
    _check_asked_when(instrument, top)
    _check_findings(instrument, top)
    used = {item.key for scale in instrument.scales for item in scale.items}
    used |= {scale.applies_when.item for scale in instrument.scales if scale.applies_when}
    used |= {condition.item for condition in _conditions(instrument) if condition.item}
    idle = [key for key, item in instrument.items.items() if key not in used and item.asked_when is None]
    top.check(not idle, f"items that nothing uses: {', '.join(idle)}")
    parts: list[Item | Scale | Finding] = [
        *instrument.items.values(),
        *instrument.scales,
        *instrument.findings,
    ]
    coded = [instrument.loinc, *(part.loinc for part in parts)]
    top.check(not any(coded) or instrument.loinc_source is not None, "LOINC codes need loinc.source")


def _check_asked_when(instrument: Instrument, top: Table) -> None:
    scales = {scale.key: scale for scale in instrument.scales}
    for item in instrument.items.values():
        when = item.asked_when
        if when is None:
            continue
        if when.item is not None:
            asking = instrument.items.get(when.item)
            # A chain, or an item that asks for itself, would never be asked from an empty form.
            sound = asking is not None and asking.asked_when is None
            sound = sound and when.above in instrument.items[when.item].values[:-1]
            top.check(
                sound, f"{item.key}: asked_when has to name an unconditional item and one of its answers"
            )
            continue
        scale = scales.get(when.scale or "")
        # Without negative answers a partial sum above the limit stays above it, so it can decide early.
        top.check(
            scale is not None and _only_adds_up(scale) and item not in scale.items,
            f"{item.key}: asked_when has to name a sum scale without negative answers and without {item.key}",
        )


def _check_findings(instrument: Instrument, top: Table) -> None:
    scales = {scale.key: scale for scale in instrument.scales}
    for condition in _conditions(instrument):
        if condition.item is not None:
            item = instrument.items.get(condition.item)
            sound = item is not None and condition.at_least in item.values[1:]
        else:
            scale = scales.get(condition.scale or "")
            lowest, highest = value_range(scale) if scale else (0, 0)
            sound = lowest < condition.at_least <= highest
        named = condition.item or condition.scale
        top.check(sound, f"findings: {named} is not there, or can never or always be {condition.at_least}")


def _conditions(instrument: Instrument) -> list[Condition]:
    levels = [level for finding in instrument.findings for level in finding.levels]
    return [condition for level in levels for condition in level.conditions]
