"""What codes mean: the list of ICD-10-CM as it is, everything else as a licence holder's file says."""

from pathlib import Path

import pytest

from safety.screening.health import ClinicalStatus, CodeSystem, Coding, HealthEntry, HealthFacts
from safety.screening.policy import example_policy, parse_policy
from safety.screening.rules import Outcome, screen
from safety.screening.terminology import NO_MAPPING, TerminologyError, icd_10_cm, read_mapping, recognised
from tests.safety.screening_people import WELL

POLICY = parse_policy(example_policy())
HEAD = "system,code,to_system,to_code\n"
ICD, SNOMED, RXNORM, CLASS = (CodeSystem(word) for word in ("icd10cm", "snomed", "rxnorm", "class"))


def entry(
    system: CodeSystem, code: str, status: ClinicalStatus | None = ClinicalStatus.ACTIVE
) -> HealthEntry:
    return HealthEntry(text="something", codings=(Coding(system, code),), status=status)


def condition(system: CodeSystem, code: str) -> HealthFacts:
    return HealthFacts(conditions=(entry(system, code),))


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("F20.9", "F20.9"),
        ("f209", "F20.9"),
        (" F20 ", "F20"),
        ("T14.91XA", "T14.91XA"),
        ("I71.2", "I71.2"),
        ("F20.99", None),
        ("F2.09.", None),
        ("A00-A09", None),
        ("1", None),
        ("", None),
        ("84757009", None),
    ],
)
def test_a_code_is_read_as_its_publisher_writes_it(code: str, written: str | None) -> None:
    assert icd_10_cm(code) == written


@pytest.mark.parametrize(
    ("facts", "rules"),
    [
        (condition(ICD, "F20.9"), {"schizophrenia"}),
        (condition(ICD, "E11.9"), set()),
        (condition(ICD, "Q99.99"), {"conditions_not_recognised"}),
        (condition(SNOMED, "84757009"), {"conditions_not_recognised"}),
        (condition(SNOMED, "F20.9"), {"conditions_not_recognised"}),  # looks like a code of the other system
        (HealthFacts(conditions=(HealthEntry("asthma"),)), {"conditions_not_recognised"}),
        (HealthFacts(medications=(entry(RXNORM, "7804"),)), {"takes_opioid"}),
        (HealthFacts(medications=(entry(RXNORM, "308971"),)), {"medications_not_recognised"}),
        (HealthFacts(allergies=(entry(RXNORM, "6130"),)), {"allergies_not_recognised"}),
    ],
)
def test_without_a_mapping_an_unknown_code_is_reviewed_and_never_no(
    facts: HealthFacts, rules: set[str]
) -> None:
    decision = screen(POLICY, WELL, recognised(facts, NO_MAPPING))
    assert {reason.rule for reason in decision.reasons if reason.level != "note"} == rules
    assert (decision.outcome == Outcome.ELIGIBLE) == (not rules)


def test_nobody_has_recognised_anything_until_it_is_done() -> None:
    decision = screen(POLICY, WELL, condition(ICD, "F20.9"))
    assert [reason.rule for reason in decision.reasons] == ["conditions_not_recognised"]


def mapping(tmp_path: Path, lines: str) -> Path:
    path = tmp_path / "mapping.csv"
    path.write_text(lines)
    return path


def test_a_mapping_says_what_a_code_means(tmp_path: Path) -> None:
    lines = "snomed,84757009,icd10cm,G40.909\nrxnorm,308971,class,cyp3a4_inducer\nrxnorm,308971,rxnorm,2002\n"
    terminology = read_mapping(mapping(tmp_path, HEAD + lines + "rxnorm,6130,class,ketamine\n"))
    facts = HealthFacts(
        conditions=(entry(SNOMED, "84757009"), entry(ICD, "E11.9")),
        medications=(entry(RXNORM, "308971"),),
        allergies=(entry(RXNORM, "6130"),),
    )
    read = recognised(facts, terminology)
    assert read.medications is not None
    assert read.medications[0].meanings == (Coding(CLASS, "cyp3a4_inducer"), Coding(RXNORM, "2002"))
    assert recognised(read, terminology) == read
    decision = screen(POLICY, WELL, read)
    rules = [reason.rule for reason in decision.reasons if reason.level != "note"]
    assert rules == ["ketamine_allergy", "seizures", "takes_cyp3a4_inducer"]
    assert decision.outcome == Outcome.INELIGIBLE


COLUMNS = "has to be: system,code,to_system,to_code"
CELLS = "has 4 cells, none of them empty"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, COLUMNS),
        ("system,code\n", 1, COLUMNS),
        (HEAD + "snomed,1,icd10cm\n", 2, CELLS),
        (HEAD + "snomed,1,icd10cm,F20.9,x\n", 2, CELLS),
        (HEAD + "snomed,,icd10cm,F20.9\n", 2, CELLS),
        (HEAD + "loinc,1,icd10cm,F20.9\n", 2, "loinc is not one of icd10cm, snomed, rxnorm, class"),
        (HEAD + "snomed,1,snomed,2\n", 2, "snomed is not one of icd10cm, rxnorm, class"),
        (
            HEAD + "snomed,1,icd10cm,F20.9\nsnomed,2,icd10cm,F20.99\n",
            3,
            "F20.99 is no code of ICD-10-CM",
        ),
        (HEAD + "snomed,1,icd10cm,F209\n", 2, "F209 is no code of ICD-10-CM"),
        (HEAD + "snomed,1\x00,icd10cm,F20.9\n", 2, CELLS),
    ],
)
def test_a_mapping_that_cannot_be_right_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    with pytest.raises(TerminologyError) as refusal:
        read_mapping(mapping(tmp_path, text))
    assert str(refusal.value) == f"line {line}: {problem}"
