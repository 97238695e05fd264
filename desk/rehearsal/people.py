"""The rehearsal's people: what real records say about them, and a marked guess at what nobody asked."""

import csv
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

from assessments.instruments.definition import Instrument, Item
from assessments.rules import crisis_flags
from safety.screening.policy import Policy, Question, QuestionKind

SURVEY_ADULTS = Path(__file__).parent / "data" / "nhanes_2017_2018_adults.csv"

# Sounds heard down to nothing are recorded as (almost) zero: the diastolic value could not be measured.
LOWEST_MEASURABLE_DIASTOLIC_MMHG = 20

_DRUG_DAYS = ("cocaine_days_month", "heroin_days_month", "meth_days_month")
_NOT_A_CONDITION = ("refuted", "entered-in-error")
_LOINC_SYSTOLIC, _LOINC_DIASTOLIC = "8480-6", "8462-4"


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the rehearsal.

    `answers` are screening answers by question key, `responses` item answers by instrument code; what was
    never asked is absent from both; `not_asked` are items that an instrument was asked without. `generated`
    names the questions, instruments and items that were made up.
    """

    source: str
    source_id: str
    gender: str | None
    answers: Mapping[str, object]
    responses: Mapping[str, Mapping[str, int]]
    generated: tuple[str, ...] = ()
    not_asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


# --- the survey ------------------------------------------------------------------------------------------


def survey_adults(path: Path = SURVEY_ADULTS) -> list[Person]:
    """Return the adults of the US health survey NHANES 2017-18, from its raw table.

    Age 80 stands for 80 or over. Cocaine, heroin and methamphetamine: who never used any used none last
    month; who did and has no days recorded stays missing (the survey asks on only after recent use, and
    the table does not say when the last use was). Treatment for drug use was not asked of everybody.
    An antidepressant is a medicine; its absence does not say that there is no other. Pregnancy is not in
    this extract: missing for everybody, men included, because an answer nobody gave is not an answer.
    """
    with path.open(newline="", encoding="utf-8") as file:
        return [_survey_adult(row) for row in csv.DictReader(file)]


def _survey_adult(row: Mapping[str, str]) -> Person:
    answers: dict[str, object] = {
        "age_years": int(row["age_years"]),
        "blood_pressure_readings": _survey_readings(row),
        "used_cocaine_heroin_meth_last_month": _survey_drug_use(row),
        "drug_treatment_ever": _yes_or_no(row["ever_rehab"]),
        "heart_attack_ever": _yes_or_no(row["ever_mi"]),
        "stroke_ever": _yes_or_no(row["ever_stroke"]),
        "current_medicines": ["antidepressant"] if _number(row["takes_antidepressant"]) else None,
    }
    return Person(
        source="survey",
        source_id=row["seqn"],
        gender=row["gender"].lower(),
        answers=_asked(answers),
        responses=_items(row, code="phq9", columns=[f"phq9_q{number}" for number in range(1, 11)]),
    )


def _survey_readings(row: Mapping[str, str]) -> list[dict[str, float | None]] | None:
    """Return up to three seated readings; None where there is none, null where there was no diastolic."""
    readings = []
    for number in (1, 2, 3):
        systolic, diastolic = _number(row[f"sbp{number}"]), _number(row[f"dbp{number}"])
        if systolic is None or diastolic is None:
            continue
        measurable = diastolic >= LOWEST_MEASURABLE_DIASTOLIC_MMHG
        readings.append({"systolic_mmhg": systolic, "diastolic_mmhg": diastolic if measurable else None})
    return readings or None


def _survey_drug_use(row: Mapping[str, str]) -> str | None:
    if any(_number(row[column]) for column in _DRUG_DAYS):
        return "yes"
    return "no" if _number(row["ever_coc_her_meth"]) == 0 else None


def _yes_or_no(cell: str) -> str | None:
    number = _number(cell)
    return None if number is None else "yes" if number else "no"


def _number(cell: str) -> float | None:
    """Return the number in a cell; the survey writes zero as a number of the order of 1e-79."""
    return round(float(cell), 6) if cell.strip() else None


# --- the students ----------------------------------------------------------------------------------------


def students(path: Path) -> list[Person]:
    """Return the students of a survey (PHQ-9 and GAD-7 items; neither age nor gender is in its table).

    They were asked the nine of the PHQ-9 that count, not how hard these made their days.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [_student(row, number) for number, row in enumerate(csv.DictReader(file), start=1)]


def _student(row: Mapping[str, str], number: int) -> Person:
    phq9 = _items(row, code="phq9", columns=[f"D{item}" for item in range(1, 10)])
    gad7 = _items(row, code="gad7", columns=[f"A{item}" for item in range(1, 8)])
    return Person(
        source="students",
        source_id=str(number),
        gender=None,
        answers={},
        responses={**phq9, **gad7},
        not_asked={"phq9": ("phq9_10",)},
    )


def _items(row: Mapping[str, str], *, code: str, columns: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return an instrument's answered items, numbered as the columns stand; blanks stay out."""
    items = {
        f"{code}_{number}": int(row[column]) for number, column in enumerate(columns, start=1) if row[column]
    }
    return {code: items} if items else {}


# --- FHIR patients ---------------------------------------------------------------------------------------


def fhir_patients(folder: Path, *, on: date) -> list[Person]:
    """Return the patients of FHIR R4 bundles (`*.json.gz`), one a bundle, as their record stood on a day.

    Every recorded condition is reported with its clinical status, over or not. Medicines are the active
    requests. The blood pressure is the latest up to that day, however old. A list the record does not
    have stays missing, and a diagnosis of hypertension does not say whether it is controlled.
    """
    return [_fhir_patient(path, on=on) for path in sorted(folder.glob("*.json.gz"))]


def _fhir_patient(path: Path, *, on: date) -> Person:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        resources = [entry["resource"] for entry in json.load(file)["entry"]]
    patient = next(resource for resource in resources if resource["resourceType"] == "Patient")
    answers = {
        "age_years": _age_years(date.fromisoformat(patient["birthDate"]), on=on),
        "blood_pressure_readings": _latest_reading(resources, on=on),
        "other_conditions": _conditions(resources),
        "current_medicines": _medicines(resources),
    }
    return Person(
        source="fhir",
        source_id=patient["id"],
        gender=patient.get("gender"),
        answers=_asked(answers),
        responses={},
    )


def _age_years(born_on: date, *, on: date) -> int:
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def _conditions(resources: Sequence[Mapping[str, Any]]) -> list[str] | None:
    named = []
    for resource in _of_type(resources, "Condition"):
        if _code(resource.get("verificationStatus")) not in _NOT_A_CONDITION:
            status = _code(resource.get("clinicalStatus")) or "status not recorded"
            named.append(f"{_text(resource['code'])} ({status})")
    return named or None


def _medicines(resources: Sequence[Mapping[str, Any]]) -> list[str] | None:
    requests = _of_type(resources, "MedicationRequest")
    return [
        _text(request["medicationCodeableConcept"]) for request in requests if request["status"] == "active"
    ] or None


def _latest_reading(
    resources: Sequence[Mapping[str, Any]], *, on: date
) -> list[dict[str, float | None]] | None:
    readings = []
    for resource in _of_type(resources, "Observation"):
        values = {_code(part["code"]): part.get("valueQuantity") for part in resource.get("component", ())}
        systolic, diastolic = values.get(_LOINC_SYSTOLIC), values.get(_LOINC_DIASTOLIC)
        taken_at = datetime.fromisoformat(resource["effectiveDateTime"])
        if systolic and diastolic and taken_at.date() <= on:
            reading = {"systolic_mmhg": systolic["value"], "diastolic_mmhg": diastolic["value"]}
            readings.append((taken_at, reading))
    return [max(readings, key=lambda taken: taken[0])[1]] if readings else None


def _of_type(resources: Sequence[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [resource for resource in resources if resource["resourceType"] == kind]


def _code(concept: Mapping[str, Any] | None) -> str | None:
    return concept["coding"][0]["code"] if concept else None


def _text(concept: Mapping[str, Any]) -> str:
    return str(concept.get("text") or concept["coding"][0]["display"])


def _asked(answers: Mapping[str, object]) -> dict[str, object]:
    """Leave out what the record does not say."""
    return {key: said for key, said in answers.items() if said is not None}


# --- what nobody asked -----------------------------------------------------------------------------------

_YES_NO = {"no": 95, "yes": 3, "unknown": 2}
# How often an unasked question is answered how, in percent: plausible, not measured anywhere.
_GUESSES: Mapping[str, Mapping[str, int]] = {
    "pregnant": {"no": 95, "yes": 3, "unknown": 2},
    "breastfeeding": {"no": 95, "yes": 4, "unknown": 1},
    "high_blood_pressure": {"no": 78, "controlled": 16, "not_controlled": 4, "unknown": 2},
    "psychotic_disorder": {"never": 96, "past": 2, "active": 1, "unknown": 1},
    "substance_use_disorder": {"never": 92, "past": 5, "active": 2, "unknown": 1},
    "opioid_use_disorder_ever": {"no": 97, "yes": 2, "unknown": 1},
    "ketamine_allergy": {"no": 99, "yes": 1},
    "aneurysm_or_avm": {"no": 98, "yes": 1, "unknown": 1},
    "brain_haemorrhage_ever": {"no": 98, "yes": 1, "unknown": 1},
    "thinking_of_ending_life_now": {"no": 96, "yes": 2, "prefer_not_to_say": 2},
    "mania": {"never": 97, "past": 1, "active": 1, "unknown": 1},
    "severe_personality_disorder": {"no": 98, "yes": 1, "unknown": 1},
    "heart_problem": {"no": 94, "controlled": 4, "not_controlled": 1, "unknown": 1},
    "overactive_thyroid": {"no": 97, "controlled": 2, "not_controlled": 1},
    "raised_brain_pressure": {"no": 99, "unknown": 1},
    "glaucoma": {"no": 98, "yes": 1, "unknown": 1},
    "bladder_problems": {"no": 98, "yes": 1, "unknown": 1},
    "seizures": {"no": 98, "yes": 1, "unknown": 1},
    "sleep_apnoea_or_lung_disease": {"no": 98, "yes": 1, "unknown": 1},
    "liver_disease": {"no": 97, "mild_or_moderate": 2, "severe": 1},
    "suicide_plan_or_attempt_last_3_months": {"no": 98, "yes": 1, "prefer_not_to_say": 1},
    "adult_can_be_present": {"yes": 97, "no": 2, "unknown": 1},
    "alcohol_or_drugs_today": {"no": 97, "yes": 3},
    "fever_or_vomiting_today": {"no": 98, "yes": 2},
    "sedating_or_stimulating_medicine_today": {"no": 97, "yes": 3},
    "ketamine_before": {"no": 92, "yes": 6, "unknown": 2},
}
_REPORTS: Mapping[str, Mapping[str, int]] = {
    "other_conditions": {"": 75, "asthma": 10, "migraine": 10, "sleep apnoea": 5},
    "current_medicines": {"": 65, "vitamin D": 20, "ibuprofen": 10, "lorazepam": 5},
    "other_substances": {"": 85, "cannabis": 8, "alcohol on most days": 7},
}
_PREGNANCY = ("pregnant", "breastfeeding")
_CHILDBEARING_UP_TO_YEARS = 55
_CRISIS_ITEM_PERCENT = 3


def fill_unasked(person: Person, *, policy: Policy, instruments: Iterable[Instrument], rng: Random) -> Person:
    """Return the person with every unasked question and instrument answered at random, each one marked.

    What a record says is never changed, and an instrument answered in part stays so, but for items that
    nobody was asked. The same seed gives the same answers.
    """
    answers, responses = dict(person.answers), dict(person.responses)
    generated = []
    for question in policy.questions:
        if question.key not in answers:
            answers[question.key] = _guess(question, answers, person.gender, rng)
            generated.append(question.key)
    for instrument in instruments:
        if instrument.code not in responses:
            responses[instrument.code] = _guess_items(instrument, rng)
            generated.append(instrument.code)
        for key in person.not_asked.get(instrument.code, ()):
            item, given = instrument.items[key], responses[instrument.code]
            if _is_due(item, instrument, given):
                responses[instrument.code] = {**given, key: _guess_item(item, rng.betavariate(2, 4), rng)}
                generated.append(key)
    return replace(person, answers=answers, responses=responses, generated=tuple(generated))


def _guess(question: Question, answers: Mapping[str, object], gender: str | None, rng: Random) -> object:
    """Answer one question; one this module knows nothing of is answered "unknown"."""
    key = question.key
    if key == "age_years":
        return rng.randint(19, 26)  # only the students come without an age
    if key == "blood_pressure_readings":
        return [_guess_reading(rng) for _ in range(2)]
    if key in _REPORTS:
        reported = _draw(_REPORTS[key], rng)
        return [reported] if reported else []
    if _goes_without_saying(key, answers, gender):
        return "not_applicable" if key in _PREGNANCY else "no"
    if key in _GUESSES or question.kind == QuestionKind.YES_NO_UNKNOWN:
        return _draw(_GUESSES.get(key, _YES_NO), rng)
    return "unknown"


def _goes_without_saying(key: str, answers: Mapping[str, object], gender: str | None) -> bool:
    """Whether what the person said before leaves one answer only."""
    age_years = answers.get("age_years")
    if key in _PREGNANCY:
        return gender == "male" or (isinstance(age_years, int) and age_years > _CHILDBEARING_UP_TO_YEARS)
    never = answers.get("heart_attack_ever") == "no" and answers.get("stroke_ever") == "no"
    return key == "heart_attack_or_stroke_last_6_weeks" and never


def _guess_reading(rng: Random) -> dict[str, int]:
    systolic = min(max(round(rng.gauss(120, 12)), 90), 200)
    return {"systolic_mmhg": systolic, "diastolic_mmhg": min(max(round(systolic * 0.63), 50), 130)}


def answer_anew(instruments: Iterable[Instrument], *, rng: Random) -> dict[str, dict[str, int]]:
    """Answer instruments at random as nobody in need of help would: their items by instrument code.

    Drawn as at the beginning, whatever came between: no effect of any treatment is in them.
    """
    return {each.code: _guess_items(each, rng, crisis_percent=0) for each in instruments}


def calls_for_help(person: Person, instruments: Iterable[Instrument]) -> bool:
    """Tell whether one of the person's answers, made up or not, calls a clinician."""
    return any(crisis_flags(each, person.responses.get(each.code, {})) for each in instruments)


def _guess_items(
    instrument: Instrument, rng: Random, *, crisis_percent: int = _CRISIS_ITEM_PERCENT
) -> dict[str, int]:
    """Answer the items in order, all leaning on one burden drawn for the person."""
    burden = rng.betavariate(2, 4)
    crisis = {rule.item for rule in instrument.crisis}
    answers: dict[str, int] = {}
    for item in instrument.items.values():
        if not _is_due(item, instrument, answers):
            continue
        if item.key in crisis:
            answers[item.key] = item.values[rng.random() * 100 < crisis_percent]
        else:
            answers[item.key] = _guess_item(item, burden, rng)
    return answers


def _is_due(item: Item, instrument: Instrument, answers: Mapping[str, int]) -> bool:
    """Whether the answers so far call for the item: a follow-up by a sum, a scale's item by its gate."""
    if item.asked_when is not None:
        deciding = instrument.deciding(item.asked_when)
        return sum(answers.get(key, 0) for key in deciding) > item.asked_when.above
    gates = [scale.applies_when for scale in instrument.scales if item in scale.items and scale.applies_when]
    return all(answers.get(gate.item, 0) >= gate.at_least for gate in gates)


def _guess_item(item: Item, burden: float, rng: Random) -> int:
    lean = 1 - burden if item.reversed else burden
    step = round(rng.gauss(lean, 0.15) * (len(item.values) - 1))
    return item.values[min(max(step, 0), len(item.values) - 1)]


def _draw(percent: Mapping[str, int], rng: Random) -> str:
    return rng.choices(list(percent), weights=list(percent.values()))[0]
