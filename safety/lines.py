"""Whom somebody in danger calls where they are: data, never a number of another country."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

SHIPPED = Path(__file__).with_name("lines.toml")
_PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_NUMBER = re.compile(r"\+?[0-9][0-9 -]{1,19}")
_KEYS = {"emergency", "crisis", "crisis_takes_texts", "source"}


class LinesError(ValueError):
    """A file of lines says something that cannot be called."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The emergency number of a place, and its crisis line, empty where we know none."""

    emergency: str
    crisis: str
    crisis_takes_texts: bool


def lines_at(country: str, state: str, *, file: str) -> Lines | None:
    """Return the lines of a place, or `None` where nobody has named any; `file` is the clinic's own, if any.

    Those of a part of a country come before the country's, the clinic's before ours.
    """
    known = _known(file)
    return known.get(f"{country}-{state}") or known.get(country)


@lru_cache(maxsize=4)
def _known(file: str) -> Mapping[str, Lines]:
    own = parse_lines(Path(file).read_text(encoding="utf-8")) if file else {}
    return MappingProxyType(parse_lines(SHIPPED.read_text(encoding="utf-8")) | own)


def parse_lines(text: str) -> dict[str, Lines]:
    """Read a file of lines. Raises `LinesError` naming the place."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LinesError(str(error)) from None
    return {place: _lines(place, table) for place, table in said.items()}


def _lines(place: str, table: Any) -> Lines:
    if not isinstance(table, dict) or not _PLACE.fullmatch(place):
        raise LinesError(
            f"{place}: name a country as US, or a part of one as US-NY, and what is called there"
        )
    for key in sorted(set(table) - _KEYS):
        raise LinesError(f"{place}.{key}: is not known")
    for key in ("emergency", "source"):
        if not table.get(key):
            raise LinesError(f"{place}.{key}: is missing")
    for key in {"emergency", "crisis"} & set(table):
        number = table[key]
        if not isinstance(number, str) or not _NUMBER.fullmatch(number):
            raise LinesError(f"{place}.{key}: has to be a number to call, as a text")
    takes_texts = table.get("crisis_takes_texts", False)
    if not isinstance(takes_texts, bool):
        raise LinesError(f"{place}.crisis_takes_texts: true or false")
    return Lines(table["emergency"], table.get("crisis", ""), takes_texts)
