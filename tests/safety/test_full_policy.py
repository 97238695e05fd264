"""The full policy: what each part of somebody's health facts comes to, and the tree that says why."""

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from safety.screening.clinical import Listed, Measured, Operator, Scored, Section
from safety.screening.explanation import explain
from safety.screening.health import (
    NOTHING_KNOWN,
    ClinicalStatus,
    CodeSystem,
    Coding,
    FactSource,
    HealthEntry,
    HealthFacts,
    InstrumentFact,
    Lactation,
    Pregnancy,
    Vital,
    VitalFact,
)
from safety.screening.policy import Leaf, PolicyError, example_policy, parse_policy
from safety.screening.rules import Outcome, decide, screen
from safety.screening.texts import clinician_text, patient_text
from tests.safety.screening_people import WELL, anybody

POLICY = parse_policy(example_policy())
AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
ACTIVE, REMISSION, RESOLVED = ClinicalStatus
NEEDS, NO, OK, MISSING = Outcome.NEEDS_REVIEW, Outcome.INELIGIBLE, Outcome.ELIGIBLE, Outcome.INCOMPLETE


def coded(*codes: str, status: ClinicalStatus | None = ACTIVE) -> HealthFacts:
    entries = (
        HealthEntry(code, meanings=(Coding(CodeSystem.ICD_10_CM, code),), status=status) for code in codes
    )
    return HealthFacts(conditions=tuple(entries))


def takes(system: str, code: str) -> HealthFacts:
    return HealthFacts(medications=(HealthEntry("m", meanings=(Coding(CodeSystem(system), code),)),))


def measured(value: float, *, days: float = 1, unit: str = "mm[Hg]", at: datetime | None = AT) -> HealthFacts:
    when = AT - timedelta(days=days)
    return HealthFacts(at=at, vitals=(VitalFact(Vital.SYSTOLIC, value, unit, when),))


def scored(instrument: str, result: str, value: float | str | None, *, days: float = 1) -> HealthFacts:
    return HealthFacts(
        at=AT, instruments=(InstrumentFact(instrument, result, value, AT - timedelta(days=days)),)
    )


HIGH, RAISED = "blood_pressure_on_record_at_crisis_level", "blood_pressure_on_record_elevated"
TABLE: list[tuple[HealthFacts, Outcome, set[str]]] = [
    (NOTHING_KNOWN, OK, set()),
    (HealthFacts(conditions=(), medications=(), allergies=()), OK, set()),
    (coded("F20.9", status=REMISSION), NO, {"schizophrenia"}),
    (coded("F29"), NO, {"psychosis_active"}),
    (coded("F29", status=RESOLVED), NEEDS, {"psychosis_past"}),
    (coded("F29", status=None), NEEDS, {"psychosis_active", "psychosis_past"}),
    (coded("F30.9", status=RESOLVED), NO, {"mania_now_or_before"}),
    (coded("F31.73", status=REMISSION), NO, {"mania_now_or_before"}),
    (coded("F31.9"), NEEDS, {"bipolar_disorder"}),
    (coded("F10.20"), NO, {"alcohol_dependence"}),
    (coded("F10.20", status=REMISSION), NEEDS, {"substance_use_disorder_past"}),
    (coded("F10.21"), NEEDS, {"substance_use_disorder_past"}),
    (coded("F10.10"), NEEDS, {"substance_use_coded"}),
    (coded("F11.21", status=RESOLVED), NO, {"opioid_use_disorder_ever"}),
    (coded("F14.20"), NO, {"other_dependence"}),
    (coded("I10"), NEEDS, {"hypertension_controlled"}),
    (
        coded("I16.1"),
        NO,
        {"hypertension_not_controlled", "hypertension_controlled"} - {"hypertension_controlled"},
    ),
    (coded("I71.20", status=RESOLVED), NO, {"aneurysm_or_avm"}),
    (coded("Q28.2"), NO, {"aneurysm_or_avm"}),
    (coded("I61.9", status=RESOLVED), NO, {"brain_haemorrhage_ever"}),
    (coded("Z86.79"), NEEDS, {"stroke_ever"}),
    (coded("I21.9"), NO, {"heart_attack_or_stroke_recent"}),
    (coded("I25.2"), NEEDS, {"heart_attack_ever"}),
    (coded("I50.9"), NO, {"heart_disease_not_controlled"}),
    (coded("I48.91", status=RESOLVED), NEEDS, {"heart_disease_controlled"}),
    (coded("E05.90"), NEEDS, {"thyroid_controlled"}),
    (coded("G93.2"), NO, {"raised_brain_pressure"}),
    (coded("H40.9"), NEEDS, {"glaucoma"}),
    (coded("K74.60"), NO, {"severe_liver_disease"}),
    (coded("K76.0"), NEEDS, {"liver_disease"}),
    (coded("N30.10"), NEEDS, {"bladder_problems"}),
    (coded("G40.909"), NEEDS, {"seizures"}),
    (coded("G47.33"), NEEDS, {"sleep_apnoea_or_copd"}),
    (coded("Z88.4"), NEEDS, {"drug_allergy_on_record"}),
    (coded("F60.3"), NEEDS, {"personality_disorder"}),
    (coded("O09.90"), NO, {"pregnancy"}),
    (coded("O24.410"), NEEDS, {"pregnancy_or_birth_on_record"}),
    (coded("Z39.1"), NO, {"breastfeeding"}),
    (coded("R45.851"), NEEDS, {"thoughts_of_ending_life"}),
    (coded("T14.91XA"), NO, {"suicide_risk_high"}),
    (coded("Z91.51"), NEEDS, {"suicide_attempt_before"}),
    (coded("E11.9", "M54.50"), OK, set()),
    (coded("F10"), NEEDS, {"alcohol_dependence", "substance_use_disorder_past", "substance_use_coded"}),
    (HealthFacts(pregnancy=Pregnancy.POSSIBLE), NO, {"pregnancy"}),
    (HealthFacts(pregnancy=Pregnancy.NOT_PREGNANT, lactation=Lactation.NOT_APPLICABLE), OK, set()),
    (HealthFacts(lactation=Lactation.LACTATING), NO, {"breastfeeding"}),
    (takes("class", "ketamine"), OK, set()),
    (takes("class", "maoi"), NEEDS, {"takes_maoi"}),
    (takes("rxnorm", "3322"), NEEDS, {"takes_benzodiazepine"}),
    (takes("class", "gabapentinoid"), NEEDS, {"takes_other_sedative"}),
    (takes("rxnorm", "448"), NEEDS, {"takes_alcohol_medicine"}),
    (takes("rxnorm", "28439"), OK, {"takes_lamotrigine"}),
    (HealthFacts(location="DE"), OK, {"location_outside_us"}),
    (HealthFacts(location="US-IL"), OK, set()),
    (measured(180), NO, {HIGH, RAISED}),
    (measured(24, unit="kPa"), NO, {HIGH, RAISED}),
    (measured(179.9), NEEDS, {RAISED}),
    (measured(139), OK, set()),
    (measured(200, days=30.01), OK, set()),
    (measured(200, days=-0.01), OK, set()),
    (measured(200, unit="stone"), NEEDS, {HIGH, RAISED}),
    (measured(2000), NEEDS, {HIGH, RAISED}),
    (measured(200, at=None), NEEDS, {HIGH, RAISED}),
    (scored("cssrs", "triage", "high"), NO, {"suicide_risk_high"}),
    (scored("cssrs", "triage", "moderate"), NEEDS, {"thoughts_of_ending_life"}),
    (scored("cssrs", "triage", "low"), OK, set()),
    (scored("cssrs", "triage", None), NEEDS, {"suicide_risk_high", "thoughts_of_ending_life"}),
    (scored("cssrs", "triage", "high", days=91), OK, set()),
    (scored("phq9", "phq9_9", 1), NEEDS, {"thoughts_of_ending_life"}),
    (scored("phq9", "phq9_9", 0), OK, set()),
    (scored("phq9", "phq9_9", "one"), NEEDS, {"thoughts_of_ending_life"}),
]


@pytest.mark.parametrize(("facts", "outcome", "rules"), TABLE)
def test_what_is_on_record_comes_to_this(facts: HealthFacts, outcome: Outcome, rules: set[str]) -> None:
    decision = screen(POLICY, WELL, facts)
    assert ({reason.rule for reason in decision.reasons}, decision.outcome) == (rules, outcome)


def test_a_nasal_medicine_matters_by_the_nose_alone() -> None:
    spray = (HealthEntry("spray", meanings=(Coding(CodeSystem.MEDICINE_CLASS, "nasal_medicine"),)),)
    spoke = {
        route: [
            rule.id for rule, _ in decide(POLICY, WELL, HealthFacts(medications=spray, route=route)).spoke
        ]
        for route in ("sublingual", "intranasal", None)
    }
    assert spoke == {
        "sublingual": [],
        "intranasal": ["nasal_medicine_with_nasal_route"],
        None: ["nasal_medicine_with_nasal_route"],
    }


@pytest.mark.parametrize(
    ("key", "said", "outcome", "rule"),
    [
        ("adult_can_be_present", "no", NEEDS, "no_adult_present"),
        ("alcohol_or_drugs_today", "yes", NEEDS, "alcohol_or_drugs_today"),
        ("fever_or_vomiting_today", "yes", NEEDS, "fever_or_vomiting_today"),
        ("mania", "past", NO, "mania_now_or_before"),
        ("heart_problem", "not_controlled", NO, "heart_disease_not_controlled"),
        ("overactive_thyroid", "not_controlled", NO, "thyroid_not_controlled"),
        ("liver_disease", "severe", NO, "severe_liver_disease"),
        ("liver_disease", "mild_or_moderate", NEEDS, "liver_disease"),
        ("suicide_plan_or_attempt_last_3_months", "yes", NO, "suicide_risk_high"),
        ("seizures", "unknown", NEEDS, "seizures"),
        ("seizures", None, MISSING, "seizures"),
        ("seizures", "  ", MISSING, "seizures"),
    ],
)
def test_what_is_answered_comes_to_this(key: str, said: Any, outcome: Outcome, rule: str) -> None:
    verdict = decide(POLICY, WELL | {key: said})
    assert (verdict.outcome, [each.id for each, _ in verdict.spoke]) == (outcome, [rule])
    assert verdict.missing == ((key,) if said in (None, "  ", "unknown") else ())


def test_an_exclusion_stands_whatever_is_missing() -> None:
    assert decide(POLICY, {"pregnant": "yes"}).outcome == NO


def test_an_answer_that_a_record_already_gives_is_not_missing() -> None:
    answers = WELL | {"glaucoma": None}
    assert decide(POLICY, answers, coded("H40.9")).missing == ()
    assert decide(POLICY, answers).missing == ("glaucoma",)


@pytest.mark.parametrize(
    ("facts", "said", "crisis"),
    [
        (coded("T14.91XA"), "no", True),
        (HealthFacts(conditions=(HealthEntry("?"),)), "no", False),
        (NOTHING_KNOWN, "prefer_not_to_say", True),
        (NOTHING_KNOWN, None, False),
        (scored("cssrs", "triage", None), "no", False),
    ],
)
def test_the_crisis_text_is_called_for(facts: HealthFacts, said: str | None, crisis: bool) -> None:
    answers = WELL | {"suicide_plan_or_attempt_last_3_months": said}
    assert decide(POLICY, answers, facts).crisis is crisis


def test_a_reason_shows_what_made_it_speak_and_who_said_so() -> None:
    epilepsy = HealthEntry(
        "Epilepsy",
        codings=(Coding(CodeSystem.SNOMED_CT, "84757009"),),
        meanings=(Coding(CodeSystem.ICD_10_CM, "G40.909"),),
        source=FactSource.IMPORT,
    )
    decision = screen(POLICY, WELL | {"seizures": "yes"}, HealthFacts(conditions=(epilepsy,)))
    (reason,) = (reason for reason in decision.reasons if reason.rule == "seizures")
    assert [(found.question, found.value, found.origin) for found in reason.found] == [
        ("seizures", "yes", "answers"),
        ("conditions", ("Epilepsy (status not recorded; snomed 84757009)",), "import"),
    ]
    text = clinician_text(decision)
    assert "Rule: seizures." in text
    assert "conditions = Epilepsy (status not recorded; snomed 84757009)" in text


def test_a_reason_that_rests_on_an_empty_list_says_so() -> None:
    content = example_policy()
    rule = content["rules"][-1] | {"id": "new", "level": "review", "when": {"not": {"condition": "glaucoma"}}}
    content["rules"].append(rule)
    decision = screen(parse_policy(content), WELL, HealthFacts(conditions=()))
    (reason,) = decision.reasons
    assert [(found.question, found.value, found.origin) for found in reason.found] == [
        ("conditions", (), "record")
    ]
    assert "Found: conditions = none. Rule: new." in clinician_text(decision)


def test_whoever_left_something_out_reads_what_to_do_next() -> None:
    decision = screen(POLICY, WELL | {"seizures": None})
    text = patient_text(decision, crisis_summary="", phone="+1-555-0100")
    assert "answer them next" in text.summary
    assert text.details == ("Not answered: seizures.",)


# --- the tree --------------------------------------------------------------------------------------------


def test_the_tree_names_what_decided_and_every_rule() -> None:
    tree = explain(POLICY, WELL | {"seizures": "yes", "glaucoma": None}, coded("F20.9"))
    assert json.loads(json.dumps(tree)) == tree
    assert (tree["outcome"], tree["decided_by"], tree["missing"]) == (
        "ineligible",
        ["schizophrenia"],
        ["glaucoma"],
    )
    assert [rule["rule"] for rule in tree["rules"]] == [rule.id for rule in POLICY.rules]
    (seizures,) = (rule for rule in tree["rules"] if rule["rule"] == "seizures")
    assert (seizures["truth"], seizures["spoke"]) == ("true", True)
    assert seizures["when"]["any"][0] == {
        "truth": "true",
        "about": "seizures",
        "wanted": "answered yes",
        "question": "seizures",
        "quantity": None,
        "value": "yes",
        "origin": "answers",
    }
    assert seizures["when"]["any"][1]["wanted"] == "seizure disorder"
    assert seizures["when"]["any"][1]["value"] == []


def test_a_tree_is_shown_in_these_words() -> None:
    tree = explain(POLICY, WELL | {"thinking_of_ending_life_now": "yes"})
    assert {key: value for key, value in tree.items() if key != "rules"} == {
        "policy": {"id": "home-ketamine-screening", "version": 2},
        "outcome": "needs_review",
        "decided_by": ["thoughts_of_ending_life"],
        "missing": [],
        "crisis": True,
    }
    rule = next(rule for rule in POLICY.rules if rule.id == "thoughts_of_ending_life")
    (shown,) = (each for each in tree["rules"] if each["rule"] == rule.id)
    assert {key: value for key, value in shown.items() if key != "when"} == {
        "rule": rule.id,
        "level": "review",
        "truth": "true",
        "spoke": True,
        "source": rule.source,
    }
    assert set(shown["when"]) == {"truth", "any"}


@pytest.mark.parametrize(
    ("answers", "facts", "decided_by"),
    [
        (WELL, NOTHING_KNOWN, []),
        (WELL | {"ketamine_before": "yes"}, NOTHING_KNOWN, []),
        (WELL | {"seizures": None}, NOTHING_KNOWN, ["seizures"]),
        (WELL | {"seizures": None, "ketamine_before": "yes"}, NOTHING_KNOWN, ["seizures"]),
        (WELL | {"seizures": "yes"}, measured(150), [RAISED, "seizures"]),
        (WELL | {"seizures": "yes", "mania": None}, coded("F20.9"), ["schizophrenia"]),
    ],
)
def test_the_tree_says_which_rules_made_the_outcome(
    answers: dict[str, Any], facts: HealthFacts, decided_by: list[str]
) -> None:
    assert explain(POLICY, answers, facts)["decided_by"] == decided_by


def test_the_tree_agrees_with_the_decision_and_says_what_each_leaf_wants() -> None:
    rng = Random(7)  # noqa: S311
    for answers, facts in (anybody(POLICY, rng) for _ in range(60)):
        tree, verdict = explain(POLICY, answers, facts), decide(POLICY, answers, facts)
        spoke = [rule["rule"] for rule in tree["rules"] if rule["spoke"]]
        assert (tree["outcome"], spoke) == (verdict.outcome, [rule.id for rule, _ in verdict.spoke])
    wanted = json.dumps(tree)
    for words in (
        "below 18",
        "something listed",
        "an entry that nobody could read",
        "intranasal",
        "on record, at",
    ):
        assert words in wanted
    assert "cssrs triage is high, at most 90 days old" in wanted
    assert "mean_systolic_mmhg at least 180" in wanted
    assert "systolic_mmhg at least 180, at most 30 days old" in wanted
    assert "another or unspecified psychosis (remission or resolved)" in wanted


def leaf(
    truth: str, about: str, wanted: str, question: str, value: Any, origin: str, quantity: str | None = None
) -> dict[str, Any]:
    return {
        "truth": truth,
        "about": about,
        "wanted": wanted,
        "question": question,
        "quantity": quantity,
        "value": value,
        "origin": origin,
    }


def tree_of(when: dict[str, Any], facts: HealthFacts = NOTHING_KNOWN, **said: Any) -> Any:
    """The tree of a rule that is added to the full policy, for Ada who is well but for what she says."""
    content = example_policy()
    rule = content["rules"][-1] | {"id": "new", "code": "new", "level": "note", "when": when}
    rule.pop("threshold_status", None)
    if "below" in json.dumps(when) or "at_least" in json.dumps(when):
        rule["threshold_status"] = "example"
    content["rules"].append(rule)
    tree = explain(parse_policy(content), WELL | said, facts)["rules"][-1]
    assert tree["truth"] == tree["when"]["truth"]
    return tree["when"]


SEIZURES = {"question": "seizures", "is": "yes"}
YOUNG = {"question": "age_years", "below": 18}


@pytest.mark.parametrize(
    ("said", "truth", "value"),
    [
        ("yes", "true", "yes"),
        ("no", "false", "no"),
        (None, "unknown", None),
        ("prefer_not_to_say", "unknown", "prefer_not_to_say"),
        ("nope", "unknown", None),
        (["yes"], "unknown", None),
        ({}, "unknown", None),
    ],
)
def test_a_leaf_of_the_tree_shows_what_was_answered(said: Any, truth: str, value: str | None) -> None:
    expected = leaf(truth, "seizures", "answered yes", "seizures", value, "answers")
    assert tree_of(SEIZURES, seizures=said) == expected


@pytest.mark.parametrize(
    ("said", "truth", "value"),
    [(17, "true", 17), (18, "false", 18), ("unknown", "unknown", "unknown"), ("17", "unknown", None)],
)
def test_a_leaf_of_the_tree_shows_the_number_that_was_answered(
    said: Any, truth: str, value: float | str | None
) -> None:
    expected = leaf(truth, "age", "the number below 18", "age_years", value, "answers")
    assert tree_of(YOUNG, age_years=said) == expected


def test_a_leaf_of_the_tree_shows_the_quantity_computed_from_readings() -> None:
    when = {"question": "blood_pressure_readings", "quantity": "highest_systolic_mmhg", "at_least": 180}
    readings = [{"systolic_mmhg": 120, "diastolic_mmhg": 80}, {"systolic_mmhg": 181, "diastolic_mmhg": 80}]
    key, quantity = "blood_pressure_readings", "highest_systolic_mmhg"
    assert tree_of(when, blood_pressure_readings=readings) == leaf(
        "true", "blood pressure readings", f"{quantity} at least 180", key, 181, "answers", quantity
    )


OPEN_ANGLE = HealthEntry(
    "Glaucoma",
    codings=(Coding(CodeSystem.ICD_10_CM, "H40.9"),),
    meanings=(Coding(CodeSystem.ICD_10_CM, "H40.9"),),
    status=ACTIVE,
    source=FactSource.IMPORT,
)
UNREAD = HealthEntry("something", status=ACTIVE, source=FactSource.CLINICIAN)
GLAUCOMA = (
    "health problems on record",
    "glaucoma or raised pressure in the eye (active or remission)",
    "conditions",
)


@pytest.mark.parametrize(
    ("conditions", "said", "truth", "value", "origin"),
    [
        ((OPEN_ANGLE,), [], "true", ["Glaucoma (active; icd10cm H40.9)"], "import"),
        (
            (OPEN_ANGLE, UNREAD),
            [],
            "true",
            ["Glaucoma (active; icd10cm H40.9)", "something (active)"],
            "import, clinician",
        ),
        ((UNREAD,), [], "unknown", ["something (active)"], "clinician"),
        ((), [], "false", [], "record"),
        (None, [], "false", None, "record"),  # asked, nothing named
        (None, None, "unknown", None, "record"),
    ],
)
def test_a_leaf_of_the_tree_shows_the_entries_behind_it(
    conditions: tuple[HealthEntry, ...] | None, said: Any, truth: str, value: list[str] | None, origin: str
) -> None:
    when = {"condition": "glaucoma", "status": ["active", "remission"]}
    found = tree_of(when, HealthFacts(conditions=conditions), other_conditions=said)
    assert found == leaf(truth, *GLAUCOMA, value, origin)


HIGH_ON_RECORD = {"vital": "systolic_mmhg", "unit": "mm[Hg]", "max_age_days": 30, "at_least": 180}
TRIAGE = {"instrument": "cssrs", "result": "triage", "max_age_days": 90, "is": "high"}
SYSTOLIC = ("a recent measurement", "systolic_mmhg at least 180, at most 30 days old", "systolic_mmhg")
ASKED = ("a recent questionnaire", "cssrs triage is high, at most 90 days old", "cssrs.triage")


@pytest.mark.parametrize(
    ("when", "facts", "expected"),
    [
        (
            {"unrecognised": "medications"},
            HealthFacts(medications=(HealthEntry("a pill"),)),
            leaf(
                "true",
                "medicines on record",
                "an entry that nobody could read",
                "medications",
                ["a pill (status not recorded)"],
                "patient",
            ),
        ),
        (
            {"allergy": "ketamine"},
            HealthFacts(allergies=()),
            leaf("false", "allergies on record", "ketamine or esketamine", "allergies", [], "record"),
        ),
        (
            {"location": ["US-IL", "US-NY"]},
            HealthFacts(location="US-NY"),
            leaf("true", "where you are", "US-IL or US-NY", "location", "US-NY", "record"),
        ),
        (
            {"pregnancy": ["pregnant"]},
            HealthFacts(pregnancy=Pregnancy.POSSIBLE),
            leaf("false", "pregnancy on record", "pregnant", "pregnancy", "possible", "record"),
        ),
        (
            {"lactation": ["lactating"]},
            HealthFacts(lactation=Lactation.LACTATING),
            leaf("true", "breastfeeding on record", "lactating", "lactation", "lactating", "record"),
        ),
        (
            {"route": ["intranasal"]},
            NOTHING_KNOWN,
            leaf("unknown", "how the medicine is taken", "intranasal", "route", None, "record"),
        ),
        (HIGH_ON_RECORD, measured(181), leaf("true", *SYSTOLIC, 181, "patient")),
        (HIGH_ON_RECORD, measured(179), leaf("false", *SYSTOLIC, 179, "patient")),
        (HIGH_ON_RECORD, measured(181, days=31), leaf("unknown", *SYSTOLIC, None, "record")),
        (TRIAGE, scored("cssrs", "triage", "high"), leaf("true", *ASKED, "high", "program")),
        (TRIAGE, scored("cssrs", "triage", None), leaf("unknown", *ASKED, None, "program")),
        (TRIAGE, NOTHING_KNOWN, leaf("unknown", *ASKED, None, "record")),
    ],
)
def test_a_leaf_of_the_tree_shows_what_is_on_record(
    when: dict[str, Any], facts: HealthFacts, expected: dict[str, Any]
) -> None:
    assert tree_of(when, facts) == expected


def test_a_branch_of_the_tree_shows_how_its_parts_are_joined() -> None:
    yes = leaf("true", "seizures", "answered yes", "seizures", "yes", "answers")
    adult = leaf("false", "age", "the number below 18", "age_years", 44, "answers")
    both = {"all": [SEIZURES, {"not": YOUNG}]}
    assert tree_of({"any": [YOUNG, both]}, seizures="yes") == {
        "truth": "true",
        "any": [adult, {"truth": "true", "all": [yes, {"truth": "true", "not": [adult]}]}],
    }


# --- what makes no policy --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        ({"format": 1}, "format", "from format 2 on"),
        ({"format": 9}, "format", "1 or 2"),
        ({"asked_by": {"mood": "pregnant"}}, "asked_by", "unknown key mood"),
    ],
)
def test_what_does_not_fit_together_is_refused(change: dict[str, Any], place: str, problem: str) -> None:
    with pytest.raises(PolicyError) as refusal:
        parse_policy(example_policy() | change)
    assert refusal.value.place == place
    assert problem in refusal.value.problem


CONDITION = {"key": "a", "kind": "condition", "name": "A"}
MEDICINE = {"key": "b", "kind": "medicine", "name": "B"}


@pytest.mark.parametrize(
    ("concepts", "place", "problem"),
    [
        ([CONDITION, MEDICINE, CONDITION], "concepts[2]", "a is there twice"),
        ([CONDITION | {"colour": "red"}], "concepts[0]", "unknown key colour"),
        ([MEDICINE, CONDITION | {"rxnorm": ["1"]}], "concepts[1].rxnorm", "a condition has no RxNorm code"),
        ([MEDICINE | {"icd10cm": ["F20"]}], "concepts[0].icd10cm", "a medicine has no ICD-10-CM code"),
        ([CONDITION | {"icd10cm": "F20"}], "concepts[0].icd10cm", "has to be a list of words"),
        ([CONDITION | {"icd10cm": ["F20", 20]}], "concepts[0].icd10cm[1]", "has to look like"),
        ([CONDITION | {"icd10cm": ["F20", "F2"]}], "concepts[0].icd10cm[1]", "has to look like"),
        ([CONDITION | {"icd10cm": ["F20", "F21", "F20"]}], "concepts[0].icd10cm[2]", "F20 is there twice"),
        (
            [CONDITION | {"icd10cm": ["F20"], "icd10cm_but_not": ["F20.1", "F21"]}],
            "concepts[0].icd10cm_but_not[1]",
            "F21 takes nothing away",
        ),
        (
            [CONDITION | {"icd10cm": ["F20"], "icd10cm_but_not": ["F20"]}],
            "concepts[0].icd10cm_but_not[0]",
            "F20 takes nothing away",
        ),
        ([MEDICINE | {"includes": ["nobody"]}], "concepts[0].includes[0]", "there is no medicine nobody"),
        (
            [MEDICINE, {**MEDICINE, "key": "c"}, CONDITION | {"includes": ["b"]}],
            "concepts[2].includes[0]",
            "there is no condition b",
        ),
        (
            [MEDICINE | {"includes": ["c"]}, {**MEDICINE, "key": "c", "includes": ["b"]}],
            "concepts[0].includes",
            "a cycle: b includes c includes b",
        ),
    ],
)
def test_a_concept_that_makes_no_sense_is_refused_by_place(
    concepts: list[dict[str, Any]], place: str, problem: str
) -> None:
    with pytest.raises(PolicyError) as refusal:
        parse_policy(example_policy() | {"concepts": concepts})
    assert refusal.value.place == place
    assert problem in refusal.value.problem


def test_entries_nobody_can_read_need_a_rule_of_their_own() -> None:
    content = example_policy()
    content["rules"] = [rule for rule in content["rules"] if rule["id"] != "conditions_not_recognised"]
    with pytest.raises(PolicyError, match="no rule asks for review of unrecognised conditions"):
        parse_policy(content)


def test_a_concept_that_no_rule_looks_at_is_refused() -> None:
    content = example_policy()
    content["concepts"].append({"key": "idle", "kind": "condition", "name": "Idle", "icd10cm": ["A00"]})
    with pytest.raises(PolicyError, match="no rule looks at idle"):
        parse_policy(content)


WEIGHT: dict[str, Any] = {"vital": "weight_kg", "max_age_days": 3, "unit": "kg"}
TOTAL: dict[str, Any] = {"instrument": "phq9", "result": "total", "max_age_days": 3}


@pytest.mark.parametrize(
    ("when", "place", "problem"),
    [
        ({"unrecognised": "moods"}, ".unrecognised", "has to be one of conditions, medications, allergies"),
        ({"condition": "maoi"}, ".condition", "there is no condition maoi"),
        ({"pregnancy": ["possible", "perhaps"]}, ".pregnancy[1]", "perhaps is not a word for pregnancy"),
        ({"pregnancy": []}, ".pregnancy", "list of words"),
        ({"location": ["US-IL", "Illinois"]}, ".location[1]", "has to look like"),
        ({"medication": "maoi", "status": ["active"]}, ".status[0]", "active is not a status"),
        ({"condition": "mania", "status": ["active", "maybe"]}, ".status[1]", "maybe is not a status"),
        ({"vital": "mood", "max_age_days": 3, "recorded": True}, ".vital", "has to be one of"),
        (WEIGHT, "", "a condition on a number has exactly one of below, at_least"),
        (WEIGHT | {"unit": "g", "below": 50}, ".unit", "weight_kg is compared in kg"),
        (WEIGHT | {"max_age_days": 3661, "below": 50}, ".max_age_days", "3661 is outside 1 to 3660"),
        (TOTAL | {"at_least": 1000.5}, ".at_least", "1000.5 is outside -1000 to 1000"),
        (TOTAL | {"below": -1000.5}, ".below", "-1000.5 is outside -1000 to 1000"),
        ({"instrument": "phq9", "result": "total", "is": "x"}, ".max_age_days", "is missing"),
    ],
)
def test_a_condition_on_health_facts_that_makes_no_sense_is_refused_by_place(
    when: dict[str, Any], place: str, problem: str
) -> None:
    content = example_policy()
    content["rules"].append(content["rules"][1] | {"id": "new", "code": "new", "when": when})
    with pytest.raises(PolicyError) as refusal:
        parse_policy(content)
    assert refusal.value.place == f"rules[{len(content['rules']) - 1}].when{place}"
    assert problem in refusal.value.problem


@pytest.mark.parametrize(
    ("when", "leaf"),
    [
        ({"condition": "mania", "status": []}, Listed(Section.CONDITIONS, "mania", ())),
        (WEIGHT | {"at_least": 20}, Measured(Vital.WEIGHT, 3, Operator.AT_LEAST, 20)),
        (WEIGHT | {"max_age_days": 3660, "below": 400}, Measured(Vital.WEIGHT, 3660, Operator.BELOW, 400)),
        ({"vital": "weight_kg", "max_age_days": 1, "recorded": True}, Measured(Vital.WEIGHT, 1, None, 0)),
        (TOTAL | {"at_least": 1000}, Scored("phq9", "total", 3, None, Operator.AT_LEAST, 1000)),
        (TOTAL | {"below": -1000}, Scored("phq9", "total", 3, None, Operator.BELOW, -1000)),
        (TOTAL | {"taken": True}, Scored("phq9", "total", 3, None, None, 0)),
        (TOTAL | {"is": "mild"}, Scored("phq9", "total", 3, "mild", None, 0)),
    ],
)
def test_a_condition_on_health_facts_is_read_up_to_its_limits(when: dict[str, Any], leaf: Leaf) -> None:
    content = example_policy()
    status = {} if getattr(leaf, "operator", None) is None else {"threshold_status": "example"}
    rule = content["rules"][1] | {"id": "new", "code": "new", "when": when}
    rule.pop("threshold_status", None)
    content["rules"].append(rule | status)
    assert parse_policy(content).rules[-1].when == leaf
