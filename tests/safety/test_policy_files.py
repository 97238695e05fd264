"""A policy as a file: refused with the line and the reason, and written back to the byte."""

import json
from typing import Any

import pytest

from safety.screening.files import PolicyFileError, read_policy, write_policy
from safety.screening.policy import EXAMPLES, example_policy, parse_policy
from safety.screening.sanity import vet
from safety.screening.tables import PolicyError
from tests.safety.test_policy import document, rule

FULL = write_policy(example_policy(2))
SMALL = write_policy(document())


def line_of(text: str, wanted: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), start=1) if wanted in line)


@pytest.mark.parametrize("version", EXAMPLES)
def test_what_ships_is_sane(version: int) -> None:
    vet(parse_policy(example_policy(version)))


def test_the_full_policy_is_written_as_it_was_read() -> None:
    with open("safety/screening/example_policy_2.toml", encoding="utf-8", newline="") as file:
        text = file.read()
    content, _ = read_policy(text)
    stored = json.loads(json.dumps(content, sort_keys=True))
    assert write_policy(stored) == text


@pytest.mark.parametrize("version", EXAMPLES)
def test_what_is_written_reads_as_the_same(version: int) -> None:
    content, policy = read_policy(write_policy(example_policy(version)))
    assert content == example_policy(version)
    assert policy == parse_policy(example_policy(version))


def test_every_text_survives() -> None:
    content = example_policy(2) | {"title": 'tab\t, "quotes", back\\slash, \x7f, \x01, line\nand é, 🙂'}
    assert read_policy(write_policy(content))[0] == content


@pytest.mark.parametrize(
    ("old", "new", "at", "problem"),
    [
        ("format = 2", "format = 3", "format = 3", "1 or 2"),
        ("version = 2", "version = 0", "version = 0", "whole number"),
        ('title = "', 'colour = "red"\ntitle = "', "format = 2", "unknown key colour"),
        (
            'conditions = "other_conditions"',
            'conditions = "nothing"',
            'conditions = "nothing"',
            "no question",
        ),
        ('rxnorm = ["6878"]', 'rxnorm = ["6878x"]', '["6878x"]', "has to look like"),
        ('icd10cm = ["H40"]', 'icd10cm = ["H40.7"]', '["H40.7"]', "no ICD-10-CM code begins with H40.7"),
        ('icd10cm = ["G93.2"]', 'icd10cm = ["G932"]', '["G932"]', "has to look like"),
        ('icd10cm_but_not = ["F10.21"]', 'icd10cm_but_not = ["F11.21"]', '["F11.21"]', "takes nothing away"),
        ('includes = ["z_drug"', 'includes = ["zz_drug"', '"zz_drug"', "there is no medicine zz_drug"),
        ('unit = "years"', 'unit = "stone"', 'unit = "stone"', "has to be one of"),
        ('"age_years", below = 18', '"age_years", below = 180', "below = 180", "outside 0 to 120"),
        ('unit = "mm[Hg]"', 'unit = "kPa"', 'unit = "kPa"', "compared in mm[Hg]"),
        (
            "max_age_days = 30, at_least = 180",
            "max_age_days = 30, at_least = 18",
            "blood_pressure_on_record",
            "outside",
        ),
        ("max_age_days = 30", "max_age_days = 99999", "blood_pressure_on_record_at", "outside 1 to 3660"),
        (
            '{ condition = "glaucoma" }',
            '{ condition = "glaucomas" }',
            'id = "glaucoma"',
            "no condition glaucomas",
        ),
        ('status = ["active"]', 'status = ["maybe"]', 'id = "pregnancy"', "not a status"),
        ('id = "breastfeeding"', 'id = "pregnancy"', 'id = "pregnancy"', "is there twice"),
        (
            '{ medication = "maoi" }',
            '{ medication = "glaucoma" }',
            'id = "takes_maoi"',
            "no medicine glaucoma",
        ),
        ('level = "hold_today"', 'level = "maybe"', 'level = "maybe"', "has to be one of"),
    ],
)
def test_a_fault_is_refused_with_its_line(old: str, new: str, at: str, problem: str) -> None:
    text = FULL.replace(old, new, 1)
    assert text != FULL
    with pytest.raises(PolicyFileError) as refusal:
        read_policy(text)
    assert problem in str(refusal.value)
    assert str(refusal.value).startswith(f"line {refusal.value.line}, {refusal.value.place}: ")
    assert abs(refusal.value.line - line_of(text, at)) <= 25


def test_a_code_that_does_not_exist_is_refused_in_its_concept() -> None:
    index = [concept["key"] for concept in example_policy(2)["concepts"]].index("glaucoma")
    with pytest.raises(PolicyFileError) as refusal:
        read_policy(FULL.replace('icd10cm = ["H40"]', 'icd10cm = ["H40.7"]', 1))
    assert refusal.value.place == f"concepts[{index}].icd10cm"
    assert refusal.value.problem == "no ICD-10-CM code begins with H40.7"


def test_the_line_is_the_keys_own() -> None:
    text = FULL.replace('level = "hold_today"', 'level = "maybe"', 1)
    with pytest.raises(PolicyFileError) as refusal:
        read_policy(text)
    assert refusal.value.line == line_of(text, 'level = "maybe"')


@pytest.mark.parametrize(
    ("old", "new", "line", "place"),
    [
        ('id = "small"', 'id = "Two Words"', 1, "id"),
        ("version = 1", "version = 0", 2, "version"),
        ("note = ", "colour = 1\nnote = ", 1, "policy"),
        ('key = "well"', 'key = "Well"', 16, "questions[1].key"),
        ('key = "well"', 'colour = 1\nkey = "well"', 15, "questions[1]"),
        ("max = 200", "max = 2", 26, "questions[2].diastolic_mmhg"),
        ("max_items = 5", "max_items = 0", 36, "questions[3].max_items"),
        ("below = 18", "below = 180", 41, "rules[0].when.below"),
        ('is = "yes"', 'is = "maybe"', 51, "rules[1].when.all[0].not"),
        ("at_least = 180", 'at_least = "180"', 62, "rules[2].when.at_least"),
        ('id = "takes"', 'id = "young"', 69, "rules[3]"),
        ('id = "takes"', 'id = "takes"\noverridable = 1', 71, "rules[3].overridable"),
        ('[[rules]]\nid = "takes"', '[[ rules ]]\nid = "young"', 69, "rules[3]"),
        ('id = "small"\n', "", 1, "id"),
        ('source = "test"\n', "", 38, "rules[0].source"),
        ('id = "unwell"', 'id = "unwell"\ncolour = 1', 48, "rules[1]"),
        ("\n[[questions]]", '\n[asked_by]\npregnancy = "mood"\n\n[[questions]]', 6, "asked_by.pregnancy"),
    ],
)
def test_the_line_is_where_the_place_begins(old: str, new: str, line: int, place: str) -> None:
    text = SMALL.replace(old, new, 1)
    assert text != SMALL
    with pytest.raises(PolicyFileError) as refusal:
        read_policy(text)
    assert (refusal.value.place, refusal.value.line) == (place, line)
    assert str(refusal.value) == f"line {line}, {place}: {refusal.value.problem}"


def test_the_line_of_what_has_no_table_of_its_own_is_the_first() -> None:
    with pytest.raises(PolicyFileError) as refusal:
        read_policy('id = "small"\nquestions = [{ key = "Well" }]\n')
    assert (refusal.value.place, refusal.value.line) == ("questions[0].key", 1)


def test_a_file_is_always_written_alike() -> None:
    """Whoever compares two exports compares bytes: no key changes its place unnoticed."""
    content: dict[str, Any] = {key: number for number, key in enumerate(reversed(IN_ORDER.split()))}
    assert [line.split(" = ")[0] for line in write_policy(content).splitlines()] == IN_ORDER.split()
    content = {
        "rules": [{"source": "s", "when": {"is": "a", "question": "q"}, "id": "r", "status": ["a", "b"]}],
        "questions": [{"choices": [{"label": "A", "value": "a"}], "key": "q"}],
        "concepts": [{"icd10cm": ["F20"], "includes": [], "key": "c"}],
        "asked_by": {"pregnancy": "q"},
        "id": "x",
    }
    assert write_policy(content) == WRITTEN


IN_ORDER = """
format id version title note key level crisis overridable kind name topic ask all any not question condition
medication allergy unrecognised pregnancy lactation location route vital instrument result quantity status
unit max_age_days recorded taken reported is below at_least min max value label when code patient clinician
source another_key other_key
"""
WRITTEN = """\
id = "x"

[asked_by]
pregnancy = "q"

[[concepts]]
key = "c"
icd10cm = ["F20"]
includes = []

[[questions]]
key = "q"
choices = [
    { value = "a", label = "A" },
]

[[rules]]
id = "r"
status = ["a", "b"]
when = { question = "q", is = "a" }
source = "s"
"""


def test_a_cycle_of_concepts_is_refused() -> None:
    text = FULL.replace('key = "z_drug"\n', 'key = "z_drug"\nincludes = ["other_sedative"]\n', 1)
    with pytest.raises(PolicyFileError, match="a cycle: z_drug includes other_sedative includes z_drug"):
        read_policy(text)


@pytest.mark.parametrize(
    ("text", "line", "place", "problem"),
    [
        ("id = \n", 1, "policy", "Invalid value"),
        ('id = "x"\nid = "y"\n', 2, "policy", "Cannot overwrite a value"),
        ("a = [\n", 2, "policy", "Invalid value"),
        ('id = "x"\ntitle = """\nno end', 3, "policy", "Unterminated string"),
        ("x" * 1_000_001, 1, "policy", "at most 1000000 characters"),
        ("", 1, "questions", "is missing"),
    ],
)
def test_what_is_no_policy_at_all_is_refused(text: str, line: int, place: str, problem: str) -> None:
    with pytest.raises(PolicyFileError) as refusal:
        read_policy(text)
    assert (refusal.value.line, refusal.value.place, refusal.value.problem) == (line, place, problem)


def test_the_longest_file_is_read() -> None:
    _, policy = read_policy(SMALL + "#" * (1_000_000 - len(SMALL)))
    assert policy.id == "small"


def condition(when: str, words: str) -> str:
    return FULL.replace('when = { question = "age_years", below = 18 }', f"when = {when}", 1).replace(
        'threshold_status = "example"', words, 1
    )


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        (
            '{ all = [{ question = "mania", is = "past" }, { question = "mania", is = "active" }] }',
            "never hold",
        ),
        (
            '{ all = [{ question = "age_years", below = 18 }, { question = "age_years", at_least = 18 }] }',
            "never",
        ),
        (
            '{ any = [{ question = "age_years", below = 18 }, { question = "age_years", at_least = 18 }] }',
            "always",
        ),
        ('{ question = "age_years", at_least = 0 }', "always"),
        ('{ question = "blood_pressure_readings", quantity = "count", below = 1 }', "never"),
        (
            '{ all = [{ vital = "weight_kg", unit = "kg", max_age_days = 9, below = 50 },'
            ' { vital = "weight_kg", unit = "kg", max_age_days = 9, at_least = 50 }] }',
            "never",
        ),
        ('{ all = [{ allergy = "ketamine" }, { not = { allergy = "ketamine" } }] }', "never"),
    ],
)
def test_a_rule_that_nobody_or_everybody_meets_is_refused(when: str, problem: str) -> None:
    number = "below" in when or "at_least" in when
    text = condition(when, 'threshold_status = "example"' if number else 'note = "n"')
    with pytest.raises(PolicyFileError, match=problem) as refusal:
        read_policy(text)
    assert refusal.value.place == "rules[0].when"


def test_a_rule_that_looks_at_too_much_to_be_checked_is_refused() -> None:
    parts = ", ".join(f'{{ location = ["US-{a}{b}"] }}' for a in "ABCD" for b in "ABCD")
    with pytest.raises(PolicyFileError, match="too much at once"):
        read_policy(condition(f"{{ any = [{parts}] }}", 'note = "n"'))


@pytest.mark.parametrize(
    "when",
    [
        '{ all = [{ question = "mania", is = "past" }, { question = "seizures", is = "yes" }] }',
        '{ all = [{ question = "blood_pressure_readings", quantity = "mean_systolic_mmhg", at_least = 140 },'
        ' { question = "blood_pressure_readings", quantity = "mean_diastolic_mmhg", below = 90 }] }',
        '{ all = [{ not = { vital = "weight_kg", max_age_days = 30, recorded = true } },'
        ' { vital = "weight_kg", unit = "kg", max_age_days = 365, at_least = 150 }] }',
        '{ not = { vital = "weight_kg", max_age_days = 30, recorded = true } }',
        '{ all = [{ question = "age_years", at_least = 18 }, { question = "age_years", below = 19 }] }',
    ],
)
def test_a_rule_that_looks_at_two_things_is_sane_where_both_can_be_so(when: str) -> None:
    number = "below" in when or "at_least" in when
    _, policy = read_policy(condition(when, 'threshold_status = "example"' if number else 'note = "n"'))
    assert policy.id == example_policy(2)["id"]


def asking(first: int, second: int) -> dict[str, Any]:
    """A policy with a rule on two questions that have so many choices."""
    content, sizes = document(), {"first": first, "second": second}
    for key, size in sizes.items():
        choices = [{"value": f"v{number}", "label": str(number)} for number in range(size)]
        content["questions"].append(
            {"key": key, "kind": "choice", "topic": "t", "ask": "A?", "choices": choices}
        )
    content["rules"].append(rule("last", {"any": [{"question": key, "is": "v0"} for key in sizes]}))
    return content


def test_a_rule_is_checked_up_to_20000_combinations() -> None:
    vet(parse_policy(asking(125, 160)))
    with pytest.raises(PolicyError, match="too much at once") as refusal:
        vet(parse_policy(asking(113, 177)))  # 20001
    assert refusal.value.place == "rules[4].when"
