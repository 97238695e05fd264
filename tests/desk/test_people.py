"""The rehearsal's people: the records read as they are, and guesses that are marked as guesses."""

import hashlib
import os
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import Any

import pytest

from assessments.instruments import instruments
from assessments.schedule import schedule
from desk.rehearsal.people import SURVEY_ADULTS, Person, fhir_patients, fill_unasked, students, survey_adults
from safety.screening.answers import validate_answers
from safety.screening.logic import Truth
from safety.screening.policy import example_policy, parse_policy
from safety.screening.rules import Outcome, Reason, ScreeningDecision, screen

POLICY = parse_policy(example_policy())
INSTRUMENTS = [instruments()[code] for code in schedule().instruments]
ADULTS = survey_adults()
BY_ID = {person.source_id: person for person in ADULTS}
RECORDS = Path(os.environ.get("REKINDLE_RECORDS", Path(__file__).parents[3] / "shared" / "real"))
REFERENCE_DAY = date(2026, 6, 30)
PHQ9 = [f"phq9_{number}" for number in range(1, 10)]
GAD7 = [f"gad7_{number}" for number in range(1, 8)]

needs_records = pytest.mark.skipif(
    not RECORDS.is_dir(), reason=f"NOT RUN: the real records are not at {RECORDS.name}/ beside the project"
)


def total(person: Person, items: list[str], *, code: str) -> int | None:
    answered = person.responses.get(code, {})
    return sum(answered[item] for item in items) if set(items) <= set(answered) else None


def totals(people: list[Person], items: list[str], *, code: str) -> list[int]:
    found = [total(person, items, code=code) for person in people]
    return [value for value in found if value is not None]


@cache
def decisions() -> dict[str, ScreeningDecision]:
    """Return every adult's screening as recorded; many tests look at it, and it takes a while."""
    return {person.source_id: screen(POLICY, person.answers) for person in ADULTS}


def reasons(person: Person, rule: str) -> list[Reason]:
    return [reason for reason in decisions()[person.source_id].reasons if reason.rule == rule]


def certain(rule: str) -> int:
    return sum(reason.certainty == Truth.TRUE for person in ADULTS for reason in reasons(person, rule))


# --- the survey's figures, as published with the file ----------------------------------------------------


def test_the_bundled_file_is_the_published_one() -> None:
    digest = hashlib.sha256(SURVEY_ADULTS.read_bytes()).hexdigest()
    assert digest == "cadb78972ce5cdf181c99f164dbebcd84b54dcd6527b209c08a27286b12d825e"
    assert digest in (SURVEY_ADULTS.parent / "README").read_text()


def test_the_survey_has_500_adults() -> None:
    assert len(ADULTS) == len(BY_ID) == 500
    assert Counter(person.gender for person in ADULTS) == {"female": 265, "male": 235}


def test_the_survey_phq9_figures() -> None:
    found = totals(ADULTS, PHQ9, code="phq9")
    assert len(found) == 498
    assert fmean(found) == pytest.approx(3.307229, abs=1e-6)
    assert stdev(found) == pytest.approx(4.377093, abs=1e-6)
    bands = Counter("01234"[min(value // 5, 4)] for value in found)
    assert [bands[band] for band in "01234"] == [366, 82, 33, 12, 5]
    assert sum(person.responses["phq9"].get("phq9_9", 0) >= 1 for person in ADULTS) == 16


def test_the_survey_blood_pressure_figures() -> None:
    assert certain("blood_pressure_elevated") == 99
    assert certain("blood_pressure_at_crisis_level") == 7
    assert sum("blood_pressure_readings" not in person.answers for person in ADULTS) == 23


def test_a_blank_item_stays_out() -> None:
    assert BY_ID["93887"].responses == {"phq9": {"phq9_1": 0}}
    assert BY_ID["94327"].responses == {"phq9": {"phq9_2": 0}}


def test_the_function_item_follows_the_skip_logic() -> None:
    for person in ADULTS:
        value = total(person, PHQ9, code="phq9")
        if value is not None:
            assert ("phq9_10" in person.responses["phq9"]) == (value > 0)


def test_nobody_was_asked_what_this_extract_does_not_hold() -> None:
    assert {key for person in ADULTS for key in person.answers} == {
        "age_years",
        "blood_pressure_readings",
        "used_cocaine_heroin_meth_last_month",
        "drug_treatment_ever",
        "heart_attack_ever",
        "stroke_ever",
        "current_medicines",
    }
    assert {code for person in ADULTS for code in person.responses} == {"phq9"}
    assert all(person.generated == () for person in ADULTS)


def test_drug_use_last_month_is_said_only_where_the_survey_says_it() -> None:
    said = Counter(person.answers.get("used_cocaine_heroin_meth_last_month") for person in ADULTS)
    assert said == {"no": 342, "yes": 15, None: 143}


def test_drug_use_in_a_month_is_no_disorder_and_goes_to_review() -> None:
    users = [p for p in ADULTS if p.answers.get("used_cocaine_heroin_meth_last_month") == "yes"]
    for person in users:
        (reason,) = reasons(person, "drugs_last_month")
        assert (reason.level, reason.certainty) == ("review", Truth.TRUE)
        (disorder,) = reasons(person, "substance_use_disorder_active")
        assert disorder.certainty == Truth.UNKNOWN


def test_recorded_heart_attack_stroke_and_rehabilitation_go_to_review() -> None:
    assert certain("heart_attack_ever") == 26
    assert certain("stroke_ever") == 25
    assert certain("drug_treatment_ever") == 13


def test_an_antidepressant_is_a_medicine_and_its_absence_is_no_answer() -> None:
    assert certain("current_medicines") == 50
    said = Counter(str(person.answers.get("current_medicines")) for person in ADULTS)
    assert said == {"['antidepressant']": 50, "None": 450}


def test_a_diastolic_of_zero_was_not_measurable() -> None:
    readings = [{"systolic_mmhg": value, "diastolic_mmhg": None} for value in (136.0, 134.0, 130.0)]
    assert BY_ID["94267"].answers["blood_pressure_readings"] == readings
    (reason,) = reasons(BY_ID["94267"], "blood_pressure_elevated")
    assert reason.certainty == Truth.UNKNOWN


def test_every_recorded_answer_has_a_sound_form() -> None:
    assert [validate_answers(POLICY, person.answers) for person in ADULTS] == [[]] * 500


def test_as_recorded_nobody_is_eligible() -> None:
    outcomes = Counter(decision.outcome for decision in decisions().values())
    assert outcomes == {Outcome.INCOMPLETE: 493, Outcome.INELIGIBLE: 7}


# --- guesses ---------------------------------------------------------------------------------------------


def filled(people: list[Person], *, seed: int = 20261121) -> list[Person]:
    rng = Random(seed)  # noqa: S311 - a rehearsal has to repeat itself
    return [fill_unasked(person, policy=POLICY, instruments=INSTRUMENTS, rng=rng) for person in people]


FILLED = filled(ADULTS)


def test_the_same_seed_gives_the_same_people() -> None:
    assert filled(ADULTS) == FILLED
    assert filled(ADULTS, seed=2) != FILLED


def test_filling_leaves_what_was_recorded_and_marks_the_rest() -> None:
    for before, after in zip(ADULTS, FILLED, strict=True):
        assert {k: said for k, said in after.answers.items() if k not in after.generated} == before.answers
        assert {c: r for c, r in after.responses.items() if c not in after.generated} == before.responses
        assert set(after.answers) == {question.key for question in POLICY.questions}
        assert set(after.responses) == {"phq9", "gad7", "cbi"}


def test_filling_twice_changes_nothing_more() -> None:
    again = filled(FILLED)
    assert [(p.answers, p.responses) for p in again] == [(p.answers, p.responses) for p in FILLED]


def test_a_half_answered_instrument_stays_half_answered() -> None:
    person = next(person for person in FILLED if person.source_id == "93887")
    assert person.responses["phq9"] == {"phq9_1": 0}
    assert "phq9" not in person.generated


def test_guessed_answers_have_a_sound_form() -> None:
    assert [validate_answers(POLICY, person.answers) for person in FILLED] == [[]] * 500


def test_guesses_meet_every_outcome() -> None:
    met = {screen(POLICY, person.answers).outcome for person in FILLED}
    assert met == {Outcome.ELIGIBLE, Outcome.NEEDS_REVIEW, Outcome.INELIGIBLE}


def test_guessed_items_are_answers_the_instrument_allows() -> None:
    for person in FILLED:
        for instrument in INSTRUMENTS:
            for key, value in person.responses[instrument.code].items():
                assert value in instrument.items[key].values


def test_guessed_follow_ups_obey_their_gates() -> None:
    for person in FILLED:
        cbi = person.responses["cbi"]
        assert any(key.startswith("cbi_client_") for key in cbi) == (cbi["cbi_gate_clients"] == 1)
    assert {person.responses["cbi"]["cbi_gate_clients"] for person in FILLED} == {0, 1}


def test_a_guess_does_not_contradict_the_record() -> None:
    for person in FILLED:
        if person.gender == "male":
            assert person.answers["pregnant"] == "not_applicable"
        if person.answers["heart_attack_ever"] == "no" and person.answers["stroke_ever"] == "no":
            assert person.answers["heart_attack_or_stroke_last_6_weeks"] == "no"


def test_a_question_this_module_does_not_know_is_answered_unknown() -> None:
    content: dict[str, Any] = example_policy(1)
    content["questions"] = [{**content["questions"][1], "key": "colour"}]
    when = {"question": "colour", "is": "no"}
    content["rules"] = [{**content["rules"][1], "when": when}]
    policy = parse_policy(content)
    rng = Random(1)  # noqa: S311 - a rehearsal has to repeat itself
    assert fill_unasked(ADULTS[0], policy=policy, instruments=[], rng=rng).answers["colour"] == "unknown"


# --- the records beside the project ----------------------------------------------------------------------


@pytest.mark.records
@needs_records
def test_the_students_figures() -> None:
    people = students(RECORDS / "questionnaires" / "ukm_phq9_gad7_pss10.csv")
    assert len(people) == 223
    phq9, gad7 = totals(people, PHQ9, code="phq9"), totals(people, GAD7, code="gad7")
    assert (len(phq9), len(gad7)) == (223, 223)
    assert fmean(phq9) == pytest.approx(8.825112, abs=1e-6)
    assert stdev(phq9) == pytest.approx(6.172512, abs=1e-6)
    assert fmean(gad7) == pytest.approx(5.748879, abs=1e-6)
    assert stdev(gad7) == pytest.approx(5.409342, abs=1e-6)
    assert all(person.answers == {} and person.gender is None for person in people)
    whole = filled(people)
    assert [validate_answers(POLICY, person.answers) for person in whole] == [[]] * 223
    asked_for_the_tenth = [person for person in whole if "phq9_10" in person.generated]
    assert len(asked_for_the_tenth) == sum(total > 0 for total in phq9), "who has no complaint isn't asked"
    assert totals(whole, PHQ9, code="phq9") == phq9


@pytest.mark.records
@needs_records
def test_the_fhir_patients() -> None:
    people = fhir_patients(RECORDS / "eligibility" / "synthea", on=REFERENCE_DAY)
    assert [person.answers["age_years"] for person in people] == [33, 41, 52, 47]
    assert {person.gender for person in people} == {"male"}
    assert [validate_answers(POLICY, person.answers) for person in people] == [[]] * 4
    assert {screen(POLICY, person.answers).outcome for person in people} == {Outcome.INCOMPLETE}
    epileptic, obese, depressed, hypertensive = (person.answers for person in people)
    assert epileptic["current_medicines"] == ["Clonazepam [Klonopin]", "Carbamazepine[Tegretol]"]
    assert "current_medicines" not in obese
    assert obese["other_conditions"] == ["Body mass index 30+ - obesity (finding) (active)"]
    assert depressed["current_medicines"] == ["Fluoxetine 25MG"]
    assert "Acute bronchitis (disorder) (resolved)" in depressed["other_conditions"]  # type: ignore[operator]
    assert "high_blood_pressure" not in hypertensive
    assert "Hypertension (active)" in hypertensive["other_conditions"]  # type: ignore[operator]


@pytest.mark.records
@needs_records
def test_a_fhir_patient_is_read_as_of_a_day() -> None:
    folder = RECORDS / "eligibility" / "synthea"
    then, now = (fhir_patients(folder, on=on)[0] for on in (date(2017, 6, 6), REFERENCE_DAY))
    assert then.answers["age_years"] == 23
    assert then.answers["blood_pressure_readings"] != now.answers["blood_pressure_readings"]
    assert "blood_pressure_readings" not in fhir_patients(folder, on=date(1995, 1, 1))[0].answers
