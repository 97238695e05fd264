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
from safety.screening.explanation import explain
from safety.screening.health import (
    NOTHING_KNOWN,
    CodeSystem,
    Coding,
    HealthEntry,
    HealthFacts,
    InstrumentFact,
    Vital,
    VitalFact,
)
from safety.screening.looking import newest_result, newest_vital, vital_value
from safety.screening.policy import Policy, parse_policy
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


# --- what nobody recorded --------------------------------------------------------------------------------

MANIA = {"key": "mania", "kind": "condition", "name": "mania", "icd10cm": ["F30"]}
OPIOID = {"key": "opioid", "kind": "medicine", "name": "an opioid", "rxnorm": ["10689"]}
GUARDS = {
    "conditions": rule("conditions_unread", {"unrecognised": "conditions"}),
    "medications": rule("medicines_unread", {"unrecognised": "medications"}),
}
HAD_MANIA, TAKES_OPIOID = {"condition": "mania"}, {"medication": "opioid"}
PREGNANT = {"pregnancy": ["pregnant"]}
HIGH = {"vital": "systolic_mmhg", "max_age_days": 30, "at_least": 180, "unit": "mm[Hg]"}
HIGH_RISK = {"instrument": "cssrs", "result": "triage", "max_age_days": 30, "is": "high"}
WELL = {"well": "yes", "age_years": 44, "readings": FINE, "medicines": []}


def on_record(*conditions: Any, asked_by: dict[str, str] | None = None) -> Policy:
    """A policy that begins with these conditions, and is guarded where it reads lists."""
    content = document() | {"format": 2, "concepts": [MANIA, OPIOID]}
    first = [
        rule(f"r{number}", one, **({"threshold_status": "example"} if "at_least" in one else {}))
        for number, one in enumerate(conditions)
    ]
    both = [rule("mania", HAD_MANIA), rule("opioid", TAKES_OPIOID)]
    content["rules"] = [*first, *content["rules"], *both, *GUARDS.values()]
    return parse_policy(content | ({"asked_by": asked_by} if asked_by else {}))


def truths(policy: Policy, facts: HealthFacts, **said: Any) -> dict[str, str]:
    return {each["rule"]: each["truth"] for each in explain(policy, WELL | said, facts)["rules"]}


@pytest.mark.parametrize("condition", [HAD_MANIA, TAKES_OPIOID, PREGNANT])
def test_what_nobody_recorded_is_open_where_no_question_stands_for_it(condition: Any) -> None:
    assert truths(on_record(condition), NOTHING_KNOWN)["r0"] == "unknown"


@pytest.mark.parametrize(
    ("condition", "part"),
    [(HAD_MANIA, "conditions"), (TAKES_OPIOID, "medications"), (PREGNANT, "pregnancy")],
)
def test_a_question_stands_for_it_once_it_is_answered(condition: Any, part: str) -> None:
    policy = on_record(condition, asked_by={part: "well"})
    assert truths(policy, NOTHING_KNOWN, well="yes")["r0"] == "false"
    for said in (None, "unknown", "prefer_not_to_say", "perhaps"):
        assert truths(policy, NOTHING_KNOWN, well=said)["r0"] == "unknown"


def test_without_any_measurement_and_any_result_each_comparison_is_open() -> None:
    policy = on_record(HIGH, HIGH_RISK)
    for facts in (NOTHING_KNOWN, HealthFacts(at=AT)):
        found = truths(policy, facts)
        assert (found["r0"], found["r1"]) == ("unknown", "unknown")


def test_an_entry_that_nobody_can_read_is_told_once() -> None:
    facts = HealthFacts(conditions=(HealthEntry("something"),), medications=())
    policy = on_record(HAD_MANIA)
    assert [rule.id for rule, _ in decide(policy, WELL, facts).spoke] == ["conditions_unread"]


def test_a_reason_shows_the_entry_that_it_is_about_and_no_other() -> None:
    mania, cold = (
        HealthEntry(code, meanings=(Coding(CodeSystem.ICD_10_CM, code),)) for code in ("F30.10", "J00")
    )
    facts = HealthFacts(conditions=(mania, cold), medications=())
    (reason,) = [each for each in screen(on_record(), WELL, facts).reasons if each.rule == "mania"]
    assert reason.found[0].value == ("F30.10 (status not recorded)",)


def test_a_code_is_an_ingredient_in_its_own_system_alone() -> None:
    def takes(system: CodeSystem) -> str:
        entry = HealthEntry("a tablet", codings=(Coding(system, "10689"),))
        return truths(on_record(), HealthFacts(conditions=(), medications=(entry,)))["opioid"]

    assert takes(CodeSystem.RXNORM) == "true"
    assert takes(CodeSystem.SNOMED_CT) == "unknown"
