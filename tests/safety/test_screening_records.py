"""Real people and real codes, decided as the second screening does; every code missed is explained."""

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from desk.rehearsal.people import fhir_patients, survey_adults
from safety.screening.health import (
    NOTHING_KNOWN,
    ClinicalStatus,
    CodeSystem,
    Coding,
    FactSource,
    HealthEntry,
    HealthFacts,
)
from safety.screening.policy import example_policy, parse_policy
from safety.screening.rules import Outcome, decide
from safety.screening.terminology import NO_MAPPING, Terminology, recognised
from tests.safety.screening_oracle import Oracle
from tests.safety.screening_people import WELL
from tests.safety.test_screening_oracle import decided

RECORDS = Path(os.environ.get("REKINDLE_RECORDS", Path(__file__).parents[3] / "shared" / "real"))
DOCUMENT = example_policy()
POLICY = parse_policy(DOCUMENT)
AT = datetime(2026, 6, 30, tzinfo=UTC)
SYSTEMS = {
    "http://hl7.org/fhir/sid/icd-10-cm": CodeSystem.ICD_10_CM,
    "http://snomed.info/sct": CodeSystem.SNOMED_CT,
    "http://www.nlm.nih.gov/research/umls/rxnorm": CodeSystem.RXNORM,
}
needs_records = pytest.mark.skipif(
    not RECORDS.is_dir(), reason=f"NOT RUN: the real records are not at {RECORDS.name}/ beside the project"
)


def agree(answers: dict[str, Any], facts: HealthFacts = NOTHING_KNOWN) -> Outcome:
    """Return what somebody's screening comes to; the second one has to say the same."""
    assert decided(POLICY, answers, facts) == Oracle(DOCUMENT, answers, facts).decide()
    return decide(POLICY, answers, facts).outcome


@pytest.mark.parametrize("step", [10, pytest.param(1, marks=pytest.mark.full)])
def test_the_survey_adults_are_decided_as_the_oracle_does(step: int) -> None:
    every = survey_adults()[::step]
    outcomes = Counter(agree(dict(person.answers)) for person in every)
    healthy = Counter(agree({**WELL, **person.answers}) for person in every)
    assert set(outcomes) <= {Outcome.INCOMPLETE, Outcome.INELIGIBLE}
    assert healthy[Outcome.ELIGIBLE] > len(every) / 3


def on_record(path: Path) -> HealthFacts:
    """Return the conditions and active medicines of a FHIR bundle, as they are coded there."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        resources = [entry["resource"] for entry in json.load(file)["entry"]]
    conditions = [
        (r["code"], r["clinicalStatus"]["coding"][0]["code"])
        for r in resources
        if r["resourceType"] == "Condition"
    ]
    requests = [r for r in resources if r["resourceType"] == "MedicationRequest" and r["status"] == "active"]
    return HealthFacts(
        at=AT,
        conditions=tuple(entry(concept, ClinicalStatus(status)) for concept, status in conditions),
        medications=tuple(entry(request["medicationCodeableConcept"], None) for request in requests),
    )


def entry(concept: dict[str, Any], status: ClinicalStatus | None) -> HealthEntry:
    codings = tuple(Coding(SYSTEMS[coding["system"]], coding["code"]) for coding in concept["coding"])
    return HealthEntry(concept["coding"][0]["display"], codings, status, FactSource.IMPORT)


@pytest.mark.records
@needs_records
def test_fhir_patients_are_reviewed_until_their_codes_are_mapped() -> None:
    paths = sorted((RECORDS / "eligibility" / "synthea").glob("*.json.gz"))
    mapping = {
        Coding(CodeSystem.SNOMED_CT, "84757009"): (Coding(CodeSystem.ICD_10_CM, "G40.909"),),
        Coding(CodeSystem.SNOMED_CT, "38341003"): (Coding(CodeSystem.ICD_10_CM, "I10"),),
        Coding(CodeSystem.RXNORM, "1153378"): (Coding(CodeSystem.MEDICINE_CLASS, "benzodiazepine"),),
    }
    rules = {}
    for path in paths:
        facts = on_record(path)
        assert agree(WELL, recognised(facts, NO_MAPPING)) == Outcome.NEEDS_REVIEW
        mapped = recognised(facts, Terminology(mapping))
        agree(WELL, mapped)
        rules[path.name.split("_")[0]] = {rule.id for rule, _ in decide(POLICY, WELL, mapped).spoke}
    assert {"seizures", "takes_benzodiazepine", "medications_not_recognised"} <= rules["Alberto"]
    assert "hypertension_controlled" in rules["Stephen"]
    assert rules["Clemente"] == {"conditions_not_recognised"}
    assert len(fhir_patients(RECORDS / "eligibility" / "synthea", on=AT.date())) == len(paths)


def value_sets() -> Iterator[tuple[str, Coding]]:
    for path in sorted((RECORDS / "terminology" / "valuesets").glob("*.json")):
        for contained in json.loads(path.read_text())["expansion"]["contains"]:
            yield path.stem, Coding(SYSTEMS[contained["system"]], contained["code"])


def missed(coding: Coding, facts: HealthFacts) -> str:
    """Return why nobody here can tell what a code is; empty where somebody can."""
    rules = {rule.id for rule, _ in decide(POLICY, WELL, facts).spoke}
    if not rules & {"conditions_not_recognised", "medications_not_recognised"}:
        return ""
    if coding.system == CodeSystem.ICD_10_CM:
        return "not in ICD-10-CM of April 2026: retired since the value set was made"
    if coding.system == CodeSystem.SNOMED_CT:
        return "SNOMED CT may not ship, and no mapping is loaded"
    return "a RxNorm product may not ship, and no mapping is loaded"


@pytest.mark.records
@needs_records
def test_every_code_of_the_value_sets_is_recognised_or_the_miss_explained() -> None:
    counted: Counter[tuple[CodeSystem, str]] = Counter()
    for index, (_, coding) in enumerate(value_sets()):
        is_medicine = coding.system == CodeSystem.RXNORM
        one = (HealthEntry("a code", (coding,), ClinicalStatus.ACTIVE),)
        known = HealthFacts(medications=one) if is_medicine else HealthFacts(conditions=one)
        facts = recognised(known, NO_MAPPING)
        outcome = decide(POLICY, WELL, facts).outcome if index % 20 else agree(WELL, facts)
        why = missed(coding, facts)
        assert not why or outcome == Outcome.NEEDS_REVIEW  # never no
        counted[coding.system, why] += 1
    for system in (CodeSystem.ICD_10_CM, CodeSystem.SNOMED_CT, CodeSystem.RXNORM):
        total = sum(number for (of, _), number in counted.items() if of == system)
        print(f"{system}: {counted[system, '']} of {total} recognised ({counted[system, ''] / total:.1%})")
    for (system, why), number in sorted(counted.items(), key=str):
        print(f"  {system}: {number} {why or 'recognised'}")
    icd = sum(number for (of, _), number in counted.items() if of == CodeSystem.ICD_10_CM)
    assert counted[CodeSystem.ICD_10_CM, ""] / icd > 0.95
