"""Where one answer, code, age or number ends and the next begins, each tried by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from safety.screening.clinical import (
    Bounds,
    CodeGroup,
    Concept,
    ConceptKind,
    Measured,
    Operator,
    Scored,
)
from safety.screening.health import (
    CodeSystem,
    Coding,
    HealthFacts,
    InstrumentFact,
    Vital,
    VitalFact,
)
from safety.screening.looking import newest_result, newest_vital, vital_value
from safety.screening.policy import parse_policy
from safety.screening.rules import Outcome, decide, screen
from tests.safety.test_policy import document, rule

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("value", "holds"), [(59.9, False), (60, True), (300, True), (300.1, False)])
def test_the_ends_of_a_range_are_in_it(value: float, holds: bool) -> None:
    assert Bounds(60, 300).hold(value) is holds


def test_at_least_begins_at_the_bound_and_below_ends_before_it() -> None:
    values = (17.9, 18, 18.1)
    assert [Operator.BELOW.holds(value, 18) for value in values] == [True, False, False]
    assert [Operator.AT_LEAST.holds(value, 18) for value in values] == [False, True, True]


@pytest.mark.parametrize(
    ("code", "means"),
    [
        ("F10.20", True),
        ("F10.2", None),  # one of its codes is taken away
        ("F10", None),
        ("F1", None),
        ("F", None),
        ("F10.21", False),
        ("F10.219", False),
        ("F11.2", True),
        ("F11.20", True),
        ("F11", None),
        ("F11.1", False),
        ("F12.20", False),
        ("G10.20", False),
    ],
)
def test_a_group_of_codes_says_no_only_where_no_code_of_it_can_be_meant(
    code: str, means: bool | None
) -> None:
    group = CodeGroup(("F10", "F11.2"), ("F10.21",))
    assert group.means(code) is means
    concept = Concept(
        "a", ConceptKind.CONDITION, "A", (CodeGroup(("I10",), ()), group), frozenset(), frozenset()
    )
    assert concept.means(Coding(CodeSystem.ICD_10_CM, code)) is means
    assert concept.means(Coding(CodeSystem.ICD_10_CM, "I10")) is True


def test_a_concept_knows_ingredients_and_its_own_words() -> None:
    concept = Concept("a", ConceptKind.MEDICINE, "A", (), frozenset({"7052"}), frozenset({"a", "b"}))
    said = [(CodeSystem.RXNORM, "7052"), (CodeSystem.RXNORM, "a"), (CodeSystem.MEDICINE_CLASS, "b")]
    assert [concept.means(Coding(*one)) for one in said] == [True, False, True]
    assert concept.means(Coding(CodeSystem.MEDICINE_CLASS, "7052")) is False
    assert concept.means(Coding(CodeSystem.ICD_10_CM, "7052")) is False


LEAF = Measured(Vital.SYSTOLIC, 30, Operator.AT_LEAST, 180)
SCORE = Scored("phq9", "phq9_9", 30, None, Operator.AT_LEAST, 1)


@pytest.mark.parametrize(
    ("ages", "newest"),
    [
        ([timedelta(0)], 0),
        ([timedelta(days=30)], 0),
        ([timedelta(days=30) + SECOND], None),
        ([-SECOND], None),
        ([timedelta(days=2), timedelta(days=1), timedelta(days=3)], 1),
        ([timedelta(days=1), timedelta(days=1)], 0),
        ([-SECOND, timedelta(days=31), timedelta(days=30)], 2),
        ([], None),
    ],
)
def test_the_newest_counts_that_is_neither_too_old_nor_to_come(
    ages: list[timedelta], newest: int | None
) -> None:
    vitals = tuple(VitalFact(Vital.SYSTOLIC, 100 + at, "mm[Hg]", AT - age) for at, age in enumerate(ages))
    other = VitalFact(Vital.DIASTOLIC, 80, "mm[Hg]", AT)
    facts = HealthFacts(at=AT, vitals=(*vitals, other))
    assert newest_vital(LEAF, facts) == (None if newest is None else vitals[newest])
    results = tuple(InstrumentFact("phq9", "phq9_9", at, AT - age) for at, age in enumerate(ages))
    others = (InstrumentFact("phq9", "total", 7, AT), InstrumentFact("gad7", "phq9_9", 7, AT))
    facts = HealthFacts(at=AT, instruments=(*others, *results))
    assert newest_result(SCORE, facts) == (None if newest is None else results[newest])


@pytest.mark.parametrize(
    ("vital", "unit", "lowest", "highest"),
    [
        (Vital.SYSTOLIC, "mm[Hg]", 60, 300),
        (Vital.DIASTOLIC, "mm[Hg]", 20, 200),
        (Vital.HEART_RATE, "/min", 20, 250),
        (Vital.WEIGHT, "kg", 20, 400),
    ],
)
def test_what_no_living_adult_measures_is_not_known(
    vital: Vital, unit: str, lowest: int, highest: int
) -> None:
    def known(value: float) -> float | None:
        return vital_value(VitalFact(vital, value, unit, AT))

    assert [known(lowest), known(highest)] == [lowest, highest]
    assert [known(lowest - 1), known(highest + 1)] == [None, None]


def test_where_nobody_knows_what_day_it_is_nothing_is_new() -> None:
    facts = HealthFacts(
        vitals=(VitalFact(Vital.SYSTOLIC, 185, "mm[Hg]", AT),),
        instruments=(InstrumentFact("phq9", "phq9_9", 3, AT),),
    )
    assert newest_vital(LEAF, facts) is None
    assert newest_result(SCORE, facts) is None


@pytest.mark.parametrize(
    ("value", "unit", "counted"),
    [
        (60, "mm[Hg]", 60),
        (59.9, "mm[Hg]", None),
        (300, "mm[Hg]", 300),
        (300.1, "mm[Hg]", None),
        (120, "m", None),
    ],
)
def test_what_no_living_adult_has_is_not_known(value: float, unit: str, counted: float | None) -> None:
    assert vital_value(VitalFact(Vital.SYSTOLIC, value, unit, AT)) == counted
    assert vital_value(None) is None


def test_what_only_a_note_asks_is_not_missing() -> None:
    content = document() | {"format": 2}
    content["rules"][0]["level"] = "note"
    said = {"well": "yes", "readings": [{"systolic_mmhg": 120, "diastolic_mmhg": 80}], "medicines": []}
    verdict = decide(parse_policy(content), said)
    assert (verdict.outcome, verdict.missing) == (Outcome.ELIGIBLE, ())
    content["rules"][0]["level"] = "exclude"
    verdict = decide(parse_policy(content), said)
    assert (verdict.outcome, verdict.missing) == (Outcome.INCOMPLETE, ("age_years",))


def test_true_is_no_number_though_one_was_read_just_before() -> None:
    content = document() | {"format": 2}
    policy = parse_policy(content)
    for _ in range(2):
        assert "age_years" not in decide(policy, {"age_years": 1}).missing
        assert "age_years" in decide(policy, {"age_years": True}).missing


EITHER = {
    "any": [
        {"question": "well", "is": "no"},
        {"question": "age_years", "below": 18},
        {"question": "medicines", "reported": True},
    ]
}
NEITHER = {
    "all": [{"not": {"question": "well", "is": "yes"}}, {"not": {"question": "age_years", "below": 18}}]
}
ALL_THREE = ["well", "age_years", "medicines"]


@pytest.mark.parametrize(
    ("condition", "said", "shown", "shown_in_format_1"),
    [
        (EITHER, {"well": "no", "age_years": None}, ["well"], ALL_THREE),
        (EITHER, {"well": None}, ["well"], ALL_THREE),
        (EITHER, {"well": None, "age_years": None}, ["well", "age_years"], ALL_THREE),
        (NEITHER, {"well": "no"}, ["well", "age_years"], ["well", "age_years"]),  # no single one did
    ],
)
def test_a_reason_shows_what_made_its_rule_speak(
    condition: Any, said: dict[str, Any], shown: list[str], shown_in_format_1: list[str]
) -> None:
    for version, expected in ((2, shown), (1, shown_in_format_1)):
        content = document() | {"format": version}
        content["rules"].append(rule("last", condition, threshold_status="example"))
        answers = {"well": "yes", "age_years": 44, "readings": FINE, "medicines": []} | said
        reason = screen(parse_policy(content), answers).reasons[-1]
        assert (reason.rule, [found.question for found in reason.found]) == ("last", expected)


FINE = [{"systolic_mmhg": 120, "diastolic_mmhg": 80}, {"systolic_mmhg": 118, "diastolic_mmhg": 78}]
HALF = [{"systolic_mmhg": 120, "diastolic_mmhg": None}]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"readings": HALF, "well": None}, "Not answered: wellness."),
        ({"readings": HALF, "well": "yes"}, "Not complete: readings."),
        ({"readings": None, "well": "yes"}, "Not answered: readings."),
        ({"readings": None, "well": None}, "Not answered: readings, wellness."),
    ],
)
def test_what_was_never_answered_is_named_before_what_is_known_in_part(
    said: dict[str, Any], words: str
) -> None:
    content = document() | {"format": 2}
    high = {"question": "readings", "quantity": "mean_diastolic_mmhg", "at_least": 110}
    when = {"any": [high, {"question": "well", "is": "no"}]}
    content["rules"].append(rule("last", when, threshold_status="example"))
    answers = {"well": "yes", "age_years": 44, "readings": FINE, "medicines": []} | said
    assert screen(parse_policy(content), answers).reasons[-1].patient == words
