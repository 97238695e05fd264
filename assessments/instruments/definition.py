"""What an instrument is, once its file has been read and found sound."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assessments.enums import LicenceClass, MissingRule, ScoreMethod, Worsening


@dataclass(frozen=True, slots=True)
class Licence:
    """What may be done with the instrument, and what still has to be confirmed with its owner.

    `holder` is whoever permits or forbids; None where nobody has to be asked, or nobody is known.
    """

    kind: LicenceClass
    holder: str | None
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
    """The item is due only once the answers of a scale, or the answer to one item, come to more than `above`.

    Exactly one of `scale` and `item` is set.
    """

    scale: str | None
    item: str | None
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

    @property
    def mirror(self) -> int | None:
        """Return what a reversed item's answer is taken from, or None where it counts as it is."""
        return self.values[0] + self.values[-1] if self.reversed else None

    def contribution(self, answer: int) -> int:
        """Return what an answer adds to its scale: itself, or mirrored on the range when reversed."""
        return answer if self.mirror is None else self.mirror - answer


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
    """The scale applies to people who answered `item` with at least `at_least`.

    To the others it has no value, or `otherwise` where the instrument's authors state one.
    """

    item: str
    at_least: int
    otherwise: int | None
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Scale:
    """Items that make one value; `bands` is empty where no cut-off was verified.

    `counts_from` belongs to a count: the lowest answer that counts. `parts` is the items again, as scoring
    wants them fast: each key with the item's `mirror`.
    """

    key: str
    title: str
    items: tuple[Item, ...]
    method: ScoreMethod
    counts_from: int | None
    missing: MissingRule
    minimum: Minimum
    worsens: Worsening
    source: str
    bands: tuple[Band, ...]
    bands_source: str | None
    applies_when: AppliesWhen | None
    loinc: str | None
    parts: tuple[tuple[str, int | None], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay out `parts`."""
        object.__setattr__(self, "parts", tuple((item.key, item.mirror) for item in self.items))


@dataclass(frozen=True, slots=True)
class Condition:
    """An answer, or a scale's value, of at least so much; exactly one of `item` and `scale` is set.

    With `unanswered_counts` the item's gap is read as if it were met: not knowing is not a no.
    """

    item: str | None
    scale: str | None
    at_least: int
    unanswered_counts: bool


@dataclass(frozen=True, slots=True)
class Level:
    """One way to come to a label: every condition has to be met, or, unless `every`, any."""

    label: str
    every: bool
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A label found by conditions, where adding up would say nothing; `levels` rise, the highest met counts.

    `lowest` is the label of those who meet none.
    """

    key: str
    title: str
    lowest: str
    levels: tuple[Level, ...]
    source: str
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
    findings: tuple[Finding, ...]
    crisis: tuple[CrisisRule, ...]
    content_sha256: str

    def deciding(self, when: AskedWhen) -> tuple[str, ...]:
        """Return the items whose answers added up decide whether another is asked."""
        if when.item is not None:
            return (when.item,)
        return tuple(item.key for item in self.scale(when.scale or "").items)

    def scale(self, key: str) -> Scale:
        """Return one scale. Raises KeyError for one the instrument does not have."""
        for scale in self.scales:
            if scale.key == key:
                return scale
        raise KeyError(key)
