"""What an instrument is, once its file has been read and found sound."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assessments.enums import LicenceClass, MissingRule, ScoreMethod, Worsening


@dataclass(frozen=True, slots=True)
class Licence:
    """What may be done with the instrument, and what still has to be confirmed with its owner."""

    kind: LicenceClass
    note: str
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Recall:
    """How far back the questions look, in days."""

    days: int
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """The answers items can share: whole numbers in rising order, the two ends named in our own words."""

    key: str
    values: tuple[int, ...]
    lowest: str
    highest: str
    source: str


@dataclass(frozen=True, slots=True)
class AskedWhen:
    """The item is due only once the answers of a scale add up to more than `above`."""

    scale: str
    above: int
    source: str


@dataclass(frozen=True, slots=True)
class Item:
    """One question: its topic in our own words, never the instrument's.

    `text` is set only where the question is ours (a gate before a scale), not the instrument's.
    """

    key: str
    topic: str
    answers: AnswerSet
    reversed: bool
    text: str | None
    loinc: str | None
    asked_when: AskedWhen | None

    @property
    def values(self) -> tuple[int, ...]:
        """Return the answers that may be given, in rising order."""
        return self.answers.values

    def contribution(self, answer: int) -> int:
        """Return what an answer adds to its scale: itself, or mirrored on the range when reversed."""
        return self.values[0] + self.values[-1] - answer if self.reversed else answer


@dataclass(frozen=True, slots=True)
class Band:
    """A named stretch of a scale: from `lower` up to the next band's `lower`, or the scale's end."""

    lower: int
    label: str


@dataclass(frozen=True, slots=True)
class Minimum:
    """How many items have to be answered before the scale has a value."""

    answered: int
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class AppliesWhen:
    """The scale applies to people who answered `item` with at least `at_least`."""

    item: str
    at_least: int
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Scale:
    """Items that make one value; `bands` is empty where no cut-off was verified."""

    key: str
    title: str
    items: tuple[Item, ...]
    method: ScoreMethod
    missing: MissingRule
    minimum: Minimum
    worsens: Worsening
    source: str
    bands: tuple[Band, ...]
    bands_source: str | None
    applies_when: AppliesWhen | None
    loinc: str | None


@dataclass(frozen=True, slots=True)
class CrisisRule:
    """One answer that has to be acted on at once, whatever the rest says."""

    code: str
    item: str
    at_least: int
    source: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """One version of a questionnaire's structure and scoring; `items` in the order they are asked.

    `content_sha256` pins the file, so that a stored score can name exactly what it was made with.
    """

    code: str
    version: str
    title: str
    licence: Licence
    recall: Recall | None
    loinc: str | None
    loinc_source: str | None
    items: Mapping[str, Item] = field(hash=False)
    scales: tuple[Scale, ...]
    crisis: tuple[CrisisRule, ...]
    content_sha256: str

    def scale(self, key: str) -> Scale:
        """Return one scale. Raises KeyError for one the instrument does not have."""
        for scale in self.scales:
            if scale.key == key:
                return scale
        raise KeyError(key)
