"""What follows from a report of harm: whether it counts as serious, and what it leaves open."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from safety.enums import Grade, Seriousness
from safety.events.enums import Flag

AS_GIVEN = ", as it was given: "
"""Stands in a report's words before what could not be read of it."""

Answers = Mapping[Seriousness, bool | None]
"""The closed questions that were answered: yes, no, or `None`, "I don't know"."""


def is_serious(
    *,
    answered: bool | None,
    criteria: Collection[Seriousness],
    grade: Grade | None,
    answers: Answers,
) -> bool:
    """Tell whether an event counts as serious: unless somebody who knows said no, and nothing else says so.

    `answered` is the one question "was it serious?", `answers` the six behind it, `criteria` those named
    without being asked. A criterion (21 CFR 312.32(a)), a question somebody can't answer, or a grade that
    means danger to life or death (CTCAE v5, 4 and 5) outweighs a "no" (ADR 0020).
    """
    if criteria or (grade is not None and grade >= Grade.LIFE_THREATENING):
        return True
    if any(answer is not False for answer in answers.values()):
        return True
    return answered is not False and not (answered is None and set(answers) == set(Seriousness))


@dataclass(frozen=True)
class ReportFacts:
    """What a report says, as far as `flags` looks at it."""

    description: str
    onset_at: datetime | None
    ended_at: datetime | None
    reported_at: datetime
    counts_as_serious: bool
    names_why_serious: bool


def flags(facts: ReportFacts) -> tuple[Flag, ...]:
    """Return what a report leaves open, for whoever asks the reporter again."""
    return tuple(_flags(facts))


def _flags(facts: ReportFacts) -> Iterator[Flag]:
    if not facts.description.strip():
        yield Flag.NO_WORDS
    if facts.onset_at is None:
        yield Flag.NO_ONSET
    elif facts.onset_at > facts.reported_at:
        yield Flag.ONSET_TO_COME
    if facts.onset_at is not None and facts.ended_at is not None and facts.ended_at < facts.onset_at:
        yield Flag.ENDS_BEFORE_IT_BEGAN
    if facts.counts_as_serious and not facts.names_why_serious:
        yield Flag.SERIOUSNESS_OPEN
    if AS_GIVEN in facts.description:
        yield Flag.PARTLY_UNREADABLE
