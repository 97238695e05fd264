"""A screening policy document: the shipped example is sound, and what isn't is refused by place."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from safety.screening.clinical import Bounds
from safety.screening.policy import (
    EXAMPLES,
    MAX_CONDITION_DEPTH,
    AllOf,
    Choice,
    ChoiceQuestion,
    Compare,
    Is,
    Level,
    Not,
    NumberQuestion,
    PolicyError,
    ThresholdStatus,
    example_policy,
    parse_policy,
    rule_faults,
)
from safety.screening.tables import KEY, Table

Document = dict[str, Any]


def document() -> Document:
    """A small sound policy: one question of each kind but one, a rule for each."""
    return {
        "id": "small",
        "version": 1,
        "title": "Small",
        "note": "example, confirm before use",
        "questions": [
            {
                "key": "age_years",
                "kind": "number",
                "topic": "age",
                "ask": "How old are you?",
                "unit": "years",
                "min": 0,
                "max": 120,
            },
            {"key": "well", "kind": "yes_no_unknown", "topic": "wellness", "ask": "Are you well?"},
            {
                "key": "readings",
                "kind": "readings",
                "topic": "readings",
                "ask": "What did you read?",
                "systolic_mmhg": {"min": 60, "max": 300},
                "diastolic_mmhg": {"min": 20, "max": 200},
                "max_readings": 3,
            },
            {
                "key": "medicines",
                "kind": "list",
                "topic": "medicines",
                "ask": "What do you take?",
                "max_items": 5,
                "max_characters": 50,
            },
        ],
        "rules": [
            rule("young", {"question": "age_years", "below": 18}, threshold_status="example"),
            rule("unwell", {"all": [{"not": {"question": "well", "is": "yes"}}]}),
            rule(
                "pressure",
                {"question": "readings", "quantity": "mean_systolic_mmhg", "at_least": 180},
                threshold_status="example",
            ),
            rule("takes", {"question": "medicines", "reported": True}),
        ],
    }


def rule(name: str, when: object, **more: object) -> Document:
    return {
        "id": name,
        "level": "exclude",
        "code": name,
        "when": when,
        "patient": "For the patient.",
        "clinician": "For the clinician.",
        "source": "test",
        **more,
    }


def test_a_sound_document_is_read() -> None:
    policy = parse_policy(document())
    assert (policy.id, policy.version, len(policy.questions)) == ("small", 1, 4)
    assert policy.rules[1].when == AllOf((Not(Is("well", "yes")),))
    assert isinstance(policy.rules[2].when, Compare)
    assert policy.questions[0].required


def deep(levels: int) -> Document:
    when: Document = {"question": "well", "is": "yes"}
    for _ in range(levels):
        when = {"not": when}
    return when


def put(*path: str | int, value: object) -> Callable[[Document], None]:
    def change(content: Document) -> None:
        place: Any = content
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[Document], None]:
    def change(content: Document) -> None:
        place: Any = content
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


def when(condition: object, index: int = 1) -> Callable[[Document], None]:
    return put("rules", index, "when", value=condition)


def overridable(content: Document, **more: object) -> None:
    content["rules"][1].update({"level": "exclude", "overridable": True} | more)


YES = {"question": "well", "is": "yes"}
CHOICES = [{"value": "a", "label": "A"}]
ASK = {"topic": "t", "ask": "A?"}

REFUSALS: list[tuple[Callable[[Document], None], str, str]] = [
    (put("colour", value="red"), "policy", "unknown key colour"),
    (lambda content: content.update(shape="round", colour="red"), "policy", "unknown key colour, shape"),
    (drop("id"), "id", "is missing"),
    (put("id", value="Two Words"), "id", "has to look like"),
    (drop("note"), "note", "is missing"),
    (put("title", value="  "), "title", "has to be a text"),
    (put("title", value=3), "title", "has to be a text"),
    (put("version", value=0), "version", "whole number"),
    (put("version", value=1.5), "version", "whole number"),
    (put("version", value=True), "version", "has to be a number"),
    (put("version", value="1"), "version", "has to be a number"),
    (put("version", value=10**400), "version", "has to be a number"),
    (put("questions", value=[]), "questions", "list of tables"),
    (put("rules", value=[]), "rules", "list of tables"),
    (put("rules", value={}), "rules", "list of tables"),
    (put("rules", 0, value="x"), "rules[0]", "has to be a table"),
    (put("questions", 1, "key", value="age_years"), "questions[1]", "age_years is there twice"),
    (put("questions", 1, "key", value="Bad Key"), "questions[1].key", "has to look like"),
    (put("questions", 1, "kind", value="essay"), "questions[1].kind", "has to be one of"),
    (put("questions", 1, "colour", value=1), "questions[1]", "unknown key colour"),
    (put("questions", 1, "required", value="no"), "questions[1].required", "true or false"),
    (put("questions", 1, "required", value=False), "questions[1].required", "needs this answer"),
    (drop("questions", 1, "ask"), "questions[1].ask", "is missing"),
    (drop("questions", 1, "topic"), "questions[1].topic", "is missing"),
    (put("questions", 0, "min", value=120), "questions[0]", "min has to be less than max"),
    (put("questions", 0, "min", value=float("nan")), "questions[0].min", "has to be a number"),
    (put("questions", 0, "max", value=float("inf")), "questions[0].max", "has to be a number"),
    (put("questions", 0, "max", value=True), "questions[0].max", "has to be a number"),
    (put("questions", 0, "max", value=10**9 + 1), "questions[0].max", "has to be a number"),
    (put("questions", 0, "min", value=-(10**9) - 1), "questions[0].min", "has to be a number"),
    (drop("questions", 0, "unit"), "questions[0].unit", "is missing"),
    (put("questions", 2, "systolic_mmhg", "step", value=1), "questions[2].systolic_mmhg", "unknown key"),
    (put("questions", 2, "diastolic_mmhg", "max", value=1), "questions[2].diastolic_mmhg", "less than max"),
    (put("questions", 2, "max_readings", value=0), "questions[2].max_readings", "whole number"),
    (put("questions", 3, "max_items", value=-1), "questions[3].max_items", "whole number"),
    (
        put("questions", 1, value={"key": "well", "kind": "choice", **ASK, "choices": CHOICES * 2}),
        "questions[1].choices[1]",
        "a is there twice",
    ),
    (
        put(
            "questions",
            1,
            value={"key": "well", "kind": "choice", **ASK, "choices": [{"value": "unknown", "label": "?"}]},
        ),
        "questions[1].choices[0]",
        "not a choice",
    ),
    (
        put(
            "questions",
            1,
            value={"key": "well", "kind": "choice", **ASK, "choices": [{**CHOICES[0], "x": 1}]},
        ),
        "questions[1].choices[0]",
        "unknown key x",
    ),
    (drop("rules", 3), "questions[3]", "no rule looks at medicines"),
    (put("rules", 1, "id", value="young"), "rules[1]", "young is there twice"),
    (
        put("rules", 1, "level", value="forbid"),
        "rules[1].level",
        "has to be one of exclude, hold_today, review, note",
    ),
    (put("rules", 1, "colour", value="red"), "rules[1]", "unknown key colour"),
    (put("rules", 1, "crisis", value="yes"), "rules[1].crisis", "true or false"),
    (put("rules", 1, "overridable", value=1), "rules[1].overridable", "true or false"),
    (lambda content: overridable(content, crisis=True), "rules[1].overridable", "no cry for help"),
    (lambda content: overridable(content, level="hold_today"), "rules[1].overridable", "only what excludes"),
    (put("rules", 1, "code", value="No Code"), "rules[1].code", "has to look like"),
    (drop("rules", 1, "source"), "rules[1].source", "is missing"),
    (drop("rules", 1, "patient"), "rules[1].patient", "is missing"),
    (drop("rules", 1, "clinician"), "rules[1].clinician", "is missing"),
    (put("rules", 1, "note", value=""), "rules[1].note", "has to be a text"),
    (drop("rules", 0, "threshold_status"), "rules[0]", "threshold_status belongs"),
    (put("rules", 1, "threshold_status", value="example"), "rules[1]", "threshold_status belongs"),
    (put("rules", 0, "threshold_status", value="fine"), "rules[0].threshold_status", "has to be one of"),
    (when("well"), "rules[1].when", "has to be a table"),
    (when({}), "rules[1].when.question", "is missing"),
    (when({"question": "ill", "is": "yes"}), "rules[1].when", "there is no question ill"),
    (when({"question": "well"}), "rules[1].when.is", "is missing"),
    (when({"question": "well", "is": "unknown"}), "rules[1].when", "not a choice of well"),
    (when({"question": "well", "below": 3}), "rules[1].when.is", "is missing"),
    (when({**YES, "or": "no"}), "rules[1].when", "unknown key or"),
    (when({"all": [YES], "any": [YES]}), "rules[1].when", "unknown key any"),
    (when({"any": []}), "rules[1].when.any", "list of tables"),
    (when({"any": [YES, {"question": "ill"}]}), "rules[1].when.any[1]", "there is no question ill"),
    (when({"not": [YES]}), "rules[1].when.not", "has to be a table"),
    (when(deep(MAX_CONDITION_DEPTH)), "rules[1].when" + ".not" * MAX_CONDITION_DEPTH, "nested"),
    (when({"question": "age_years", "below": 18, "at_least": 3}, 0), "rules[0].when", "exactly one"),
    (when({"question": "age_years"}, 0), "rules[0].when", "exactly one"),
    (when({"question": "age_years", "below": "18"}, 0), "rules[0].when.below", "has to be a number"),
    (when({"question": "age_years", "below": 180}, 0), "rules[0].when.below", "180 is outside 0 to 120"),
    (when({"question": "age_years", "below": -1}, 0), "rules[0].when.below", "-1 is outside"),
    (when({"question": "readings", "at_least": 180}, 2), "rules[2].when.quantity", "is missing"),
    (
        when({"question": "readings", "quantity": "median", "at_least": 180}, 2),
        "rules[2].when.quantity",
        "has to be one of",
    ),
    (
        when({"question": "readings", "quantity": "mean_diastolic_mmhg", "at_least": 201}, 2),
        "rules[2].when.at_least",
        "outside 20 to 200",
    ),
    (
        when({"question": "readings", "quantity": "count", "below": 4}, 2),
        "rules[2].when.below",
        "outside 1 to 3",
    ),
    (when({"question": "medicines", "reported": False}, 3), "rules[3].when", "reported = true"),
    (when({"question": "medicines"}, 3), "rules[3].when", "reported = true"),
]


@pytest.mark.parametrize(("change", "place", "problem"), REFUSALS)
def test_what_is_not_sound_is_refused_by_place(
    change: Callable[[Document], None], place: str, problem: str
) -> None:
    content = document()
    change(content)
    with pytest.raises(PolicyError) as refusal:
        parse_policy(content)
    assert refusal.value.place == place
    assert problem in refusal.value.problem


def test_the_deepest_allowed_condition_is_read() -> None:
    content = document()
    when(deep(MAX_CONDITION_DEPTH - 1))(content)
    assert parse_policy(content).rules[1].leaves == (Is("well", "yes"),)


def test_the_largest_numbers_are_read() -> None:
    content = document()
    content["questions"][0].update({"min": -(10**9), "max": 10**9})
    question = parse_policy(content).questions[0]
    assert isinstance(question, NumberQuestion)
    assert question.bounds == Bounds(-1_000_000_000, 1_000_000_000)


def test_a_list_of_words_has_to_be_there_unless_it_may_be_left_out() -> None:
    table = Table({}, place="rules[0].when")
    assert table.names("status", KEY, default=()) == ()
    with pytest.raises(PolicyError, match="is missing") as refusal:
        table.names("location", KEY)
    assert refusal.value.place == "rules[0].when.location"


def test_what_excludes_can_be_made_overridable() -> None:
    content = document()
    overridable(content)
    assert parse_policy(content).rules[1].overridable
    assert not parse_policy(document()).rules[1].overridable


def test_a_note_may_rest_on_an_optional_question() -> None:
    content = document()
    put("questions", 1, "required", value=False)(content)
    put("rules", 1, "level", value="note")(content)
    assert not parse_policy(content).questions[1].required


def test_reading_changes_nothing_in_the_document() -> None:
    content = document()
    parse_policy(content)
    assert content == document()


def test_only_a_table_is_a_policy() -> None:
    with pytest.raises(PolicyError):
        parse_policy([])  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["bpm", "days", "kg", "mmHg", "years"])
def test_a_number_has_one_of_these_units(unit: str) -> None:
    content = document()
    content["questions"][0]["unit"] = unit
    question = parse_policy(content).questions[0]
    assert isinstance(question, NumberQuestion)
    assert question.unit == unit


def test_another_unit_is_refused_with_those_that_there_are() -> None:
    content = document()
    content["questions"][0]["unit"] = "stone"
    with pytest.raises(PolicyError) as refusal:
        parse_policy(content)
    assert (refusal.value.place, refusal.value.problem) == (
        "questions[0].unit",
        "has to be one of bpm, days, kg, mmHg, years",
    )


def test_yes_and_no_are_read_by_people() -> None:
    question = parse_policy(document()).questions[1]
    assert isinstance(question, ChoiceQuestion)
    assert question.choices == (Choice("yes", "Yes"), Choice("no", "No"))


def test_a_rule_needs_no_note() -> None:
    assert parse_policy(document()).rules[0].note == ""


@pytest.mark.parametrize("word", ["all", "any"])
def test_parts_count_as_deep_as_they_lie(word: str) -> None:
    def nested(levels: int) -> Document:
        condition: Document = YES
        for _ in range(levels):
            condition = {word: [condition]}
        content = document()
        when(condition)(content)
        return content

    assert parse_policy(nested(MAX_CONDITION_DEPTH - 1)).rules[1].leaves == (Is("well", "yes"),)
    with pytest.raises(PolicyError) as refusal:
        parse_policy(nested(MAX_CONDITION_DEPTH))
    assert refusal.value.problem == f"conditions may be nested {MAX_CONDITION_DEPTH} deep"


@pytest.mark.parametrize("how", ["mean", "highest"])
def test_the_upper_value_has_its_own_bounds_and_the_lower_one_too(how: str) -> None:
    content = document()
    for quantity, bound in ((f"{how}_systolic_mmhg", 250), (f"{how}_diastolic_mmhg", 30)):
        when({"question": "readings", "quantity": quantity, "at_least": bound}, 2)(content)
        leaf = parse_policy(content).rules[2].when
        assert isinstance(leaf, Compare)
        assert leaf.bound == bound
    for quantity, bound in ((f"{how}_systolic_mmhg", 30), (f"{how}_diastolic_mmhg", 250)):
        when({"question": "readings", "quantity": quantity, "at_least": bound}, 2)(content)
        with pytest.raises(PolicyError, match="outside"):
            parse_policy(content)


CONCEPT = {"key": "mania", "kind": "condition", "name": "mania", "icd10cm": ["F30"]}
ON_RECORD = rule("mania", {"condition": "mania"})
GUARD = rule("unread", {"unrecognised": "conditions"})


def on_record(*rules: Document, concepts: list[Document]) -> Document:
    content = document() | {"format": 2, "concepts": concepts}
    return content | {"rules": [*content["rules"], *rules]}


@pytest.mark.parametrize(
    "content",
    [
        document() | {"rules": [*document()["rules"], rule("x", {"pregnancy": ["pregnant"]})]},
        document() | {"concepts": [CONCEPT]},
        document() | {"asked_by": {"pregnancy": "well"}},
    ],
)
def test_whatever_reads_health_facts_is_refused_in_format_1(content: Document) -> None:
    with pytest.raises(PolicyError) as refusal:
        parse_policy(content)
    assert (refusal.value.place, refusal.value.problem) == (
        "format",
        "health facts are there from format 2 on",
    )


def test_a_list_that_is_read_has_a_rule_for_what_nobody_can_read_in_it() -> None:
    assert len(parse_policy(on_record(ON_RECORD, GUARD, concepts=[CONCEPT])).rules) == 6
    for rules in ([ON_RECORD], [ON_RECORD, GUARD | {"level": "note"}]):
        with pytest.raises(PolicyError) as refusal:
            parse_policy(on_record(*rules, concepts=[CONCEPT]))
        assert (refusal.value.place, refusal.value.problem) == (
            "rules[4].when",
            "no rule asks for review of unrecognised conditions",
        )


def test_a_concept_that_no_rule_looks_at_is_named() -> None:
    unused = CONCEPT | {"key": "delirium", "name": "delirium", "icd10cm": ["F05"]}
    with pytest.raises(PolicyError) as refusal:
        parse_policy(on_record(ON_RECORD, GUARD, concepts=[CONCEPT, unused]))
    assert (refusal.value.place, refusal.value.problem) == ("concepts[1]", "no rule looks at delirium")


class TestEveryFaultOfARule:
    """What a form shows beside its fields: the first fault of each key."""

    YOUNG = rule("young", {"question": "age_years", "below": 18}, threshold_status="example")

    def faults(self, entry: object) -> list[tuple[str, str]]:
        content = document() | {"rules": [entry]}
        return [(fault.place, fault.problem) for fault in rule_faults(content)]

    def test_none(self) -> None:
        assert self.faults(self.YOUNG) == []

    def test_rules_that_are_no_list_have_none_by_themselves(self) -> None:
        assert rule_faults(document() | {"rules": "x"}) == []

    def test_what_is_no_rule_at_all(self) -> None:
        assert [place for place, _ in self.faults("x")] == ["rules[0]"]

    @pytest.mark.parametrize("key", ["id", "level", "code", "patient", "clinician", "source"])
    def test_one_faulty_key_hides_none_after_it(self, key: str) -> None:
        assert [place for place, _ in self.faults(self.YOUNG | {key: 7})] == [f"rules[0].{key}"]
        faults = self.faults(self.YOUNG | {key: 7, "crisis": "perhaps"})
        assert [place for place, _ in faults] == [f"rules[0].{key}", "rules[0].crisis"]

    def test_a_faulty_condition_leaves_nothing_to_say_of_its_number(self) -> None:
        faults = self.faults(self.YOUNG | {"when": {"question": "age_years", "below": "18"}})
        assert faults == [("rules[0].when.below", "has to be a number")]

    def test_a_sound_condition_keeps_its_number(self) -> None:
        faults = self.faults(self.YOUNG | {"level": "perhaps"})
        assert [place for place, _ in faults] == ["rules[0].level"]


# --- the shipped example ---------------------------------------------------------------------------------


def test_the_newest_example_is_the_one_that_ships() -> None:
    assert example_policy() == example_policy(max(EXAMPLES))
    assert example_policy() != example_policy(min(EXAMPLES))


def test_the_example_survives_storage_as_json() -> None:
    stored = json.loads(json.dumps(example_policy(), sort_keys=True))
    assert parse_policy(stored) == parse_policy(copy.deepcopy(example_policy()))


@pytest.mark.parametrize("version", EXAMPLES)
def test_the_example_says_that_it_is_one(version: int) -> None:
    policy = parse_policy(example_policy(version))
    assert policy.note == "example, confirm before use"
    for rule in policy.rules:
        has_number = any(getattr(leaf, "operator", None) is not None for leaf in rule.leaves)
        assert rule.threshold_status == (ThresholdStatus.EXAMPLE if has_number else None)


def test_the_first_example_excludes_what_was_agreed_and_no_more() -> None:
    policy = parse_policy(example_policy(1))
    assert {rule.code for rule in policy.rules if rule.level == Level.EXCLUDE} == {
        "age_under_18",
        "pregnancy",
        "breastfeeding",
        "uncontrolled_hypertension",
        "blood_pressure_crisis",
        "active_psychosis",
        "active_substance_use_disorder",
        "opioid_use_disorder",
        "ketamine_allergy",
        "aneurysm_or_avm",
        "brain_haemorrhage",
        "recent_cardiovascular_event",
    }


def test_the_examples_call_for_the_crisis_text_in_these_rules() -> None:
    calls = {v: [r.id for r in parse_policy(example_policy(v)).rules if r.crisis] for v in EXAMPLES}
    assert calls == {1: ["thoughts_of_ending_life"], 2: ["suicide_risk_high", "thoughts_of_ending_life"]}
