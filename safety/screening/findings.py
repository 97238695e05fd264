"""What one leaf of a condition found in somebody's answers or health facts, and what that is called."""

from collections.abc import Mapping
from dataclasses import dataclass

from safety.screening.answers import Answer, known_answer
from safety.screening.clinical import Listed, Measured, OneOf, Section, Trait, Unrecognised
from safety.screening.health import HealthEntry, HealthFacts
from safety.screening.looking import Plan, newest_result, newest_vital, number_of, vital_value
from safety.screening.policy import NO_ANSWER, Answered, Compare, Leaf, Policy

_TOPICS: Mapping[str, str] = {
    Section.CONDITIONS: "health problems on record",
    Section.MEDICATIONS: "medicines on record",
    Section.ALLERGIES: "allergies on record",
    Trait.PREGNANCY: "pregnancy on record",
    Trait.LACTATION: "breastfeeding on record",
    Trait.LOCATION: "where you are",
    Trait.ROUTE: "how the medicine is taken",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one question, a part of the health facts, or a quantity computed from either, said.

    `value` is None where nothing is known. `origin` names who said it: `answers`, or the sources on record.
    """

    question: str
    quantity: str | None
    value: Answer | None
    origin: str = "answers"

    def as_json(self) -> dict[str, object]:
        """Return the finding as JSON values, but for its origin."""
        value: object = list(self.value) if isinstance(self.value, tuple) else self.value
        return {"question": self.question, "quantity": self.quantity, "value": value}


def topic_of(leaf: Leaf, policy: Policy) -> str:
    """Return what a leaf is about in a person's words."""
    if isinstance(leaf, Answered):
        return next(question.topic for question in policy.questions if question.key == leaf.question)
    if isinstance(leaf, Listed | Unrecognised):
        return _TOPICS[leaf.section]
    if isinstance(leaf, OneOf):
        return _TOPICS[leaf.trait]
    return "a recent measurement" if isinstance(leaf, Measured) else "a recent questionnaire"


class Finder:
    """Finds what the leaves of one policy saw in one person."""

    def __init__(self, policy: Policy, plan: Plan, answers: Mapping[str, object], facts: HealthFacts) -> None:
        self._questions = {question.key: question for question in policy.questions}
        self._plan, self._answers, self._facts = plan, answers, facts
        self._known: dict[str, Answer | None] = {}

    def find(self, leaf: Leaf) -> Finding:
        """Return what one leaf found."""
        if isinstance(leaf, Answered):
            return self.answered(leaf)
        if isinstance(leaf, Listed | Unrecognised):
            return self._listed(leaf)
        if isinstance(leaf, OneOf):
            return Finding(leaf.trait, None, getattr(self._facts, leaf.trait), "record")
        if isinstance(leaf, Measured):
            vital = newest_vital(leaf, self._facts)
            return Finding(leaf.vital, None, vital_value(vital), "record" if vital is None else vital.source)
        result = newest_result(leaf, self._facts)
        value = None if result is None else result.value
        return Finding(
            f"{leaf.instrument}.{leaf.result}", None, value, "record" if result is None else "program"
        )

    def answered(self, leaf: Answered) -> Finding:
        """Return what one leaf found in the answers."""
        if isinstance(leaf, Compare) and leaf.quantity is not None:
            return Finding(leaf.question, leaf.quantity, number_of(leaf, self.known(leaf.question)))
        return Finding(leaf.question, None, self.said(leaf.question))

    def said(self, key: str) -> Answer | None:
        """Return what is known of the answer to a question, or the word by which it was declined."""
        said = self._answers.get(key)
        return said if isinstance(said, str) and said in NO_ANSWER else self.known(key)

    def nothing_in(self, section: Section) -> list[str] | None:
        """Return what a list shows in which nothing was found: None where nobody has recorded it."""
        return None if getattr(self._facts, section) is None else []

    def known(self, key: str) -> Answer | None:
        """Return what is known of the answer to a question."""
        if key not in self._known:
            self._known[key] = known_answer(self._questions[key], self._answers.get(key))
        return self._known[key]

    def _listed(self, leaf: Listed | Unrecognised) -> Finding:
        entries = self._plan.shelves[leaf.section].behind(leaf, self._facts)
        if entries is None:
            return Finding(leaf.section, None, None, "record")
        sources = dict.fromkeys(str(entry.source) for entry in entries)
        return Finding(leaf.section, None, tuple(map(_entry, entries)), ", ".join(sources) or "record")


def _entry(entry: HealthEntry) -> str:
    """Return one entry in a line: what it is called, how it stands, and its codes."""
    codes = (f"{coding.system} {coding.code}" for coding in entry.codings)
    return f"{entry.text} ({'; '.join((entry.status or 'status not recorded', *codes))})"
