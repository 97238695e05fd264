"""What codes mean: the list of ICD-10-CM, and a licence holder's mapping of everything that can't ship."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path

from safety.screening.health import CodeSystem, Coding, HealthEntry, HealthFacts

COLUMNS = ("system", "code", "to_system", "to_code")
_TARGETS = (CodeSystem.ICD_10_CM, CodeSystem.RXNORM, CodeSystem.MEDICINE_CLASS)
_LISTED = re.compile(r"[A-Z][0-9][0-9A-Z][0-9A-Z]{0,4}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class TerminologyError(ValueError):
    """A mapping file is not acceptable; says on which line and why."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")


@dataclass(frozen=True)
class Terminology:
    """What each code that isn't read by itself means; without a mapping, nothing."""

    meanings: Mapping[Coding, tuple[Coding, ...]]

    def meaning(self, coding: Coding) -> tuple[Coding, ...]:
        """Return what a code means in the systems that policies name; nothing where nobody knows."""
        found = self.meanings.get(coding, ())
        if coding.system == CodeSystem.ICD_10_CM and (code := icd_10_cm(coding.code)):
            return (Coding(CodeSystem.ICD_10_CM, code), *found)
        return found


NO_MAPPING = Terminology({})
"""ICD-10-CM alone."""


@lru_cache(maxsize=1)
def _icd_10_cm_codes() -> frozenset[str]:
    """Return every code and category of the list, without dots.

    From the data of the package simple-icd-10-cm (CDC/NCHS, public domain). Its module would build the whole
    tree with every note on import: seconds, and 200 MB in every process.
    """
    package = distribution("simple-icd-10-cm")
    (path,) = (file for file in package.files or () if file.match("data/code-list-*.txt"))
    return frozenset(line for line in path.read_text().split() if _LISTED.fullmatch(line))


def icd_10_cm(code: str) -> str | None:
    """Return a code or category of ICD-10-CM as its publisher writes it, None where there is no such."""
    plain = code.strip().upper().replace(".", "", 1)
    if plain not in _icd_10_cm_codes():
        return None
    return plain if len(plain) == 3 else f"{plain[:3]}.{plain[3:]}"


def read_mapping(path: Path) -> Terminology:
    """Return the terminology in a CSV file with the columns of `COLUMNS`; raises `TerminologyError`.

    A line says what a code means: an ICD-10-CM code, a RxNorm ingredient, or the key of a policy's concept
    (system `class`). A code may have several lines. What has none stays unknown.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        if tuple(next(rows, ())) != COLUMNS:
            raise TerminologyError(1, f"has to be: {','.join(COLUMNS)}")
        return _gathered(enumerate(rows, start=2))


def _gathered(rows: Iterable[tuple[int, list[str]]]) -> Terminology:
    found: dict[Coding, tuple[Coding, ...]] = {}
    for line, row in rows:
        if len(row) != len(COLUMNS) or not all(_CODE.fullmatch(cell) for cell in row):
            raise TerminologyError(line, f"has {len(COLUMNS)} cells, none of them empty")
        known, target = _coding(line, row[:2], CodeSystem), _coding(line, row[2:], _TARGETS)
        if target.system == CodeSystem.ICD_10_CM and icd_10_cm(target.code) != target.code:
            raise TerminologyError(line, f"{target.code} is no code of ICD-10-CM")
        found[known] = (*found.get(known, ()), target)
    return Terminology(found)


def _coding(line: int, cells: list[str], systems: Iterable[CodeSystem]) -> Coding:
    system, code = cells
    if system not in list(systems):
        raise TerminologyError(line, f"{system} is not one of {', '.join(systems)}")
    return Coding(CodeSystem(system), code)


def recognised(facts: HealthFacts, terminology: Terminology) -> HealthFacts:
    """Return the facts with what their codes mean; who gave meanings before has them anew."""
    return replace(
        facts,
        conditions=_read(facts.conditions, terminology),
        medications=_read(facts.medications, terminology),
        allergies=_read(facts.allergies, terminology),
    )


def _read(
    entries: tuple[HealthEntry, ...] | None, terminology: Terminology
) -> tuple[HealthEntry, ...] | None:
    if entries is None:
        return None
    return tuple(replace(entry, meanings=_meanings(entry, terminology)) for entry in entries)


def _meanings(entry: HealthEntry, terminology: Terminology) -> tuple[Coding, ...]:
    found = (meaning for coding in entry.codings for meaning in terminology.meaning(coding))
    return tuple(dict.fromkeys(found))
