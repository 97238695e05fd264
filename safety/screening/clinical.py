"""What a rule may look at in somebody's health facts, and the concepts that give codes a name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from safety.screening.health import (
    VITAL_UNITS,
    ClinicalStatus,
    CodeSystem,
    Coding,
    Lactation,
    Pregnancy,
    Vital,
)
from safety.screening.tables import KEY, PolicyError, Table, refuse_doubles

MAX_AGE_DAYS = 3660
_ICD_10_CM = re.compile(r"[A-Z]([0-9][0-9A-Z](\.[0-9A-Z]{1,4})?)?")
_RXNORM = re.compile(r"[1-9][0-9]{0,7}")
_PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range, ends included, outside which a number can't be right."""

    minimum: float
    maximum: float

    def hold(self, value: float) -> bool:
        """Return whether the value is plausible."""
        return self.minimum <= value <= self.maximum


class Operator(StrEnum):
    """How a number is compared with its bound."""

    BELOW = "below"
    """Less than the bound."""
    AT_LEAST = "at_least"
    """The bound or more."""

    def holds(self, value: float, bound: float) -> bool:
        """Compare."""
        return value < bound if self is Operator.BELOW else value >= bound


VITAL_BOUNDS: Mapping[Vital, Bounds] = {
    Vital.SYSTOLIC: Bounds(60, 300),
    Vital.DIASTOLIC: Bounds(20, 200),
    Vital.HEART_RATE: Bounds(20, 250),
    Vital.WEIGHT: Bounds(20, 400),
}
"""What a living adult's measurement can be; anything else is a slip, and not known. Not from a source."""


class Section(StrEnum):
    """A list in somebody's health facts."""

    CONDITIONS = "conditions"
    """Every condition that was ever recorded."""
    MEDICATIONS = "medications"
    """The medicines taken now."""
    ALLERGIES = "allergies"
    """What somebody reacted to."""


class ConceptKind(StrEnum):
    """What a concept names."""

    CONDITION = "condition"
    MEDICINE = "medicine"


@dataclass(frozen=True, slots=True)
class CodeGroup:
    """Every ICD-10-CM code that begins like one of `codes` and like none of `but_not`."""

    codes: tuple[str, ...]
    but_not: tuple[str, ...]

    def means(self, code: str) -> bool | None:
        """Tell whether a code belongs; None where it is too coarse to tell."""
        if code.startswith(self.but_not):
            return False
        if code.startswith(self.codes):
            return None if any(other.startswith(code) for other in self.but_not) else True
        return None if any(other.startswith(code) for other in self.codes) else False


@dataclass(frozen=True, slots=True)
class Concept:
    """A name for codes: conditions by ICD-10-CM, medicines by RxNorm ingredient, both by their own word.

    What a licence holder's mapping calls by the concept's key belongs to it, whatever codes ship.
    """

    key: str
    kind: ConceptKind
    name: str
    groups: tuple[CodeGroup, ...]
    ingredients: frozenset[str]
    words: frozenset[str]

    def means(self, meaning: Coding) -> bool | None:
        """Tell whether something belongs to this concept; None where its code is too coarse to tell."""
        if meaning.system == CodeSystem.MEDICINE_CLASS:
            return meaning.code in self.words
        if meaning.system == CodeSystem.RXNORM:
            return meaning.code in self.ingredients
        found = {group.means(meaning.code) for group in self.groups}
        return True if True in found else None if None in found else False


@dataclass(frozen=True, slots=True)
class Listed:
    """A section has an entry that the concept names, in one of these states; none given: in any."""

    section: Section
    concept: str
    statuses: tuple[ClinicalStatus, ...]


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A section has an entry of which nobody can tell what it is."""

    section: Section


class Trait(StrEnum):
    """A single word in somebody's health facts."""

    PREGNANCY = "pregnancy"
    LACTATION = "lactation"
    LOCATION = "location"
    ROUTE = "route"


@dataclass(frozen=True, slots=True)
class OneOf:
    """The trait is one of these words."""

    trait: Trait
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """The newest measurement, at most so many days old, compares so; without an operator: there is one."""

    vital: Vital
    max_age_days: int
    operator: Operator | None
    bound: float


@dataclass(frozen=True, slots=True)
class Scored:
    """The newest result of an instrument, at most so many days old, is this word, or compares so.

    With neither word nor operator: there is such a result, known or not.
    """

    instrument: str
    result: str
    max_age_days: int
    word: str | None
    operator: Operator | None
    bound: float


ClinicalLeaf = Listed | Unrecognised | OneOf | Measured | Scored

_SECTION_OF = {
    "condition": Section.CONDITIONS,
    "medication": Section.MEDICATIONS,
    "allergy": Section.ALLERGIES,
}
_KIND_OF = {
    Section.CONDITIONS: ConceptKind.CONDITION,
    Section.MEDICATIONS: ConceptKind.MEDICINE,
    Section.ALLERGIES: ConceptKind.MEDICINE,
}
_WORDS_OF: Mapping[Trait, frozenset[str]] = {
    Trait.PREGNANCY: frozenset(Pregnancy),
    Trait.LACTATION: frozenset(Lactation),
}
LEAF_KEYS = (*_SECTION_OF, "unrecognised", *Trait, "vital", "instrument")
"""The key that a condition on health facts begins with."""


# --- concepts --------------------------------------------------------------------------------------------


def concepts(tables: list[Table]) -> dict[str, Concept]:
    """Return the concepts by key; raises PolicyError, also for one that includes itself by a detour."""
    drafts = [_Draft(table) for table in tables]
    refuse_doubles([draft.key for draft in drafts], place="concepts")
    by_key = {draft.key: draft for draft in drafts}
    return {draft.key: _gathered(draft, by_key) for draft in drafts}


class _Draft:
    """One concept as written, before what it includes is gathered."""

    def __init__(self, table: Table) -> None:
        self.place = table.place
        self.key = table.name("key", KEY)
        self.kind = table.one_of("kind", ConceptKind)
        self.name = table.text("name")
        self.icd10cm = table.names("icd10cm", _ICD_10_CM, default=())
        self.but_not = table.names("icd10cm_but_not", _ICD_10_CM, default=())
        self.rxnorm = table.names("rxnorm", _RXNORM, default=())
        self.includes = table.names("includes", KEY, default=())
        table.finish()
        self._check()

    def _check(self) -> None:
        if self.kind == ConceptKind.CONDITION and self.rxnorm:
            raise PolicyError(f"{self.place}.rxnorm", "a condition has no RxNorm code")
        if self.kind == ConceptKind.MEDICINE and self.icd10cm:
            raise PolicyError(f"{self.place}.icd10cm", "a medicine has no ICD-10-CM code")
        for index, code in enumerate(self.but_not):
            if not code.startswith(self.icd10cm) or code in self.icd10cm:
                raise PolicyError(f"{self.place}.icd10cm_but_not[{index}]", f"{code} takes nothing away")


def _gathered(draft: _Draft, by_key: Mapping[str, _Draft]) -> Concept:
    members = _members(draft, by_key, path=())
    return Concept(
        key=draft.key,
        kind=draft.kind,
        name=draft.name,
        groups=tuple(CodeGroup(each.icd10cm, each.but_not) for each in members if each.icd10cm),
        ingredients=frozenset(code for each in members for code in each.rxnorm),
        words=frozenset(each.key for each in members),
    )


def _members(draft: _Draft, by_key: Mapping[str, _Draft], *, path: tuple[str, ...]) -> list[_Draft]:
    if draft.key in path:
        raise PolicyError(f"{draft.place}.includes", f"a cycle: {' includes '.join((*path, draft.key))}")
    found = [draft]
    for index, key in enumerate(draft.includes):
        other = by_key.get(key)
        if other is None or other.kind != draft.kind:
            raise PolicyError(f"{draft.place}.includes[{index}]", f"there is no {draft.kind} {key}")
        found += _members(other, by_key, path=(*path, draft.key))
    return found


# --- conditions on health facts --------------------------------------------------------------------------


def clinical_leaf(table: Table, known: Mapping[str, Concept]) -> ClinicalLeaf:
    """Return the condition in a table that has one of `LEAF_KEYS`; raises PolicyError."""
    for key, section in _SECTION_OF.items():
        if table.has(key):
            return _listed(table, key, section, known)
    if table.has("unrecognised"):
        return Unrecognised(table.one_of("unrecognised", Section))
    for trait in Trait:
        if table.has(trait):
            return _one_of(table, trait)
    return _measured(table) if table.has("vital") else _scored(table)


def _listed(table: Table, key: str, section: Section, known: Mapping[str, Concept]) -> Listed:
    concept = table.name(key, KEY)
    if concept not in known or known[concept].kind != _KIND_OF[section]:
        table.refuse(f"there is no {_KIND_OF[section]} {concept}", key=key)
    words = table.names("status", KEY, default=())
    for index, word in enumerate(words):
        if word not in list(ClinicalStatus) or section == Section.MEDICATIONS:
            table.refuse(f"{word} is not a status of an entry in {section}", key=f"status[{index}]")
    return Listed(section, concept, tuple(ClinicalStatus(word) for word in words))


def _one_of(table: Table, trait: Trait) -> OneOf:
    words = table.names(trait, _PLACE if trait == Trait.LOCATION else KEY)
    for index, word in enumerate(words):
        if word not in _WORDS_OF.get(trait, words):
            table.refuse(f"{word} is not a word for {trait}", key=f"{trait}[{index}]")
    return OneOf(trait, words)


def _measured(table: Table) -> Measured:
    vital, days = table.one_of("vital", Vital), _days(table)
    if table.flag("recorded", default=False):
        return Measured(vital, days, None, 0)
    unit = next(iter(VITAL_UNITS[vital]))
    if table.text("unit") != unit:
        table.refuse(f"{vital} is compared in {unit}", key="unit")
    operator, bound = comparison(table, VITAL_BOUNDS[vital])
    return Measured(vital, days, operator, bound)


def _scored(table: Table) -> Scored:
    instrument, result, days = table.name("instrument", KEY), table.name("result", KEY), _days(table)
    if table.flag("taken", default=False):
        return Scored(instrument, result, days, None, None, 0)
    if table.has("is"):
        return Scored(instrument, result, days, table.name("is", KEY), None, 0)
    operator, bound = comparison(table, Bounds(-1000, 1000))
    return Scored(instrument, result, days, None, operator, bound)


def _days(table: Table) -> int:
    days = table.whole("max_age_days")
    if days > MAX_AGE_DAYS:
        table.refuse(f"{days} is outside 1 to {MAX_AGE_DAYS}", key="max_age_days")
    return days


def comparison(table: Table, plausible: Bounds) -> tuple[Operator, float]:
    """Take the one operator of a table with its bound, which has to be plausible; raises PolicyError."""
    operators = [operator for operator in Operator if table.has(operator)]
    if len(operators) != 1:
        table.refuse(f"a condition on a number has exactly one of {', '.join(Operator)}")
    bound = table.number(operators[0])
    if not plausible.hold(bound):
        said = f"{bound:g} is outside {plausible.minimum:g} to {plausible.maximum:g}"
        table.refuse(said, key=operators[0])
    return operators[0], bound
