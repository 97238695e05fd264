"""What a screening policy is, and the reading of one from a plain dict (a TOML file, or a row's JSON)."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, TypeVar

MAX_CONDITION_DEPTH = 8
MAX_NUMBER = 10**9
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_POLICY_ID = re.compile(r"[a-z][a-z0-9-]{0,63}")
NO_ANSWER = frozenset({"unknown", "prefer_not_to_say"})
"""Words that answer any question with no answer."""

_E = TypeVar("_E", bound=StrEnum)


class PolicyError(ValueError):
    """A policy document is not acceptable; says where in it and why."""

    def __init__(self, place: str, problem: str) -> None:
        self.place, self.problem = place, problem
        super().__init__(f"{place}: {problem}")


class QuestionKind(StrEnum):
    """What an answer to a question looks like."""

    YES_NO_UNKNOWN = "yes_no_unknown"
    """The word yes or no."""
    CHOICE = "choice"
    """One of the words the question lists."""
    NUMBER = "number"
    """A number in the question's unit."""
    READINGS = "readings"
    """A list of blood pressure readings."""
    LIST = "list"
    """A list of short texts; an empty one says that there is nothing."""


class Level(StrEnum):
    """What a rule that holds does to the outcome."""

    EXCLUDE = "exclude"
    """Not eligible."""
    REVIEW = "review"
    """A clinician has to look at this very point."""
    NOTE = "note"
    """The clinician is told; the outcome stays."""


class ThresholdStatus(StrEnum):
    """Whether somebody who may has confirmed the number that a rule compares with."""

    EXAMPLE = "example"
    """Shipped as an example, to be confirmed before use."""
    CONFIRMED = "confirmed"
    """Confirmed by the clinic's medical director."""


class Quantity(StrEnum):
    """A number computed from blood pressure readings."""

    COUNT = "count"
    """How many readings there are."""
    MEAN_SYSTOLIC = "mean_systolic_mmhg"
    """Mean of the systolic values."""
    MEAN_DIASTOLIC = "mean_diastolic_mmhg"
    """Mean of those diastolic values that could be measured."""
    HIGHEST_SYSTOLIC = "highest_systolic_mmhg"
    """Highest systolic value."""
    HIGHEST_DIASTOLIC = "highest_diastolic_mmhg"
    """Highest diastolic value that could be measured."""


class Operator(StrEnum):
    """How a number is compared with its bound."""

    BELOW = "below"
    """Less than the bound."""
    AT_LEAST = "at_least"
    """The bound or more."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range, ends included, outside which a number can't be right."""

    minimum: float
    maximum: float

    def hold(self, value: float) -> bool:
        """Return whether the value is plausible."""
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every question has; `ask` is what a person reads, `topic` names it in a list of reasons.

    An unanswered question sends the person to review, unless it is not `required`.
    """

    key: str
    kind: QuestionKind
    topic: str
    ask: str
    required: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to choose: the word that is stored, and what a person reads."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class ChoiceQuestion(_Asked):
    """A question answered with one of a few words."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class NumberQuestion(_Asked):
    """A question answered with a number."""

    unit: str
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class ReadingsQuestion(_Asked):
    """A question answered with blood pressure readings."""

    systolic_mmhg: Bounds
    diastolic_mmhg: Bounds
    max_readings: int


@dataclass(frozen=True, slots=True)
class ListQuestion(_Asked):
    """A question answered with short texts."""

    max_items: int
    max_characters: int


Question = ChoiceQuestion | NumberQuestion | ReadingsQuestion | ListQuestion


@dataclass(frozen=True, slots=True)
class Is:
    """The answer is this word."""

    question: str
    value: str


@dataclass(frozen=True, slots=True)
class Reported:
    """The list names at least one thing."""

    question: str


@dataclass(frozen=True, slots=True)
class Compare:
    """The number, or the quantity computed from readings, stands in this relation to the bound."""

    question: str
    quantity: Quantity | None
    operator: Operator
    bound: float


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"


Leaf = Is | Reported | Compare
Condition = Leaf | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to look for: the condition, what it does, and the words for it.

    `threshold_status` is set exactly where a number decides. `crisis` rules call for the crisis text.
    """

    id: str
    level: Level
    when: Condition
    code: str
    patient: str
    clinician: str
    source: str
    note: str
    threshold_status: ThresholdStatus | None
    crisis: bool

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """Return what the condition looks at, in the order it is written."""
        return tuple(_leaves(self.when))


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a clinic's screening: what is asked, and what follows from the answers."""

    id: str
    version: int
    title: str
    note: str
    questions: tuple[Question, ...]
    rules: tuple[Rule, ...]


def example_policy() -> dict[str, object]:
    """Return the first example policy as a plain dict, ready to be stored and parsed."""
    return tomllib.loads(Path(__file__).with_name("example_policy.toml").read_text(encoding="utf-8"))


def parse_policy(content: Mapping[str, object]) -> Policy:
    """Return the policy in a plain dict.

    Raises PolicyError, naming the place, for anything missing, unknown, doubled, out of bounds, or
    of no effect (a question that no rule looks at).
    """
    table = _Table(content, place="policy")
    questions = tuple(_question(entry) for entry in table.tables("questions"))
    _refuse_doubles([question.key for question in questions], place="questions")
    by_key = {question.key: question for question in questions}
    rules = tuple(_rule(entry, by_key) for entry in table.tables("rules"))
    _refuse_doubles([rule.id for rule in rules], place="rules")
    policy = Policy(
        id=table.name("id", _POLICY_ID),
        version=table.whole("version"),
        title=table.text("title"),
        note=table.text("note"),
        questions=questions,
        rules=rules,
    )
    table.finish()
    _check_use(policy)
    return policy


def _check_use(policy: Policy) -> None:
    """Refuse a question without a rule, and one called optional whose answer decides the outcome."""
    used = {leaf.question for rule in policy.rules for leaf in rule.leaves}
    decides = {leaf.question for rule in policy.rules if rule.level != Level.NOTE for leaf in rule.leaves}
    for index, question in enumerate(policy.questions):
        if question.key not in used:
            raise PolicyError(f"questions[{index}]", f"no rule looks at {question.key}")
        if question.key in decides and not question.required:
            raise PolicyError(f"questions[{index}].required", "a rule that decides needs this answer")


def _refuse_doubles(names: list[str], *, place: str) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise PolicyError(f"{place}[{index}]", f"{name} is there twice")


def _leaves(condition: Condition) -> Iterator[Leaf]:
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _leaves(part)
        case Not(part):
            yield from _leaves(part)
        case _:
            yield condition


# --- questions -------------------------------------------------------------------------------------------


def _question(table: "_Table") -> Question:
    key, topic, ask = table.name("key", _KEY), table.text("topic"), table.text("ask")
    required = table.flag("required", default=True)
    kind = table.one_of("kind", QuestionKind)
    question: Question
    match kind:
        case QuestionKind.YES_NO_UNKNOWN:
            choices = (Choice("yes", "Yes"), Choice("no", "No"))
            question = ChoiceQuestion(key, kind, topic, ask, required, choices)
        case QuestionKind.CHOICE:
            question = ChoiceQuestion(key, kind, topic, ask, required, _choices(table))
        case QuestionKind.NUMBER:
            question = NumberQuestion(key, kind, topic, ask, required, table.text("unit"), _bounds(table))
        case QuestionKind.READINGS:
            systolic, diastolic = (_inner_bounds(table, name) for name in ("systolic_mmhg", "diastolic_mmhg"))
            most = table.whole("max_readings")
            question = ReadingsQuestion(key, kind, topic, ask, required, systolic, diastolic, most)
        case QuestionKind.LIST:
            sizes = table.whole("max_items"), table.whole("max_characters")
            question = ListQuestion(key, kind, topic, ask, required, *sizes)
    table.finish()
    return question


def _choices(table: "_Table") -> tuple[Choice, ...]:
    choices = []
    for entry in table.tables("choices"):
        choices.append(Choice(entry.name("value", _KEY), entry.text("label")))
        if choices[-1].value in NO_ANSWER:
            entry.refuse(f"{choices[-1].value} can be answered to every question and is not a choice")
        entry.finish()
    _refuse_doubles([choice.value for choice in choices], place=table.within("choices"))
    return tuple(choices)


def _inner_bounds(table: "_Table", name: str) -> Bounds:
    inner = table.table(name)
    bounds = _bounds(inner)
    inner.finish()
    return bounds


def _bounds(table: "_Table") -> Bounds:
    bounds = Bounds(table.number("min"), table.number("max"))
    if bounds.minimum >= bounds.maximum:
        table.refuse("min has to be less than max")
    return bounds


# --- rules -----------------------------------------------------------------------------------------------


def _rule(table: "_Table", questions: Mapping[str, Question]) -> Rule:
    rule = Rule(
        id=table.name("id", _KEY),
        level=table.one_of("level", Level),
        when=_condition(table.table("when"), questions, depth=1),
        code=table.name("code", _KEY),
        patient=table.text("patient"),
        clinician=table.text("clinician"),
        source=table.text("source"),
        note=table.text("note") if table.has("note") else "",
        threshold_status=_threshold_status(table),
        crisis=table.flag("crisis", default=False),
    )
    compares = any(isinstance(leaf, Compare) for leaf in rule.leaves)
    if compares != (rule.threshold_status is not None):
        table.refuse("threshold_status belongs to a rule with a number, and to no other")
    table.finish()
    return rule


def _threshold_status(table: "_Table") -> ThresholdStatus | None:
    return table.one_of("threshold_status", ThresholdStatus) if table.has("threshold_status") else None


def _condition(table: "_Table", questions: Mapping[str, Question], *, depth: int) -> Condition:
    if depth > MAX_CONDITION_DEPTH:
        table.refuse(f"conditions may be nested {MAX_CONDITION_DEPTH} deep")
    condition: Condition
    if table.has("all"):
        condition = AllOf(_parts(table, "all", questions, depth=depth))
    elif table.has("any"):
        condition = AnyOf(_parts(table, "any", questions, depth=depth))
    elif table.has("not"):
        condition = Not(_condition(table.table("not"), questions, depth=depth + 1))
    else:
        condition = _leaf(table, questions)
    table.finish()
    return condition


def _parts(
    table: "_Table", key: str, questions: Mapping[str, Question], *, depth: int
) -> tuple[Condition, ...]:
    return tuple(_condition(part, questions, depth=depth + 1) for part in table.tables(key))


def _leaf(table: "_Table", questions: Mapping[str, Question]) -> Leaf:
    key = table.text("question")
    if key not in questions:
        table.refuse(f"there is no question {key}")
    question = questions[key]
    if isinstance(question, ChoiceQuestion):
        return _is(table, question)
    if isinstance(question, ListQuestion):
        if not table.flag("reported", default=False):
            table.refuse("a condition on a list reads: reported = true")
        return Reported(key)
    if isinstance(question, NumberQuestion):
        return _compare(table, key, None, question.bounds)
    quantity = table.one_of("quantity", Quantity)
    return _compare(table, key, quantity, _bounds_of(quantity, question))


def _is(table: "_Table", question: ChoiceQuestion) -> Is:
    value = table.text("is")
    if value not in {choice.value for choice in question.choices}:
        table.refuse(f"{value} is not a choice of {question.key}")
    return Is(question.key, value)


def _bounds_of(quantity: Quantity, question: ReadingsQuestion) -> Bounds:
    if quantity == Quantity.COUNT:
        return Bounds(1, question.max_readings)
    systolic = quantity in (Quantity.MEAN_SYSTOLIC, Quantity.HIGHEST_SYSTOLIC)
    return question.systolic_mmhg if systolic else question.diastolic_mmhg


def _compare(table: "_Table", key: str, quantity: Quantity | None, plausible: Bounds) -> Compare:
    operators = [operator for operator in Operator if table.has(operator)]
    if len(operators) != 1:
        table.refuse(f"a condition on a number has exactly one of {', '.join(Operator)}")
    bound = table.number(operators[0])
    if not plausible.hold(bound):
        table.refuse(f"{bound:g} is outside {plausible.minimum:g} to {plausible.maximum:g}")
    return Compare(key, quantity, operators[0], bound)


class _Table:
    """One table of a policy, read key by key, so that `finish` finds what nobody knows."""

    def __init__(self, content: object, *, place: str) -> None:
        if not isinstance(content, Mapping):
            raise PolicyError(place, "has to be a table")
        self._left = dict(content)
        self.place = place

    def within(self, key: str) -> str:
        return key if self.place == "policy" else f"{self.place}.{key}"

    def refuse(self, problem: str, *, key: str = "") -> NoReturn:
        raise PolicyError(self.within(key) if key else self.place, problem)

    def has(self, key: str) -> bool:
        return key in self._left

    def _take(self, key: str) -> object:
        if key not in self._left:
            self.refuse("is missing", key=key)
        return self._left.pop(key)

    def text(self, key: str) -> str:
        value = self._take(key)
        if not isinstance(value, str) or not value.strip():
            self.refuse("has to be a text", key=key)
        return value.strip()

    def name(self, key: str, pattern: re.Pattern[str]) -> str:
        value = self.text(key)
        if not pattern.fullmatch(value):
            self.refuse(f"has to look like {pattern.pattern}", key=key)
        return value

    def one_of(self, key: str, choices: type[_E]) -> _E:
        value = self.text(key)
        if value not in list(choices):
            self.refuse(f"has to be one of {', '.join(choices)}", key=key)
        return choices(value)

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._left.pop(key, default)
        if not isinstance(value, bool):
            self.refuse("has to be true or false", key=key)
        return value

    def number(self, key: str) -> float:
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_NUMBER:
            self.refuse("has to be a number", key=key)
        return value

    def whole(self, key: str) -> int:
        value = self.number(key)
        if not isinstance(value, int) or value < 1:
            self.refuse("has to be a whole number from 1 on", key=key)
        return value

    def table(self, key: str) -> "_Table":
        return _Table(self._take(key), place=self.within(key))

    def tables(self, key: str) -> "list[_Table]":
        entries = self._take(key)
        if not isinstance(entries, list) or not entries:
            self.refuse("has to be a list of tables", key=key)
        return [_Table(entry, place=f"{self.within(key)}[{index}]") for index, entry in enumerate(entries)]

    def finish(self) -> None:
        if self._left:
            self.refuse(f"unknown key {', '.join(sorted(map(str, self._left)))}")
