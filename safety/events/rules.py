"""What follows from a report of harm: whether it is serious, what it leaves open, what fits together."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from core.errors import InputError
from safety.enums import Grade, Seriousness
from safety.events.enums import EventOutcome, Flag

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


GRADES: Mapping[Grade, str] = {
    Grade.MILD: "Slight or no trouble; noticed or found, nothing had to be done.",
    Grade.MODERATE: "Little had to be done, and nothing invasive; kept from shopping or cooking.",
    Grade.SEVERE: "Serious for the body but no immediate danger to life; hospital, or kept from washing, "
    "dressing, eating without help.",
    Grade.LIFE_THREATENING: "In danger of dying; something had to be done at once.",
    Grade.DEATH: "Died of it.",
}
"""What each grade means, after the general criteria of CTCAE v5, in our own words."""


@dataclass(frozen=True)
class Weighed:
    """What an assessment says of how bad it was, as far as its parts have to fit together."""

    seriousness: frozenset[Seriousness]
    grade: Grade
    outcome: EventOutcome


def assessment_faults(weighed: Weighed) -> list[InputError]:
    """Return what does not fit together: danger to life is serious, and who died has died everywhere."""
    faults = []
    if weighed.grade >= Grade.LIFE_THREATENING and not weighed.seriousness:
        detail = "Grades 4 and 5 are serious: name the criterion."
        faults.append(InputError("/seriousness", "grade_is_serious", detail))
    died = {
        weighed.grade == Grade.DEATH,
        weighed.outcome == EventOutcome.FATAL,
        Seriousness.DEATH in weighed.seriousness,
    }
    if len(died) > 1:
        detail = "Grade 5, the outcome and the criterion of death go together."
        faults.append(InputError("/outcome", "death_is_death", detail))
    return faults
