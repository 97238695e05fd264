"""Screening under the first example policy: each rule, three-valued logic, form of answers, words."""

import json
import math
import re
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.screening.answers import Reading, known_answer, validate_answers
from safety.screening.logic import Truth, all_of, any_of, evaluate, negate, truth_of
from safety.screening.looking import answer_holds
from safety.screening.policy import (
    AllOf,
    Answered,
    AnyOf,
    ChoiceQuestion,
    Compare,
    Condition,
    Is,
    Leaf,
    Level,
    Not,
    Operator,
    Policy,
    Quantity,
    Question,
    Reported,
    ThresholdStatus,
    example_policy,
    parse_policy,
)
from safety.screening.rules import Outcome, ScreeningDecision, screen
from safety.screening.texts import PatientText, clinician_text, patient_text

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
POLICY = parse_policy(example_policy(1))
QUESTIONS = {question.key: question for question in POLICY.questions}


def bp(*pairs: tuple[float, float | None]) -> list[dict[str, float | None]]:
    return [{"systolic_mmhg": systolic, "diastolic_mmhg": diastolic} for systolic, diastolic in pairs]


# Ada, to whom no rule objects.
ADA: dict[str, Any] = {
    "age_years": 44,
    "pregnant": "no",
    "breastfeeding": "no",
    "high_blood_pressure": "no",
    "blood_pressure_readings": bp((118, 76), (122, 78)),
    "psychotic_disorder": "never",
    "substance_use_disorder": "never",
    "opioid_use_disorder_ever": "no",
    "used_cocaine_heroin_meth_last_month": "no",
    "drug_treatment_ever": "no",
    "ketamine_allergy": "no",
    "aneurysm_or_avm": "no",
    "brain_haemorrhage_ever": "no",
    "heart_attack_ever": "no",
    "stroke_ever": "no",
    "heart_attack_or_stroke_last_6_weeks": "no",
    "thinking_of_ending_life_now": "no",
    "other_conditions": [],
    "current_medicines": [],
    "other_substances": [],
    "anything_else": "no",
    "ketamine_before": "no",
}

ELIGIBLE, REVIEW, INELIGIBLE = Outcome.ELIGIBLE, Outcome.NEEDS_REVIEW, Outcome.INELIGIBLE
ELEVATED, ONE_HIGH = "blood_pressure_elevated", "blood_pressure_one_reading_at_crisis_level"
CRISIS, TOO_FEW = "blood_pressure_at_crisis_level", "blood_pressure_too_few_readings"
READINGS = "blood_pressure_readings"

# What Ada says instead, what it comes to, and exactly the rules that speak.
TABLE: list[tuple[str, Any, Outcome, set[str]]] = [
    ("age_years", 17, INELIGIBLE, {"age_under_18"}),
    ("age_years", 17.99, INELIGIBLE, {"age_under_18"}),
    ("age_years", 0, INELIGIBLE, {"age_under_18"}),
    ("age_years", 18, ELIGIBLE, set()),
    ("age_years", 64, ELIGIBLE, set()),
    ("age_years", 65, REVIEW, {"age_65_or_over"}),
    ("age_years", 120, REVIEW, {"age_65_or_over"}),
    ("pregnant", "yes", INELIGIBLE, {"pregnancy"}),
    ("pregnant", "not_applicable", ELIGIBLE, {"pregnancy_said_not_applicable"}),
    ("breastfeeding", "yes", INELIGIBLE, {"breastfeeding"}),
    ("breastfeeding", "not_applicable", ELIGIBLE, {"pregnancy_said_not_applicable"}),
    ("high_blood_pressure", "not_controlled", INELIGIBLE, {"hypertension_not_controlled"}),
    ("high_blood_pressure", "controlled", REVIEW, {"hypertension_controlled"}),
    (READINGS, bp((180, 80), (180, 80)), INELIGIBLE, {CRISIS, ELEVATED, ONE_HIGH}),
    (READINGS, bp((179, 80), (180, 80), (181, 80)), INELIGIBLE, {CRISIS, ELEVATED, ONE_HIGH}),
    (READINGS, bp((150, 120), (150, 120)), INELIGIBLE, {CRISIS, ELEVATED, ONE_HIGH}),
    (READINGS, bp((179, 80), (179, 80)), REVIEW, {ELEVATED}),
    (READINGS, bp((150, 119), (150, 119)), REVIEW, {ELEVATED}),
    (READINGS, bp((180, 80), (179, 80)), REVIEW, {ELEVATED, ONE_HIGH}),
    (READINGS, bp((185, 70), (90, 60)), REVIEW, {ONE_HIGH}),
    (READINGS, bp((150, 120), (110, 40)), REVIEW, {ONE_HIGH}),
    (READINGS, bp((140, 80), (140, 80)), REVIEW, {ELEVATED}),
    (READINGS, bp((120, 90), (120, 90)), REVIEW, {ELEVATED}),
    (READINGS, bp((150, 80), (129, 80)), ELIGIBLE, set()),
    (READINGS, bp((120, 99), (120, 80)), ELIGIBLE, set()),
    (READINGS, bp((120, 80)), REVIEW, {TOO_FEW}),
    (READINGS, bp((120, 80), (120, 80)), ELIGIBLE, set()),
    (READINGS, bp((120, None), (120, 80)), ELIGIBLE, set()),
    (READINGS, bp((120, None), (120, None)), REVIEW, {CRISIS, ELEVATED, ONE_HIGH}),
    (READINGS, bp((150, None), (150, None)), REVIEW, {CRISIS, ELEVATED, ONE_HIGH}),
    ("psychotic_disorder", "active", INELIGIBLE, {"psychosis_active"}),
    ("psychotic_disorder", "past", REVIEW, {"psychosis_past"}),
    ("substance_use_disorder", "active", INELIGIBLE, {"substance_use_disorder_active"}),
    ("substance_use_disorder", "past", REVIEW, {"substance_use_disorder_past"}),
    ("opioid_use_disorder_ever", "yes", INELIGIBLE, {"opioid_use_disorder_ever"}),
    ("used_cocaine_heroin_meth_last_month", "yes", REVIEW, {"drugs_last_month"}),
    ("drug_treatment_ever", "yes", REVIEW, {"drug_treatment_ever"}),
    ("ketamine_allergy", "yes", INELIGIBLE, {"ketamine_allergy"}),
    ("aneurysm_or_avm", "yes", INELIGIBLE, {"aneurysm_or_avm"}),
    ("brain_haemorrhage_ever", "yes", INELIGIBLE, {"brain_haemorrhage_ever"}),
    ("heart_attack_ever", "yes", REVIEW, {"heart_attack_ever"}),
    ("stroke_ever", "yes", REVIEW, {"stroke_ever"}),
    ("heart_attack_or_stroke_last_6_weeks", "yes", INELIGIBLE, {"heart_attack_or_stroke_recent"}),
    ("thinking_of_ending_life_now", "yes", REVIEW, {"thoughts_of_ending_life"}),
    ("other_conditions", ["asthma"], REVIEW, {"other_conditions"}),
    ("current_medicines", ["sertraline"], REVIEW, {"current_medicines"}),
    ("other_substances", ["cannabis"], REVIEW, {"other_substances"}),
    ("anything_else", "yes", REVIEW, {"anything_else"}),
    ("ketamine_before", "yes", ELIGIBLE, {"ketamine_before"}),
]


def ada(**said: Any) -> dict[str, Any]:
    return {**ADA, **said}


def without(key: str) -> dict[str, Any]:
    return {other: said for other, said in ADA.items() if other != key}


def rules_that_spoke(decision: ScreeningDecision) -> set[str]:
    return {reason.rule for reason in decision.reasons}


# --- each rule -------------------------------------------------------------------------------------------


def test_nothing_speaks_against_ada() -> None:
    assert screen(POLICY, ADA) == ScreeningDecision(
        policy_id="home-ketamine-screening",
        policy_version=1,
        outcome=ELIGIBLE,
        reasons=(),
        missing=(),
        crisis=False,
    )


@pytest.mark.parametrize(("key", "said", "outcome", "rules"), TABLE)
def test_one_answer_changes_exactly_these_rules(
    key: str, said: Any, outcome: Outcome, rules: set[str]
) -> None:
    decision = screen(POLICY, ada(**{key: said}))
    assert (decision.outcome, rules_that_spoke(decision)) == (outcome, rules)


def test_the_table_makes_every_rule_speak_for_certain() -> None:
    true = {
        reason.rule
        for key, said, _, _ in TABLE
        for reason in screen(POLICY, ada(**{key: said})).reasons
        if reason.certainty == T
    }
    assert true == {rule.id for rule in POLICY.rules}


@pytest.mark.parametrize("rule", POLICY.rules, ids=lambda rule: rule.id)
def test_an_unanswered_rule_asks_for_review_whatever_its_level(rule: Any) -> None:
    decision = screen(POLICY, without(rule.leaves[0].question))
    reasons = [reason for reason in decision.reasons if reason.rule == rule.id]
    if rule.level == Level.NOTE:
        assert reasons == []
    else:
        assert [(reason.level, reason.certainty) for reason in reasons] == [(Level.REVIEW, U)]
        assert reasons[0].patient.startswith("Not answered: ")
        assert decision.outcome == REVIEW


@pytest.mark.parametrize("said", [None, "", "  ", "unknown", "prefer_not_to_say", "No", "nope", {}, True])
@pytest.mark.parametrize("key", [question.key for question in POLICY.questions if question.required])
def test_what_says_nothing_is_never_no(key: str, said: Any) -> None:
    decision = screen(POLICY, ada(**{key: said}))
    assert decision.missing == (key,)
    assert decision.outcome == REVIEW


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("age_years", -1),
        ("age_years", 121),
        ("age_years", math.nan),
        ("age_years", "44"),
        (READINGS, []),
        (READINGS, bp((120, 80), (14, 80))),
        (READINGS, bp((120, 80), (80, 120))),
        (READINGS, [{"systolic_mmhg": 120}]),
        (READINGS, bp(*[(120, 80)] * 11)),
        ("other_conditions", [""]),
        ("other_conditions", [7]),
        ("other_conditions", "asthma"),
        ("pregnant", ["no"]),
    ],
)
def test_a_malformed_answer_that_gets_this_far_is_unknown(key: str, said: Any) -> None:
    assert screen(POLICY, ada(**{key: said})).missing == (key,)


def test_the_optional_question_may_stay_open() -> None:
    assert screen(POLICY, without("ketamine_before")).outcome == ELIGIBLE


def test_nobody_is_eligible_for_saying_nothing() -> None:
    decision = screen(POLICY, {})
    assert decision.outcome == REVIEW
    assert set(decision.missing) == set(ADA) - {"ketamine_before"}


def test_a_required_answer_counts_even_where_a_rule_could_do_without_it() -> None:
    content = example_policy(1)
    content["rules"] = [
        {
            "id": "either",
            "level": "exclude",
            "code": "either",
            "when": {"all": [{"question": q["key"], "is": "yes"} for q in two_questions(content)]},
            "patient": "Both.",
            "clinician": "Both.",
            "source": "test",
        }
    ]
    content["questions"] = two_questions(content)
    policy = parse_policy(content)
    assert screen(policy, {"ketamine_allergy": "no", "aneurysm_or_avm": "no"}).outcome == ELIGIBLE
    assert screen(policy, {"ketamine_allergy": "no"}).outcome == REVIEW
    assert screen(policy, {"ketamine_allergy": "no"}).reasons == ()


def two_questions(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [q for q in content["questions"] if q["key"] in ("ketamine_allergy", "aneurysm_or_avm")]


def test_exclusion_outweighs_and_every_reason_is_listed() -> None:
    decision = screen(POLICY, {**without("stroke_ever"), "pregnant": "yes", "current_medicines": ["aspirin"]})
    assert decision.outcome == INELIGIBLE
    assert [(reason.rule, reason.level, reason.certainty) for reason in decision.reasons] == [
        ("pregnancy", Level.EXCLUDE, T),
        ("stroke_ever", Level.REVIEW, U),
        ("current_medicines", Level.REVIEW, T),
    ]


def test_a_stroke_of_unknown_kind_leaves_the_haemorrhage_rule_open() -> None:
    decision = screen(POLICY, {**without("brain_haemorrhage_ever"), "stroke_ever": "yes"})
    assert {(reason.rule, reason.certainty) for reason in decision.reasons} == {
        ("brain_haemorrhage_ever", U),
        ("stroke_ever", T),
    }


@pytest.mark.parametrize(
    ("said", "crisis"),
    [
        ("yes", True),
        ("unknown", True),
        ("prefer_not_to_say", True),
        ("no", False),
        (None, False),
        ("", False),
    ],
)
def test_the_crisis_text_is_called_for_unless_the_person_said_no(said: Any, crisis: bool) -> None:
    assert screen(POLICY, ada(thinking_of_ending_life_now=said)).crisis is crisis


def test_other_rules_do_not_call_for_the_crisis_text() -> None:
    assert not screen(POLICY, ada(pregnant="yes", psychotic_disorder="unknown")).crisis


# --- what a decision carries -----------------------------------------------------------------------------


def test_a_reason_carries_what_was_found_and_where_the_rule_comes_from() -> None:
    decision = screen(POLICY, ada(blood_pressure_readings=bp((150, 95), (151, 96))))
    (reason,) = decision.reasons
    assert (reason.rule, reason.code, reason.level) == (ELEVATED, "elevated_blood_pressure", Level.REVIEW)
    assert reason.threshold_status == ThresholdStatus.EXAMPLE
    assert [(finding.quantity, finding.value) for finding in reason.found] == [
        (Quantity.MEAN_SYSTOLIC, 150.5),
        (Quantity.MEAN_DIASTOLIC, 95.5),
    ]
    assert "Spravato" in reason.source


def test_a_decision_is_json_and_comes_back_the_same() -> None:
    said = ada(thinking_of_ending_life_now="prefer_not_to_say", other_conditions=["asthma"], pregnant=None)
    document = screen(POLICY, said).as_json()
    assert json.loads(json.dumps(document)) == document
    assert document["policy"] == {"id": "home-ketamine-screening", "version": 1}
    assert document["crisis"] is True
    found = [reason["found"] for reason in document["reasons"]]  # type: ignore[attr-defined]
    assert found == [
        [{"question": "pregnant", "quantity": None, "value": None}],
        [{"question": "thinking_of_ending_life_now", "quantity": None, "value": "prefer_not_to_say"}],
        [{"question": "other_conditions", "quantity": None, "value": ["asthma"]}],
    ]


def test_a_decision_is_stored_in_these_words() -> None:
    """What is stored for years is read by name: no word of it changes unnoticed."""
    rule = next(rule for rule in POLICY.rules if rule.id == "age_under_18")
    assert screen(POLICY, ada(age_years=17)).as_json() == {
        "policy": {"id": "home-ketamine-screening", "version": 1},
        "outcome": "ineligible",
        "reasons": [
            {
                "rule": "age_under_18",
                "code": "age_under_18",
                "level": "exclude",
                "certainty": "true",
                "detail": {"patient": rule.patient, "clinician": rule.clinician},
                "found": [{"question": "age_years", "quantity": None, "value": 17}],
                "source": rule.source,
                "threshold_status": "example",
            }
        ],
        "missing": [],
        "crisis": False,
    }


def test_an_open_reason_says_what_is_open_to_both_readers() -> None:
    (reason, *_) = screen(POLICY, ada(**{READINGS: None})).reasons
    assert reason.patient == "Not answered: blood pressure readings."
    rule = next(rule for rule in POLICY.rules if rule.id == reason.rule)
    assert reason.clinician == f"{reason.patient} Open: {rule.clinician}"
    assert (reason.level, reason.certainty) == (Level.REVIEW, U)


def test_the_same_answers_give_the_same_decision_after_storage() -> None:
    stored = json.loads(json.dumps(ADA | {"other_conditions": ["asthma"]}, sort_keys=True))
    policy = parse_policy(json.loads(json.dumps(example_policy(1), sort_keys=True)))
    assert screen(policy, stored) == screen(POLICY, ada(other_conditions=["asthma"]))


# --- three-valued logic ----------------------------------------------------------------------------------

AND = {(T, T): T, (T, F): F, (T, U): U, (F, F): F, (F, U): F, (U, U): U}
OR = {(T, T): T, (T, F): T, (T, U): T, (F, F): F, (F, U): U, (U, U): U}


def symmetric(table: dict[tuple[Truth, Truth], Truth], a: Truth, b: Truth) -> Truth:
    return table[(a, b)] if (a, b) in table else table[(b, a)]


@pytest.mark.parametrize(("a", "b"), list(product(Truth, Truth)))
def test_kleene_and_or(a: Truth, b: Truth) -> None:
    assert all_of([a, b]) == symmetric(AND, a, b)
    assert any_of([a, b]) == symmetric(OR, a, b)


def test_kleene_not() -> None:
    assert [negate(truth) for truth in (T, F, U)] == [F, T, U]


def holds(condition: Condition, known: dict[str, Any]) -> Truth:
    """Whether a condition on answers holds, None being an answer nobody knows."""

    def found(leaf: Leaf) -> Truth:
        assert isinstance(leaf, Answered)
        answer = known[leaf.question]
        return truth_of(None if answer is None else answer_holds(leaf, answer))

    return evaluate(condition, found)


SAID = {T: "yes", F: "no", U: None}


@pytest.mark.parametrize(("a", "b"), list(product(Truth, Truth)))
def test_conditions_combine_as_the_tables_say(a: Truth, b: Truth) -> None:
    known = {"a": SAID[a], "b": SAID[b]}
    parts = (Is("a", "yes"), Is("b", "yes"))
    assert holds(AllOf(parts), known) == symmetric(AND, a, b)
    assert holds(AnyOf(parts), known) == symmetric(OR, a, b)
    assert holds(Not(AllOf(parts)), known) == negate(symmetric(AND, a, b))
    assert holds(Not(Is("a", "yes")), known) == negate(a)


READ = (Reading(120, None), Reading(130, 80))


@pytest.mark.parametrize(
    ("condition", "answer", "truth"),
    [
        (Compare("q", None, Operator.BELOW, 18), 17.9, T),
        (Compare("q", None, Operator.BELOW, 18), 18, F),
        (Compare("q", None, Operator.BELOW, 18), None, U),
        (Compare("q", None, Operator.AT_LEAST, 65), 65, T),
        (Compare("q", None, Operator.AT_LEAST, 65), 64.9, F),
        (Compare("q", None, Operator.AT_LEAST, 65), None, U),
        (Compare("q", Quantity.COUNT, Operator.BELOW, 3), READ, T),
        (Compare("q", Quantity.COUNT, Operator.BELOW, 2), READ, F),
        (Compare("q", Quantity.COUNT, Operator.BELOW, 2), None, U),
        (Compare("q", Quantity.MEAN_SYSTOLIC, Operator.AT_LEAST, 125), READ, T),
        (Compare("q", Quantity.MEAN_SYSTOLIC, Operator.AT_LEAST, 125.1), READ, F),
        (Compare("q", Quantity.MEAN_DIASTOLIC, Operator.AT_LEAST, 80), READ, T),
        (Compare("q", Quantity.MEAN_DIASTOLIC, Operator.AT_LEAST, 80), READ[:1], U),
        (Compare("q", Quantity.HIGHEST_SYSTOLIC, Operator.AT_LEAST, 130), READ, T),
        (Compare("q", Quantity.HIGHEST_SYSTOLIC, Operator.AT_LEAST, 131), READ, F),
        (Compare("q", Quantity.HIGHEST_DIASTOLIC, Operator.AT_LEAST, 80), READ, T),
        (Compare("q", Quantity.HIGHEST_DIASTOLIC, Operator.AT_LEAST, 81), READ, F),
        (Compare("q", Quantity.HIGHEST_DIASTOLIC, Operator.AT_LEAST, 80), READ[:1], U),
        (Reported("q"), ("asthma",), T),
        (Reported("q"), (), F),
        (Reported("q"), None, U),
    ],
)
def test_comparisons(condition: Condition, answer: Any, truth: Truth) -> None:
    assert holds(condition, {"q": answer}) == truth


def any_answer(question: Question) -> st.SearchStrategy[Any]:
    said: st.SearchStrategy[Any]
    if isinstance(question, ChoiceQuestion):
        said = st.sampled_from([choice.value for choice in question.choices])
    elif question.kind == "number":
        said = st.integers(10, 90)
    elif question.kind == "readings":
        pair = st.tuples(st.integers(60, 220), st.none() | st.integers(20, 140))
        said = st.lists(pair, max_size=4).map(lambda pairs: bp(*pairs))
    else:
        said = st.lists(st.sampled_from(["asthma", "x"]), max_size=2)
    return st.just(ADA[question.key]) | said | st.sampled_from([None, "unknown"])


PEOPLE = st.fixed_dictionaries({key: any_answer(question) for key, question in QUESTIONS.items()})


@given(PEOPLE, st.sampled_from(sorted(QUESTIONS)))
def test_forgetting_an_answer_never_makes_anybody_eligible(answers: dict[str, Any], key: str) -> None:
    forgotten = {**answers, key: None}
    if screen(POLICY, forgotten).outcome == ELIGIBLE:
        assert screen(POLICY, answers).outcome == ELIGIBLE
        assert not QUESTIONS[key].required


@given(PEOPLE, st.sampled_from(sorted(QUESTIONS)))
def test_forgetting_an_answer_opens_a_rule_or_leaves_it(answers: dict[str, Any], key: str) -> None:
    before = {k: known_answer(QUESTIONS[k], said) for k, said in answers.items()}
    after = {**before, key: None}
    for rule in POLICY.rules:
        assert holds(rule.when, after) in (U, holds(rule.when, before))


@given(PEOPLE)
def test_outcome_and_reasons_agree(answers: dict[str, Any]) -> None:
    decision = screen(POLICY, answers)
    levels = {reason.level for reason in decision.reasons}
    assert (decision.outcome == INELIGIBLE) == (Level.EXCLUDE in levels)
    assert (decision.outcome == ELIGIBLE) == (not decision.missing and levels <= {Level.NOTE})


# --- the form of answers ---------------------------------------------------------------------------------


def test_good_answers_have_no_faults() -> None:
    assert validate_answers(POLICY, ADA) == []
    assert validate_answers(POLICY, {}) == []


@pytest.mark.parametrize("said", [None, "", "  ", "unknown", "prefer_not_to_say"])
def test_no_answer_is_no_fault(said: Any) -> None:
    assert validate_answers(POLICY, dict.fromkeys(ADA, said)) == []


@pytest.mark.parametrize(
    ("key", "said", "pointer", "code"),
    [
        ("pregnant", "maybe", "/pregnant", "not_a_choice"),
        ("pregnant", "Yes", "/pregnant", "not_a_choice"),
        ("pregnant", True, "/pregnant", "not_a_choice"),
        ("pregnant", ["yes"], "/pregnant", "not_a_choice"),
        ("ketamine_allergy", "not_applicable", "/ketamine_allergy", "not_a_choice"),
        ("age_years", "44", "/age_years", "not_a_number"),
        ("age_years", True, "/age_years", "not_a_number"),
        ("age_years", -1, "/age_years", "implausible"),
        ("age_years", 121, "/age_years", "implausible"),
        ("age_years", 10**400, "/age_years", "implausible"),
        ("age_years", math.nan, "/age_years", "implausible"),
        ("age_years", math.inf, "/age_years", "implausible"),
        (READINGS, {}, f"/{READINGS}", "not_a_list"),
        (READINGS, 120, f"/{READINGS}", "not_a_list"),
        (READINGS, [None], f"/{READINGS}/0", "not_a_reading"),
        (READINGS, bp(*[(120, 80)] * 11), f"/{READINGS}", "too_many"),
        (READINGS, ["120/80"], f"/{READINGS}/0", "not_a_reading"),
        (READINGS, [{"systolic_mmhg": 120}], f"/{READINGS}/0", "not_a_reading"),
        (READINGS, [{**bp((120, 80))[0], "arm": "left"}], f"/{READINGS}/0", "not_a_reading"),
        (READINGS, bp((120, 80), (14, 80)), f"/{READINGS}/1/systolic_mmhg", "implausible"),
        (READINGS, bp((120, 8)), f"/{READINGS}/0/diastolic_mmhg", "implausible"),
        (READINGS, bp((None, 80)), f"/{READINGS}/0/systolic_mmhg", "not_a_number"),  # type: ignore[arg-type]
        (READINGS, bp((80, 120)), f"/{READINGS}/0", "implausible"),
        (READINGS, bp((120, 120)), f"/{READINGS}/0", "implausible"),
        ("other_conditions", "asthma", "/other_conditions", "not_a_list"),
        ("other_conditions", 3, "/other_conditions", "not_a_list"),
        ("other_conditions", ["asthma", " "], "/other_conditions/1", "not_a_text"),
        ("other_conditions", [3], "/other_conditions/0", "not_a_text"),
        ("other_conditions", ["x" * 201], "/other_conditions/0", "too_long"),
        ("other_conditions", ["x"] * 51, "/other_conditions", "too_many"),
        ("shoe_size", 42, "/shoe_size", "unknown_question"),
        ("a/b~c", "no", "/a~1b~0c", "unknown_question"),
    ],
)
def test_a_malformed_answer_is_named(key: str, said: Any, pointer: str, code: str) -> None:
    faults = validate_answers(POLICY, ada(**{key: said}))
    assert [(fault.pointer, fault.code) for fault in faults] == [(pointer, code)]


@pytest.mark.parametrize(
    ("key", "said", "detail"),
    [
        ("ketamine_allergy", "maybe", "Choose one of: yes, no."),
        (READINGS, bp(*[(120, 80)] * 11), "At most 10 entries."),
        ("other_conditions", ["x" * 201], "At most 200 characters."),
        ("age_years", "44", "This answer is a number in years."),
        ("age_years", 121, "From 0 to 120 years."),
        (READINGS, ["120/80"], "A reading has exactly systolic_mmhg and diastolic_mmhg."),
        (READINGS, bp((14, 80)), "From 60 to 300 mmHg."),
        (READINGS, bp((120, 8)), "From 20 to 200 mmHg."),
    ],
)
def test_a_fault_says_what_to_answer_instead(key: str, said: Any, detail: str) -> None:
    (fault,) = validate_answers(POLICY, ada(**{key: said}))
    assert fault.detail == detail


@pytest.mark.parametrize("answers", [None, [], "yes", 3])
def test_answers_are_an_object(answers: Any) -> None:
    (fault,) = validate_answers(POLICY, answers)
    assert (fault.pointer, fault.code) == ("", "not_an_object")


def test_the_largest_allowed_answers_are_fine() -> None:
    said = ada(
        age_years=120, blood_pressure_readings=bp(*[(300, 200)] * 10), other_conditions=["x" * 200] * 50
    )
    assert validate_answers(POLICY, said) == []


def test_a_fault_repeats_nothing_of_what_was_sent() -> None:
    (fault,) = validate_answers(POLICY, ada(pregnant="<script>"))
    assert "script" not in fault.detail
    (fault,) = validate_answers(POLICY, {"k" * 5000: "no"})
    assert len(fault.pointer) <= 65


# --- words -----------------------------------------------------------------------------------------------

DECISIONS: list[Callable[[], ScreeningDecision]] = [
    lambda: screen(POLICY, ADA),
    lambda: screen(POLICY, {}),
    lambda: screen(POLICY, ada(pregnant="yes")),
    lambda: screen(POLICY, ada(thinking_of_ending_life_now="yes")),
]


CRISIS_SUMMARY = "Please call 988 now. You can also call our team."


def words_for(decision: ScreeningDecision) -> PatientText:
    return patient_text(decision, crisis_summary=CRISIS_SUMMARY, phone="555")


def sentences(text: str) -> list[str]:
    return [sentence for sentence in re.split(r"[.?!](?:\s|$)", text) if sentence]


@pytest.mark.parametrize("decide", DECISIONS)
def test_a_patient_reads_two_short_sentences_and_how_to_reach_somebody(
    decide: Callable[[], ScreeningDecision],
) -> None:
    summary = words_for(decide()).summary
    assert len(sentences(summary)) <= 2
    assert all(len(sentence.split()) <= 16 for sentence in sentences(summary))
    assert re.search(r"call us at 555|call our team", summary)


@pytest.mark.parametrize("rule", POLICY.rules, ids=lambda rule: rule.id)
def test_a_rule_speaks_to_a_patient_in_one_short_sentence(rule: Any) -> None:
    assert len(sentences(rule.patient)) == 1
    assert len(rule.patient.split()) <= 16


def test_the_crisis_text_comes_first_and_the_outcome_after_it() -> None:
    text = words_for(screen(POLICY, ada(thinking_of_ending_life_now="yes")))
    assert text.summary == CRISIS_SUMMARY
    assert "clinician" in text.details[0]


def test_a_patient_reads_each_reason_once_and_what_excludes_first() -> None:
    text = words_for(screen(POLICY, {"ketamine_allergy": "yes"}))
    assert text.details[0] == "You told us that ketamine gave you an allergic reaction."
    assert text.details.count("Not answered: psychosis.") == 1
    assert text.as_json() == {"summary": text.summary, "details": list(text.details)}


def test_a_clinician_reads_rule_finding_threshold_and_source() -> None:
    text = clinician_text(screen(POLICY, ada(blood_pressure_readings=bp((150, None), (151, 70)))))
    assert text.splitlines()[0] == "Needs review (policy home-ketamine-screening, version 1)."
    (line,) = text.splitlines()[1:]
    assert line.startswith("- [review] Mean blood pressure at or above 140/90")
    assert "mean_systolic_mmhg = 150.5; mean_diastolic_mmhg = 70" in line
    assert "Rule: blood_pressure_elevated, threshold: example. Source: Spravato US label" in line


@pytest.mark.parametrize(
    ("said", "headline"),
    [
        ({}, "Eligible by the answers given; not a clearance"),
        ({"anything_else": "yes"}, "Needs review"),
        ({"pregnant": "yes"}, "Ineligible"),
    ],
)
def test_a_clinician_reads_first_what_it_came_to(said: dict[str, Any], headline: str) -> None:
    first = clinician_text(screen(POLICY, ada(**said))).splitlines()[0]
    assert first == f"{headline} (policy home-ketamine-screening, version 1)."


def test_a_clinician_reads_a_mean_to_one_decimal_and_the_whole_reason_in_a_line() -> None:
    said = ada(blood_pressure_readings=bp((150, 90), (151, 91), (151, 91)))
    rule = next(rule for rule in POLICY.rules if rule.id == ELEVATED)
    assert clinician_text(screen(POLICY, said)).splitlines()[1:] == [
        f"- [review] {rule.clinician} Found: mean_systolic_mmhg = 150.7; mean_diastolic_mmhg = 90.7. "
        f"Rule: {ELEVATED}, threshold: example. Source: {rule.source}."
    ]


def test_a_clinician_reads_what_is_open_and_what_was_declined() -> None:
    said = ada(thinking_of_ending_life_now="prefer_not_to_say", current_medicines=["aspirin", "zinc"])
    lines = clinician_text(screen(POLICY, said)).splitlines()
    assert lines[1] == "The crisis text was called for."
    assert "current_medicines = aspirin, zinc" in lines[2]
    assert lines[3].startswith("- [unknown] Not answered: thoughts of ending your life. Open: ")
    assert "thinking_of_ending_life_now = prefer_not_to_say" in lines[3]


def test_a_diastolic_nobody_could_measure_is_called_incomplete() -> None:
    decision = screen(POLICY, ada(blood_pressure_readings=bp((120, None), (120, None))))
    assert words_for(decision).details == ("Not complete: blood pressure readings.",)
    assert "mean_diastolic_mmhg = not known" in clinician_text(decision)


def test_another_policy_speaks_under_its_own_name() -> None:
    policy: Policy = parse_policy({**example_policy(1), "id": "other", "version": 7})
    assert "(policy other, version 7)" in clinician_text(screen(policy, ADA))
