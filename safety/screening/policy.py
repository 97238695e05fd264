"""What a screening policy is, and the reading of one from a plain dict (a TOML file, or a row's JSON)."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from safety.screening.clinical import (
    LEAF_KEYS,
    ClinicalLeaf,
    Concept,
    Listed,
    Measured,
    Scored,
    Section,
    Trait,
    Unrecognised,
    clinical_leaf,
    comparison,
    concepts,
)
from safety.screening.clinical import Bounds as Bounds
from safety.screening.clinical import Operator as Operator
from safety.screening.tables import KEY, Table, refuse_doubles
from safety.screening.tables import PolicyError as PolicyError

MAX_CONDITION_DEPTH = 8
_POLICY_ID = re.compile(r"[a-z][a-z0-9-]{0,63}")
NO_ANSWER = frozenset({"unknown", "prefer_not_to_say"})
"""Words that answer any question with no answer."""
UNITS = frozenset({"years", "days", "kg", "mmHg", "bpm"})
"""What a number may be asked in."""


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
    HOLD_TODAY = "hold_today"
    """Not today; another day may do."""
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


Answered = Is | Reported | Compare
Leaf = Answered | ClinicalLeaf
Condition = Leaf | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to look for: the condition, what it does, and the words for it.

    `threshold_status` is set exactly where a number decides. `crisis` rules call for the crisis text.
    `overridable`: two clinicians together may treat somebody whom this rule excludes.
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
    overridable: bool

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """Return what the condition looks at, in the order it is written."""
        return tuple(_leaves(self.when))


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a clinic's screening: what is asked, and what follows from the answers.

    `format` 1 knows answers alone, and sends whoever left one out to review. From 2 on there are health
    facts, and answers that are missing and would matter make a screening incomplete. `asked_by` names the
    question that stands for a part of the health facts that nobody has recorded: answered, it says that
    there is nothing coded in it.
    """

    id: str
    version: int
    title: str
    note: str
    questions: tuple[Question, ...]
    rules: tuple[Rule, ...]
    format: int = 1
    concepts: Mapping[str, Concept] = field(default_factory=dict)
    asked_by: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.id, self.version))

    @property
    def guarded(self) -> frozenset[Section]:
        """Return the sections of which every unrecognised entry asks for review by a rule of its own."""
        deciding = (rule.when for rule in self.rules if rule.level != Level.NOTE)
        return frozenset(when.section for when in deciding if isinstance(when, Unrecognised))


EXAMPLES = {1: "example_policy.toml", 2: "example_policy_2.toml"}
"""The versions that ship, each in its own file; a file that has shipped is never edited."""
NEWEST = max(EXAMPLES)


def example_policy(version: int = NEWEST) -> dict[str, Any]:
    """Return an example policy that ships as a plain dict, ready to be stored and parsed."""
    return tomllib.loads(Path(__file__).with_name(EXAMPLES[version]).read_text(encoding="utf-8"))


def parse_policy(content: Mapping[str, object]) -> Policy:
    """Return the policy in a plain dict.

    Raises PolicyError, naming the place, for anything missing, unknown, doubled, out of bounds, or
    of no effect (a question that no rule looks at).
    """
    table = Table(content, place="policy")
    questions = tuple(_question(entry) for entry in table.tables("questions"))
    refuse_doubles([question.key for question in questions], place="questions")
    by_key = {question.key: question for question in questions}
    named = concepts(table.tables("concepts")) if table.has("concepts") else {}
    rules = tuple(_rule(entry, _Known(by_key, named)) for entry in table.tables("rules"))
    refuse_doubles([rule.id for rule in rules], place="rules")
    policy = Policy(
        id=table.name("id", _POLICY_ID),
        version=table.whole("version"),
        title=table.text("title"),
        note=table.text("note"),
        questions=questions,
        rules=rules,
        format=table.whole("format") if table.has("format") else 1,
        concepts=named,
        asked_by=_asked_by(table.table("asked_by"), by_key) if table.has("asked_by") else {},
    )
    table.finish()
    _check_format(policy)
    _check_use(policy)
    return policy


class Unused(PolicyError):
    """A question or concept that no rule looks at."""


def rule_faults(content: Mapping[str, object]) -> list[PolicyError]:
    """Return what is wrong with each rule by itself: the first fault of each of its keys, in order.

    Raises PolicyError for a fault in what rules may name.
    """
    table = Table(content, place="policy")
    questions = {question.key: question for question in map(_question, table.tables("questions"))}
    named = concepts(table.tables("concepts")) if table.has("concepts") else {}
    known = _Known(questions, named)
    entries = content.get("rules")
    if not isinstance(entries, list):
        return []
    return [
        fault
        for index, entry in enumerate(entries)
        for fault in _faults_of(entry, known, place=f"rules[{index}]")
    ]


_SOUND: Mapping[str, object] = {
    "id": "x",
    "level": "review",
    "when": {"unrecognised": "conditions"},
    "code": "x",
    "patient": "x",
    "clinician": "x",
    "source": "x",
}
"""What stands in for the faulty keys of a rule, so that the others can be read."""


def _faults_of(entry: object, known: "_Known", *, place: str) -> Iterator[PolicyError]:
    """Yield a rule's faults: each faulty key is replaced by a sound one, until the rest can be read."""
    left = dict(_SOUND)
    while True:
        try:
            _rule(Table(entry, place=place), known)
        except PolicyError as fault:
            yield fault
            key = re.split(r"[.\[]", fault.place.removeprefix(place).removeprefix("."))[0]
            if key not in left or not isinstance(entry, Mapping):
                return
            entry = {**entry, key: left.pop(key)}
            if key == "when":  # whether a number is in it is not known any more
                entry.pop("threshold_status", None)
        else:
            return


def _asked_by(table: Table, questions: Mapping[str, Question]) -> dict[str, str]:
    """Return the question for each part of the health facts that has one."""
    found = {}
    for part in (*Section, *Trait):
        if table.has(part):
            found[str(part)] = table.name(part, KEY)
            if found[part] not in questions:
                table.refuse(f"there is no question {found[part]}", key=part)
    table.finish()
    return found


def _check_format(policy: Policy) -> None:
    """Refuse a format nobody knows, and what an older one doesn't have; unread entries need their rule."""
    if policy.format not in (1, 2):
        raise PolicyError("format", "has to be 1 or 2")
    looks = any(not isinstance(leaf, Answered) for rule in policy.rules for leaf in rule.leaves)
    if policy.format == 1 and (looks or policy.concepts or policy.asked_by):
        raise PolicyError("format", "health facts are there from format 2 on")
    for index, rule in enumerate(policy.rules):
        for leaf in rule.leaves:
            if isinstance(leaf, Listed) and leaf.section not in policy.guarded:
                raise PolicyError(
                    f"rules[{index}].when", f"no rule asks for review of unrecognised {leaf.section}"
                )


def _check_use(policy: Policy) -> None:
    """Refuse what no rule looks at, and a question called optional whose answer decides the outcome."""
    looked_at = [(rule, leaf) for rule in policy.rules for leaf in rule.leaves]
    asked = [(rule, leaf.question) for rule, leaf in looked_at if isinstance(leaf, Answered)]
    used = {key for _, key in asked}
    decides = {key for rule, key in asked if rule.level != Level.NOTE} | set(policy.asked_by.values())
    for index, question in enumerate(policy.questions):
        if question.key not in used:
            raise Unused(f"questions[{index}]", f"no rule looks at {question.key}")
        if question.key in decides and not question.required:
            raise PolicyError(f"questions[{index}].required", "a rule that decides needs this answer")
    for index, concept in enumerate(policy.concepts):
        if not any(isinstance(leaf, Listed) and _is_meant(concept, leaf, policy) for _, leaf in looked_at):
            raise Unused(f"concepts[{index}]", f"no rule looks at {concept}")


def _is_meant(concept: str, leaf: Listed, policy: Policy) -> bool:
    return concept in policy.concepts[leaf.concept].words


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


def _question(table: Table) -> Question:
    key, topic, ask = table.name("key", KEY), table.text("topic"), table.text("ask")
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
            question = NumberQuestion(key, kind, topic, ask, required, _unit(table), _bounds(table))
        case QuestionKind.READINGS:
            systolic, diastolic = (_inner_bounds(table, name) for name in ("systolic_mmhg", "diastolic_mmhg"))
            most = table.whole("max_readings")
            question = ReadingsQuestion(key, kind, topic, ask, required, systolic, diastolic, most)
        case QuestionKind.LIST:  # pragma: no branch - there is no other, as mypy knows
            sizes = table.whole("max_items"), table.whole("max_characters")
            question = ListQuestion(key, kind, topic, ask, required, *sizes)
    table.finish()
    return question


def _unit(table: Table) -> str:
    unit = table.text("unit")
    if unit not in UNITS:
        table.refuse(f"has to be one of {', '.join(sorted(UNITS))}", key="unit")
    return unit


def _choices(table: Table) -> tuple[Choice, ...]:
    choices = []
    for entry in table.tables("choices"):
        choices.append(Choice(entry.name("value", KEY), entry.text("label")))
        if choices[-1].value in NO_ANSWER:
            entry.refuse(f"{choices[-1].value} can be answered to every question and is not a choice")
        entry.finish()
    refuse_doubles([choice.value for choice in choices], place=table.within("choices"))
    return tuple(choices)


def _inner_bounds(table: Table, name: str) -> Bounds:
    inner = table.table(name)
    bounds = _bounds(inner)
    inner.finish()
    return bounds


def _bounds(table: Table) -> Bounds:
    bounds = Bounds(table.number("min"), table.number("max"))
    if bounds.minimum >= bounds.maximum:
        table.refuse("min has to be less than max")
    return bounds


# --- rules -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """What a condition may name."""

    questions: Mapping[str, Question]
    concepts: Mapping[str, Concept]


def _rule(table: Table, known: "_Known") -> Rule:
    rule = Rule(
        id=table.name("id", KEY),
        level=table.one_of("level", Level),
        when=_condition(table.table("when"), known, depth=1),
        code=table.name("code", KEY),
        patient=table.text("patient"),
        clinician=table.text("clinician"),
        source=table.text("source"),
        note=table.text("note") if table.has("note") else "",
        threshold_status=_threshold_status(table),
        crisis=table.flag("crisis", default=False),
        overridable=table.flag("overridable", default=False),
    )
    if rule.overridable and (rule.crisis or rule.level != Level.EXCLUDE):
        table.refuse("only what excludes, and is no cry for help, can be overridden", key="overridable")
    compares = any(_has_number(leaf) for leaf in rule.leaves)
    if compares != (rule.threshold_status is not None):
        table.refuse("threshold_status belongs to a rule with a number, and to no other")
    table.finish()
    return rule


def _has_number(leaf: Leaf) -> bool:
    """Tell whether a leaf compares with a number that somebody has to confirm."""
    if isinstance(leaf, Measured | Scored):
        return leaf.operator is not None
    return isinstance(leaf, Compare)


def _threshold_status(table: Table) -> ThresholdStatus | None:
    return table.one_of("threshold_status", ThresholdStatus) if table.has("threshold_status") else None


def _condition(table: Table, known: "_Known", *, depth: int) -> Condition:
    if depth > MAX_CONDITION_DEPTH:
        table.refuse(f"conditions may be nested {MAX_CONDITION_DEPTH} deep")
    condition: Condition
    if table.has("all"):
        condition = AllOf(_parts(table, "all", known, depth=depth))
    elif table.has("any"):
        condition = AnyOf(_parts(table, "any", known, depth=depth))
    elif table.has("not"):
        condition = Not(_condition(table.table("not"), known, depth=depth + 1))
    else:
        condition = _leaf(table, known)
    table.finish()
    return condition


def _parts(table: Table, key: str, known: "_Known", *, depth: int) -> tuple[Condition, ...]:
    return tuple(_condition(part, known, depth=depth + 1) for part in table.tables(key))


def _leaf(table: Table, known: "_Known") -> Leaf:
    if any(table.has(key) for key in LEAF_KEYS):
        return clinical_leaf(table, known.concepts)
    key = table.text("question")
    if key not in known.questions:
        table.refuse(f"there is no question {key}")
    question = known.questions[key]
    if isinstance(question, ChoiceQuestion):
        return _is(table, question)
    if isinstance(question, ListQuestion):
        if not table.flag("reported", default=False):
            table.refuse("a condition on a list reads: reported = true")
        return Reported(key)
    if isinstance(question, NumberQuestion):
        return _compare(table, key, None, question.bounds)
    quantity = table.one_of("quantity", Quantity)
    return _compare(table, key, quantity, quantity_bounds(quantity, question))


def _is(table: Table, question: ChoiceQuestion) -> Is:
    value = table.text("is")
    if value not in {choice.value for choice in question.choices}:
        table.refuse(f"{value} is not a choice of {question.key}")
    return Is(question.key, value)


def quantity_bounds(quantity: Quantity, question: ReadingsQuestion) -> Bounds:
    """Return what a quantity computed from readings can be."""
    if quantity == Quantity.COUNT:
        return Bounds(1, question.max_readings)
    systolic = quantity in (Quantity.MEAN_SYSTOLIC, Quantity.HIGHEST_SYSTOLIC)
    return question.systolic_mmhg if systolic else question.diastolic_mmhg


def _compare(table: Table, key: str, quantity: Quantity | None, plausible: Bounds) -> Compare:
    operator, bound = comparison(table, plausible)
    return Compare(key, quantity, operator, bound)
