"""Whether each thing that a policy looks at is so, for one person's answers and health facts.

A policy is made ready the first time it is used. Every distinct leaf of its conditions is a bit, and what was
found is a few sets of bits, so that one person costs microseconds.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypeVar, cast

from safety.screening.answers import Answer, Reading, known_answer
from safety.screening.clinical import (
    VITAL_BOUNDS,
    Concept,
    Listed,
    Measured,
    OneOf,
    Scored,
    Section,
    Unrecognised,
)
from safety.screening.health import (
    ClinicalStatus,
    Coding,
    HealthEntry,
    HealthFacts,
    InstrumentFact,
    VitalFact,
)
from safety.screening.logic import Truth, evaluate
from safety.screening.policy import (
    Answered,
    AnyOf,
    ChoiceQuestion,
    Compare,
    Is,
    Leaf,
    Level,
    Policy,
    Quantity,
    Question,
    Rule,
)

_Dated = TypeVar("_Dated", VitalFact, InstrumentFact)
_Ask = Callable[[object], tuple[int, int] | None]
"""From what was said to the leaves that hold and those left open; None where the answer is not known."""
_Look = Callable[[HealthFacts, int], bool | None]
"""From the facts, and the questions that are unanswered, to whether one leaf holds."""
_KEPT_ENTRIES = 4096
_KEPT_NUMBERS = 256


class Seen(NamedTuple):
    """Which leaves hold and which are open, as bits; the others do not hold.

    `unread` are those of the open ones that are open for want of a readable record alone: the rule on
    unrecognised entries asks for their review. `unanswered` has a bit for each question without a known
    answer.
    """

    true: int
    open: int
    unread: int
    unanswered: int


class Plan:
    """A policy made ready to look at people: a bit for each leaf and each question."""

    def __init__(self, policy: Policy) -> None:
        leaves = dict.fromkeys(leaf for rule in policy.rules for leaf in rule.leaves)
        self.bits: dict[Leaf, int] = {leaf: 1 << index for index, leaf in enumerate(leaves)}
        self.places = {question.key: 1 << index for index, question in enumerate(policy.questions)}
        self.rules = tuple(RulePlan(rule, self.bits, self.places) for rule in policy.rules)
        self._choices = tuple(
            (q.key, _by_choice(q, self._of(q)), sum(self._of(q).values()), self.places[q.key])
            for q in policy.questions
            if isinstance(q, ChoiceQuestion)
        )
        self._asks = tuple(
            (q.key, _ask(q, self._of(q)), sum(self._of(q).values()), self.places[q.key])
            for q in policy.questions
            if not isinstance(q, ChoiceQuestion)
        )
        looks = {leaf: bit for leaf, bit in self.bits.items() if isinstance(leaf, OneOf | Measured | Scored)}
        self._traits, self._vitals, self._results = (
            tuple(
                (bit, _look(leaf, self._stand_in(policy, leaf)))
                for leaf, bit in looks.items()
                if type(leaf) is kind
            )
            for kind in (OneOf, Measured, Scored)
        )
        # Without any record, "there is one" is false, and every comparison is open.
        self._unmeasured, self._unscored = (
            sum(bit for leaf, bit in looks.items() if type(leaf) is kind and _compares(leaf))
            for kind in (Measured, Scored)
        )
        self.shelves = {
            section: Shelf(section, self.bits, policy, self.places.get(policy.asked_by.get(section, ""), 0))
            for section in Section
        }

    def _of(self, question: Question) -> dict[Answered, int]:
        return {
            leaf: bit
            for leaf, bit in self.bits.items()
            if isinstance(leaf, Answered) and leaf.question == question.key
        }

    def _stand_in(self, policy: Policy, leaf: Leaf) -> int:
        """Return the place of the question that stands for what nobody has recorded; 0 where none does."""
        return self.places.get(policy.asked_by.get(leaf.trait, ""), 0) if isinstance(leaf, OneOf) else 0

    def look(self, answers: Mapping[str, object], facts: HealthFacts) -> Seen:
        """Return what holds and what is open."""
        true = left_open = unanswered = 0
        for key, table, every, place in self._choices:
            said = answers.get(key)
            holds = table.get(said) if isinstance(said, str) else None
            if holds is None:
                left_open |= every
                unanswered |= place
            else:
                true |= holds
        for key, ask, every, place in self._asks:
            found = ask(answers.get(key))
            if found is None:
                left_open |= every
                unanswered |= place
            else:
                true |= found[0]
                left_open |= found[1]
        on_record = self._look_at_record(facts, unanswered)
        true |= on_record[0]
        left_open |= on_record[1]
        unread = 0
        for shelf in self.shelves.values():
            more = shelf.read(facts, unanswered)
            true |= more[0]
            left_open |= more[1]
            unread |= more[2]
        return Seen(true, left_open, unread, unanswered)

    def _look_at_record(self, facts: HealthFacts, unanswered: int) -> tuple[int, int]:
        """Return which leaves on single facts hold, and which are open."""
        looks, true, left_open = self._traits, 0, 0
        if facts.vitals:
            looks += self._vitals
        else:
            left_open |= self._unmeasured
        if facts.instruments:
            looks += self._results
        else:
            left_open |= self._unscored
        for bit, look in looks:
            holds = look(facts, unanswered)
            if holds:
                true |= bit
            elif holds is None:
                left_open |= bit
        return true, left_open

    def is_open(self, leaf: Leaf, seen: Seen) -> bool:
        """Tell whether nobody knows if a leaf holds."""
        return bool(self.bits[leaf] & seen.open)


class RulePlan:
    """A rule with the bits of its leaves and of the questions it asks."""

    def __init__(self, rule: Rule, bits: Mapping[Leaf, int], places: Mapping[str, int]) -> None:
        self.rule = rule
        self._bits = bits
        self.mask = sum({bits[leaf] for leaf in rule.leaves})
        self.questions = sum({places[leaf.question] for leaf in rule.leaves if isinstance(leaf, Answered)})
        alternatives = rule.when.parts if isinstance(rule.when, AnyOf) else (rule.when,)
        self._is_any = all(part in bits for part in alternatives)
        self._when_nothing = self._evaluate(Seen(0, 0, 0, 0))

    def truth(self, seen: Seen) -> Truth:
        """Return whether the rule's condition holds."""
        if not (seen.true | seen.open) & self.mask:
            return self._when_nothing
        if not self._is_any:
            return self._evaluate(seen)
        return Truth.TRUE if seen.true & self.mask else Truth.UNKNOWN

    def told(self, seen: Seen) -> Truth:
        """Return whether the rule's condition holds, false too where it is open and not worth telling.

        An unknown note tells nobody anything. Nor does a rule that is open only because a record could not be
        read: the rule on unrecognised entries speaks, once for all of them.
        """
        truth = self.truth(seen)
        if truth is not Truth.UNKNOWN:
            return truth
        if self.rule.level is Level.NOTE:
            return Truth.FALSE
        as_if_nothing = self.truth(seen._replace(open=seen.open & ~seen.unread))
        return Truth.FALSE if as_if_nothing is Truth.FALSE else truth

    def _evaluate(self, seen: Seen) -> Truth:
        def found(leaf: Leaf) -> Truth:
            bit = self._bits[leaf]
            return Truth.TRUE if seen.true & bit else Truth.UNKNOWN if seen.open & bit else Truth.FALSE

        return evaluate(self.rule.when, found)


@lru_cache(maxsize=16)
def plan_of(policy: Policy) -> Plan:
    """Return the policy made ready; once for each process, because a version never changes."""
    return Plan(policy)


# --- answers ---------------------------------------------------------------------------------------------


def _ask(question: Question, leaves: Mapping[Answered, int]) -> _Ask:
    def ask(said: object) -> tuple[int, int] | None:
        answer = known_answer(question, said)
        if answer is None:
            return None
        true = left_open = 0
        for leaf, bit in leaves.items():
            holds = answer_holds(leaf, answer)
            if holds:
                true |= bit
            elif holds is None:
                left_open |= bit
        return true, left_open

    of_number = lru_cache(maxsize=_KEPT_NUMBERS)(ask)
    # By its exact type, because True is a 1 to Python and no number to us.
    return lambda said: of_number(said) if type(said) in (int, float) else ask(said)


def _by_choice(question: ChoiceQuestion, leaves: Mapping[Answered, int]) -> dict[str, int]:
    """Return the leaves that hold for each word one can choose."""
    return {
        choice.value: sum(bit for leaf, bit in leaves.items() if answer_holds(leaf, choice.value))
        for choice in question.choices
    }


def answer_holds(leaf: Answered, answer: Answer) -> bool | None:
    """Tell whether a known answer is what the leaf looks for; None where a part of it is not known."""
    if isinstance(leaf, Is):
        return answer == leaf.value
    if isinstance(leaf, Compare):
        number = number_of(leaf, answer)
        return None if number is None else leaf.operator.holds(number, leaf.bound)
    return answer != ()


def number_of(leaf: Compare, answer: Answer | None) -> float | None:
    """Return the number that is compared, None where it isn't known."""
    if isinstance(answer, tuple):
        # The parser lets no quantity be computed from anything but readings.
        return (
            None if leaf.quantity is None else _QUANTITIES[leaf.quantity](cast("tuple[Reading, ...]", answer))
        )
    return answer if isinstance(answer, int | float) else None


def _systolic(readings: tuple[Reading, ...]) -> list[float]:
    return [reading.systolic_mmhg for reading in readings]


def _diastolic(readings: tuple[Reading, ...]) -> list[float]:
    return [reading.diastolic_mmhg for reading in readings if reading.diastolic_mmhg is not None]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


_QUANTITIES: Mapping[Quantity, Callable[[tuple[Reading, ...]], float | None]] = {
    Quantity.COUNT: len,
    Quantity.MEAN_SYSTOLIC: lambda readings: _mean(_systolic(readings)),
    Quantity.MEAN_DIASTOLIC: lambda readings: _mean(_diastolic(readings)),
    Quantity.HIGHEST_SYSTOLIC: lambda readings: max(_systolic(readings), default=None),
    Quantity.HIGHEST_DIASTOLIC: lambda readings: max(_diastolic(readings), default=None),
}


# --- lists -----------------------------------------------------------------------------------------------


class Shelf:
    """One section of the health facts, and every leaf that looks at it."""

    def __init__(self, section: Section, bits: Mapping[Leaf, int], policy: Policy, stand_in: int) -> None:
        self._section = section
        self._stand_in = stand_in
        self._listed = tuple(
            (leaf, bit, policy.concepts[leaf.concept])
            for leaf, bit in bits.items()
            if isinstance(leaf, Listed) and leaf.section == section
        )
        self._guard = bits.get(Unrecognised(section), 0)
        self._every = sum(bit for _, bit, _ in self._listed)
        self._bits: dict[Leaf, int] = {leaf: bit for leaf, bit, _ in self._listed}
        self._bits[Unrecognised(section)] = self._guard
        self._ingredients = frozenset[str]().union(*(each.ingredients for each in policy.concepts.values()))
        self._read = lru_cache(maxsize=_KEPT_ENTRIES)(self._read_entry)

    def read(self, facts: HealthFacts, unanswered: int) -> tuple[int, int, int]:
        """Return the leaves that hold, those that are open, and of these the unread ones."""
        entries: tuple[HealthEntry, ...] | None = getattr(facts, self._section)
        if entries is None:
            is_asked = self._stand_in and not unanswered & self._stand_in
            return (0, 0, 0) if is_asked else (0, self._guard | self._every, self._every)
        true = left_open = unclear = 0
        for entry in entries:
            # Without the text: what is kept here says of nobody what they have.
            more = self._read(entry.codings, entry.meanings, entry.status)
            true |= more[0]
            left_open |= more[1]
            unclear |= more[2]
        left_open &= ~true
        return true, left_open, left_open & ~unclear

    def behind(self, leaf: Leaf, facts: HealthFacts) -> tuple[HealthEntry, ...] | None:
        """Return the entries for which a leaf is not false; None where nobody has recorded the section."""
        entries: tuple[HealthEntry, ...] | None = getattr(facts, self._section)
        if entries is None:
            return None
        bit = self._bits[leaf]
        read = ((entry, self._read(entry.codings, entry.meanings, entry.status)) for entry in entries)
        return tuple(entry for entry, found in read if (found[0] | found[1]) & bit)

    def _read_entry(
        self, codings: tuple[Coding, ...], meanings: tuple[Coding, ...], status: ClinicalStatus | None
    ) -> tuple[int, int, int]:
        """Return the leaves that hold for one entry, the open ones, and those open though it was read."""
        read = self._meanings(codings, meanings)
        true = left_open = 0
        for leaf, bit, concept in self._listed:
            holds = _both(_is_meant(concept, read), _is_in_state(leaf, status))
            if holds:
                true |= bit
            elif holds is None:
                left_open |= bit
        return (true, left_open, left_open) if read else (self._guard | true, left_open, 0)

    def _meanings(self, codings: tuple[Coding, ...], meanings: tuple[Coding, ...]) -> tuple[Coding, ...]:
        """Return what an entry means: as the terminology said, and the ingredients that the policy names."""
        own = tuple(
            coding for coding in codings if coding.system == "rxnorm" and coding.code in self._ingredients
        )
        return (*meanings, *own)


def _is_meant(concept: Concept, read: tuple[Coding, ...]) -> bool | None:
    if not read:
        return None
    found = {concept.means(meaning) for meaning in read}
    return True if True in found else None if None in found else False


def _is_in_state(leaf: Listed, status: ClinicalStatus | None) -> bool | None:
    if not leaf.statuses:
        return True
    return None if status is None else status in leaf.statuses


def _both(first: bool | None, second: bool | None) -> bool | None:
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


# --- single facts ----------------------------------------------------------------------------------------


def _look(leaf: OneOf | Measured | Scored, stand_in: int) -> _Look:
    if isinstance(leaf, OneOf):
        return _look_at_trait(leaf, stand_in)
    if isinstance(leaf, Measured):
        return lambda facts, _: _measured(leaf, facts)
    return lambda facts, _: _scored(leaf, facts)


def _compares(leaf: OneOf | Measured | Scored) -> bool:
    if isinstance(leaf, Scored) and leaf.word is not None:
        return True
    return not isinstance(leaf, OneOf) and leaf.operator is not None


def _look_at_trait(leaf: OneOf, stand_in: int) -> _Look:
    trait, words = str(leaf.trait), frozenset(leaf.words)

    def look(facts: HealthFacts, unanswered: int) -> bool | None:
        word = getattr(facts, trait)
        if word is None:
            return False if stand_in and not unanswered & stand_in else None
        return word in words

    return look


def _measured(leaf: Measured, facts: HealthFacts) -> bool | None:
    newest = newest_vital(leaf, facts)
    if leaf.operator is None:
        return None if facts.at is None else newest is not None
    counted = vital_value(newest)
    return None if counted is None else leaf.operator.holds(counted, leaf.bound)


def newest_vital(leaf: Measured, facts: HealthFacts) -> VitalFact | None:
    """Return the measurement that a leaf looks at."""
    same = [(fact.measured_at, fact) for fact in facts.vitals if fact.vital == leaf.vital]
    return _newest(same, leaf.max_age_days, at=facts.at)


def vital_value(fact: VitalFact | None) -> float | None:
    """Return what was measured in the unit that counts; None where that is not known or can't be right."""
    counted = None if fact is None else fact.counted
    if fact is None or counted is None or not VITAL_BOUNDS[fact.vital].hold(counted):
        return None
    return counted


def _scored(leaf: Scored, facts: HealthFacts) -> bool | None:
    newest = newest_result(leaf, facts)
    if not _compares(leaf):
        return None if facts.at is None else newest is not None
    value = None if newest is None else newest.value
    if leaf.operator is None:
        return value == leaf.word if isinstance(value, str) else None
    if value is None or isinstance(value, str):
        return None
    return leaf.operator.holds(value, leaf.bound)


def newest_result(leaf: Scored, facts: HealthFacts) -> InstrumentFact | None:
    """Return the result that a leaf looks at."""
    same = [
        (fact.taken_at, fact)
        for fact in facts.instruments
        if fact.instrument == leaf.instrument and fact.result == leaf.result
    ]
    return _newest(same, leaf.max_age_days, at=facts.at)


def _newest(dated: list[tuple[datetime, _Dated]], max_age_days: int, *, at: datetime | None) -> _Dated | None:
    """Return the newest fact that is at most so many days old, of several the first; None without one.

    What is dated after `at` doesn't count; nor does anything where nobody knows what day it is.
    """
    if at is None:
        return None
    oldest = at - timedelta(days=max_age_days)
    recent = [each for each in dated if oldest <= each[0] <= at]
    return max(recent, key=lambda each: each[0])[1] if recent else None
