"""A policy's rules as rows of a form, and all that is wrong with a draft at once; no database."""

from copy import deepcopy

import pytest

from safety.drafts.conditions import (
    Row,
    idle,
    place_in,
    put_together,
    shown,
    subjects,
    taken_apart,
    words,
    written,
)
from safety.drafts.forms import PartForms, RuleForm, part_rows, parts_of
from safety.screening.files import write_policy
from safety.screening.policy import EXAMPLES, example_policy
from safety.screening.sanity import faults

POLICY = example_policy()
BP = {"vital": "systolic_mmhg", "unit": "mm[Hg]", "max_age_days": 30, "at_least": 180}


def rule_at(content, rule_id):
    return next((n, rule) for n, rule in enumerate(content["rules"]) if rule["id"] == rule_id)


def spoiled(rule_id="schizophrenia", **changed):
    content = deepcopy(POLICY)
    _, rule = rule_at(content, rule_id)
    rule.update(changed)
    for key in [key for key, value in changed.items() if value is None]:
        del rule[key]
    return content


def places(content):
    return [(each.place.partition("]")[2].removeprefix("."), each.problem) for each in faults(content)]


@pytest.mark.parametrize("version", EXAMPLES)
def test_every_condition_that_ships_survives_the_rows(version):
    content = example_policy(version)
    offered = {value for _, group in subjects(content) for value, _ in group}
    for rule in content["rules"]:
        joiner, parts = taken_apart(rule["when"])
        assert put_together(joiner, parts) == rule["when"]
        for part in parts:
            row = shown(part)
            if row is None:
                assert {"all", "any"} & set(part)
            else:
                assert row.looks_at in offered
                assert (written(row), list(idle(row))) == (part, [])


@pytest.mark.parametrize(
    "part",
    [
        {"question": "pregnant", "is": "yes"},
        {"not": {"question": "pregnant", "is": "yes"}},
        {"question": "other_conditions", "reported": True},
        {"question": "age_years", "below": 18.0},
        {"question": "blood_pressure_readings", "quantity": "count", "at_least": 2},
        {"condition": "mania"},
        {"condition": "mania", "status": ["active", "remission"]},
        {"medication": "maoi"},
        {"unrecognised": "allergies"},
        {"location": ["US-NY", "US"]},
        {"vital": "weight_kg", "max_age_days": 30, "recorded": True},
        BP,
        {"instrument": "phq9", "result": "phq9_9", "max_age_days": 90, "taken": True},
        {"instrument": "cssrs", "result": "triage", "max_age_days": 90, "is": "high"},
        {"question": "age_years", "below": "eighteen"},
    ],
)
def test_a_part_is_a_row_and_back(part):
    row = shown(part)
    assert row is not None
    assert (written(row), list(idle(row))) == (part, [])


@pytest.mark.parametrize(
    "part",
    [
        {"all": [BP, BP]},
        {"not": {"any": [BP]}},
        {"not": {"not": BP}},
        {"question": "other_conditions", "reported": False},
        BP | {"unit": "kPa"},
        {"nobody": "knows"},
        {},
    ],
)
def test_what_no_row_says_exactly_is_not_shown_as_one(part):
    assert shown(part) is None


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (Row(words="yes"), "looks_at"),
        (Row(is_negated=True), "looks_at"),
        (Row("question/age_years", "below", words="yes", bound="3"), "words"),
        (Row("condition/mania", "there", bound="3"), "bound"),
        (Row("question/pregnant", "is", "yes", max_age_days="3"), "max_age_days"),
        (Row("pregnancy", "there"), "how"),
    ],
)
def test_what_would_be_lost_is_named(row, column):
    assert [name for name, _ in idle(row)] == [column]


@pytest.mark.parametrize(
    ("when", "place", "found"),
    [
        ({"any": [BP, BP]}, "any[1].at_least", (1, "bound")),
        ({"any": [BP, {"not": BP}]}, "any[1].not.max_age_days", (1, "max_age_days")),
        ({"all": [{"condition": "x", "status": ["y"]}]}, "all[0].status[0]", (0, "words")),
        ({"all": [{"condition": "x"}]}, "all[0]", (0, "looks_at")),
        ({"question": "pregnant", "is": "x"}, "is", (0, "words")),
        ({"question": "pregnant"}, "question", (0, "looks_at")),
        ({"question": "pregnant"}, "", None),
        ({}, "question", None),
        ({"any": []}, "any", None),
        ({"any": [BP]}, "any[7].is", None),
    ],
)
def test_a_fault_finds_its_row(when, place, found):
    assert place_in(when, place) == found


def test_the_words_to_choose_from():
    assert {"yes", "active", "not_controlled", "US-NY"} - set(words(POLICY)) <= {"US-NY"}


class TestFaults:
    def test_what_ships_has_none(self):
        assert [faults(example_policy(version)) for version in EXAMPLES] == [[] for _ in EXAMPLES]

    def test_every_fault_of_a_rule_at_once(self):
        found = places(
            spoiled(id="", level="maybe", when={"condition": "nobody"}, code="Ü", patient=" ", source=None)
        )
        assert sorted(place for place, _ in found) == [
            "code",
            "id",
            "level",
            "patient",
            "source",
            "when.condition",
        ]

    def test_of_several_rules_at_once(self):
        content = spoiled(patient="")
        content["rules"][0] = {}
        content["rules"][1] = "none"
        found = faults(content)
        at, _ = rule_at(POLICY, "schizophrenia")
        assert [each.place for each in found if not each.place.startswith("rules[0]")] == [
            "rules[1]",
            f"rules[{at}].patient",
        ]
        assert len(found) == 9

    @pytest.mark.parametrize(
        ("changed", "place"),
        [
            ({"crisis": "yes"}, "crisis"),
            ({"overridable": True, "crisis": True}, "overridable"),
            ({"threshold_status": "example"}, ""),
            ({"colour": "red"}, ""),
            ({"when": {}}, "when.question"),
            ({"when": {"question": "age_years", "below": 900}}, "when.below"),
        ],
    )
    def test_one_of_each_key(self, changed, place):
        assert [each for each, _ in places(spoiled(**changed))] == [place]

    def test_each_rule_that_can_never_speak(self):
        never = {"all": [{"question": "pregnant", "is": "yes"}, {"question": "pregnant", "is": "no"}]}
        always = {"any": [{"question": "age_years", "below": 60}, {"question": "age_years", "at_least": 20}]}
        content = spoiled(when={"any": [never, {"condition": "schizophrenia"}]})
        content["rules"] += [
            {**rule_at(POLICY, "schizophrenia")[1], "id": "one", "when": never},
            {**rule_at(POLICY, "age_under_18")[1], "id": "two", "when": always},
        ]
        assert [why for _, why in places(content)] == [
            "can never hold, whatever is answered",
            "always holds, whatever is answered",
        ]

    def test_too_much_in_one_rule(self):
        many = [{"location": [f"US-{a}{b}"]} for a in "ABCD" for b in "ABCD"]
        content = spoiled(when={"any": [{"condition": "schizophrenia"}, *many]})
        never = {"all": [{"question": "pregnant", "is": "yes"}, {"question": "pregnant", "is": "no"}]}
        content["rules"].append({**rule_at(POLICY, "schizophrenia")[1], "id": "one", "when": never})
        assert places(content) == [
            ("when", "looks at too much at once to be checked"),
            ("when", "can never hold, whatever is answered"),
        ]

    @pytest.mark.parametrize("rules", [None, [], "none"])
    def test_no_rules(self, rules):
        assert [each.place for each in faults({**POLICY, "rules": rules})] == ["rules"]

    def test_what_concerns_the_whole(self):
        content = deepcopy(POLICY)
        content["rules"].append(content["rules"][0])
        assert [str(each) for each in faults(content)] == [
            f"rules[{len(POLICY['rules'])}]: age_under_18 is there twice"
        ]
        questions = [POLICY["questions"][0] | {"kind": "guess"}]
        assert [each.place for each in faults({**POLICY, "questions": questions})] == ["questions[0].kind"]


def test_nothing_is_offered_twice():
    for name, group in subjects(POLICY):
        assert len({value for value, _ in group}) == len(group), name


def test_every_rule_sent_back_untouched_is_the_same_to_the_byte():
    offered = {"looks_at": subjects(POLICY)}
    for rule in POLICY["rules"]:
        form = RuleForm(initial=RuleForm.shown(rule) | {"read": 1})
        rows = PartForms(prefix="part", initial=part_rows(taken_apart(rule["when"])[1]), form_kwargs=offered)
        sent = {f.html_name: f.value() for each in (form, rows.management_form, *rows.forms) for f in each}
        sent = {name: str(value) for name, value in sent.items() if value is not None and value is not False}
        form, rows = RuleForm(sent), PartForms(sent, prefix="part", form_kwargs=offered)
        assert form.is_valid() & rows.is_valid(), (form.errors, rows.errors)
        when = put_together(form.cleaned_data["joined"], parts_of(rows))
        assert write_policy({"rules": [form.written(rule, when)]}) == write_policy({"rules": [rule]})
