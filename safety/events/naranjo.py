"""Naranjo's scale of how probable it is that a medicine did it, scored.

Clin Pharmacol Ther 1981;30:239-245, doi 10.1038/clpt.1981.154. The weights were read in a reprint of its
table (PMC5774610, table 2); the questions are named in our own words.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from safety.events.enums import NaranjoAnswer as Answer
from safety.events.enums import NaranjoCategory as Category


@dataclass(frozen=True)
class Question:
    """What is asked, and what yes and no are worth; "unknown" is worth nothing."""

    topic: str
    yes: int
    no: int


QUESTIONS: Mapping[str, Question] = {
    "1": Question("Others have described this reaction to the medicine", 1, 0),
    "2": Question("It came after the medicine was given", 2, -1),
    "3": Question("It got better when the medicine was stopped, or an antidote given", 1, 0),
    "4": Question("It came back when the medicine was given again", 2, -1),
    "5": Question("Something else could have done it by itself", -1, 2),
    "6": Question("It came back with a placebo", -1, 1),
    "7": Question("The medicine was found in blood or elsewhere at a poisonous level", 1, 0),
    "8": Question("It was stronger with more of the medicine, or weaker with less", 1, 0),
    "9": Question("The person had a like reaction to this or a similar medicine before", 1, 0),
    "10": Question("Something measurable bore it out", 1, 0),
}
LOWEST, HIGHEST = -4, 13
"""What can be reached at all, reckoned from the weights."""


def score(answers: Mapping[str, Answer]) -> int:
    """Return the sum; a question left out counts as unknown. Raises `KeyError` for one that there is not."""
    return sum(_worth(QUESTIONS[number], answer) for number, answer in answers.items())


def _worth(question: Question, answer: Answer) -> int:
    return {Answer.YES: question.yes, Answer.NO: question.no, Answer.UNKNOWN: 0}[answer]


def category(total: int) -> Category:
    """Return what a score means: 9 and more definite, 5 to 8 probable, 1 to 4 possible, less doubtful."""
    if total >= 9:
        return Category.DEFINITE
    if total >= 5:
        return Category.PROBABLE
    return Category.POSSIBLE if total >= 1 else Category.DOUBTFUL
