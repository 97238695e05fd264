"""A FHIR Questionnaire as the words of an instrument that we know: the same one, or refused with the reason.

An item is known by its LOINC code alone, in `code` or as its `linkId`; an answer by its LOINC answer code.
Words are never compared: two publishers write one question differently, and two questions alike.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from assessments.instruments.definition import Instrument, Item
from assessments.instruments.tables import InstrumentError, Table
from assessments.instruments.wording import Wording

_LOINC = "http://loinc.org"
_DEEPEST = 10
_SAYS_NOTHING = ("display", "group")
Node = Mapping[str, object]


@cache
def answer_codes() -> Mapping[str, int]:
    """Return which answer each LOINC answer code stands for. Raises InstrumentError for an unsound file."""
    path = Path(__file__).parent.with_name("loinc_answers.toml")
    top = Table(tomllib.loads(path.read_text()), file=path.name)
    found: dict[str, int] = {}
    for table in top.tables("answers"):
        table.take("source", str)
        for value, code in enumerate(table.list_of("codes", str)):
            table.check(code not in found, f"{code} is there twice")
            found[code] = value
        table.finish()
    top.finish()
    return MappingProxyType(found)


def wording_from_fhir(instrument: Instrument, content: object, *, file: str) -> Wording:
    """Return the words that a FHIR Questionnaire (R4 or R5) has for every item and answer of `instrument`.

    Raises InstrumentError, naming the place: for another questionnaire, an item that is missing, unknown or
    there twice, or answers that are others, or are not in the file.
    """
    if not isinstance(content, Mapping) or content.get("resourceType") != "Questionnaire":
        raise InstrumentError(file, "top level", "is no FHIR Questionnaire")
    return _Reading(instrument, content, file).wording()


class _Reading:
    """One questionnaire being read."""

    def __init__(self, instrument: Instrument, content: Node, file: str) -> None:
        self.instrument, self.content, self.file = instrument, content, file
        self.by_loinc = {item.loinc: item for item in instrument.items.values() if item.loinc}

    def refuse(self, place: str, problem: str) -> NoReturn:
        raise InstrumentError(self.file, place, problem)

    def wording(self) -> Wording:
        self._check_panel()
        texts: dict[str, str] = {}
        labels: dict[str, dict[int, str]] = {}
        for place, node in self._questions(self.content, "item"):
            item = self._item(place, node)
            if item is None:
                continue
            if item.key in texts:
                self.refuse(place, f"asks {item.key} a second time")
            texts[item.key] = self._text(place, node, "text")
            held = self._labels(place, node, item)
            if labels.setdefault(item.answers.key, held) != held:
                self.refuse(place, "has other words for the same answers than an item before it")
        asked = [item.key for item in self.instrument.items.values() if item.text is None]
        if missing := [key for key in asked if key not in texts]:
            self.refuse("item", f"does not ask {', '.join(missing)}")
        return Wording(self.instrument.code, self.instrument.version, items=texts, answers=labels)

    def _check_panel(self) -> None:
        panels = set(self._codes("top level", self.content))
        if panels and self.instrument.loinc not in panels:
            self.refuse("code", f"is {', '.join(sorted(panels))}, not {self.instrument.loinc}")

    def _questions(self, node: Node, place: str, depth: int = 0) -> Iterator[tuple[str, Node]]:
        if depth > _DEEPEST:
            self.refuse(place, "is nested too deep")
        for index, inner in enumerate(self._nodes(place, node, "item")):
            here = f"{place}[{index}]"
            if inner.get("type") not in _SAYS_NOTHING:
                yield here, inner
            yield from self._questions(inner, f"{here}.item", depth + 1)

    def _item(self, place: str, node: Node) -> Item | None:
        """Return the item that a question is; `None` for what is no question of a questionnaire.

        That is what a publisher computes, or asks about the form itself: nothing to choose from.
        """
        codes = self._codes(place, node)
        link = str(node.get("linkId", "")).lstrip("/")
        found = [self.by_loinc[code] for code in (*codes, link) if code in self.by_loinc]
        if found:
            return found[0]
        if node.get("type") in ("choice", "coding", "open-choice"):
            self.refuse(place, f"has no LOINC code of an item of {self.instrument.code}, as {link!r} is none")
        return None

    def _codes(self, place: str, node: Node) -> list[str]:
        codings = self._nodes(place, node, "code")
        return [str(each.get("code")) for each in codings if each.get("system") == _LOINC]

    def _labels(self, place: str, node: Node, item: Item) -> dict[int, str]:
        labels: dict[int, str] = {}
        for option in self._options(place, node):
            value = answer_codes().get(str(option.get("code")))
            if value is None or value not in item.values or value in labels:
                self.refuse(
                    place, f"has the answer {option.get('code')}, which is none of {item.answers.key}"
                )
            labels[value] = self._text(place, option, "display")
        if missing := sorted(set(item.values) - set(labels)):
            self.refuse(place, f"lacks the answer {missing[0]} of {item.answers.key}")
        return dict(sorted(labels.items()))

    def _options(self, place: str, node: Node) -> list[Node]:
        options = self._nodes(place, node, "answerOption")
        if options:
            return [self._node(f"{place}.answerOption", each.get("valueCoding")) for each in options]
        named = str(node.get("answerValueSet", ""))
        for contained in self._nodes("top level", self.content, "contained"):
            if named and named in (f"#{contained.get('id')}", contained.get("url")):
                return self._nodes(place, self._node(place, contained.get("expansion")), "contains")
        return self.refuse(place, f"has its answers elsewhere: {named or 'nowhere'}")

    def _nodes(self, place: str, node: Node, key: str) -> list[Node]:
        inner = node.get(key, [])
        if not isinstance(inner, list):
            self.refuse(place, f"{key} is no list")
        return [self._node(f"{place}.{key}", each) for each in inner]

    def _node(self, place: str, value: object) -> Node:
        if not isinstance(value, Mapping):
            self.refuse(place, "is no object")
        return value

    def _text(self, place: str, node: Node, key: str) -> str:
        text = node.get(key)
        if not isinstance(text, str) or not text.strip():
            self.refuse(place, f"has no {key}")
        return text.strip()
