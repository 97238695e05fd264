"""The facts of a screening: kept as JSON, they come back the same; what isn't one is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

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
    facts_from_json,
)

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
EPILEPSY = HealthEntry(
    text="Epilepsy",
    codings=(Coding(CodeSystem.SNOMED_CT, "84757009"),),
    status=ClinicalStatus.ACTIVE,
    source=FactSource.IMPORT,
    meanings=(Coding(CodeSystem.ICD_10_CM, "G40.909"),),
)
KNOWN = HealthFacts(
    at=AT,
    conditions=(EPILEPSY,),
    medications=(),
    allergies=(HealthEntry("penicillin"),),
    pregnancy=Pregnancy.NOT_PREGNANT,
    lactation=Lactation.NOT_LACTATING,
    vitals=(VitalFact(Vital.WEIGHT, 150, "[lb_av]", AT),),
    instruments=(InstrumentFact("cssrs", "triage", "low", AT),),
    location="US-IL",
    route="sublingual",
)


@pytest.mark.parametrize("facts", [NOTHING_KNOWN, KNOWN])
def test_facts_come_back_from_json_the_same(facts: HealthFacts) -> None:
    assert facts_from_json(json.loads(json.dumps(facts.as_json()))) == facts


def test_facts_are_stored_in_these_words() -> None:
    """What is stored for years is read by name: no word of it changes unnoticed."""
    at = "2026-03-02T15:00:00+00:00"
    assert KNOWN.as_json() == {
        "at": at,
        "conditions": [
            {
                "text": "Epilepsy",
                "codings": [{"system": "snomed", "code": "84757009"}],
                "status": "active",
                "source": "import",
                "meanings": [{"system": "icd10cm", "code": "G40.909"}],
            }
        ],
        "medications": [],
        "allergies": [
            {"text": "penicillin", "codings": [], "status": None, "source": "patient", "meanings": []}
        ],
        "pregnancy": "not_pregnant",
        "lactation": "not_lactating",
        "vitals": [
            {"vital": "weight_kg", "value": 150, "unit": "[lb_av]", "measured_at": at, "source": "patient"}
        ],
        "instruments": [{"instrument": "cssrs", "result": "triage", "value": "low", "taken_at": at}],
        "location": "US-IL",
        "route": "sublingual",
    }


def test_every_stranger_among_facts_is_named() -> None:
    with pytest.raises(ValueError, match=r"^unknown facts: colour, mood$"):
        facts_from_json(KNOWN.as_json() | {"mood": "red", "colour": "red"})


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"pregnancy": "perhaps"},
        {"at": "yesterday"},
        {"conditions": [{"text": "x"}]},
        {"vitals": [{"vital": "mood"}]},
    ],
)
def test_what_is_no_fact_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        facts_from_json(KNOWN.as_json() | change)


def test_a_section_left_out_is_refused() -> None:
    with pytest.raises(KeyError):
        facts_from_json({})


@pytest.mark.parametrize(
    ("vital", "value", "unit", "counted"),
    [
        (Vital.SYSTOLIC, 120, "mm[Hg]", 120),
        (Vital.SYSTOLIC, 16, "kPa", 120.009872),
        (Vital.DIASTOLIC, 10, "kPa", 75.00617),
        (Vital.WEIGHT, 150, "[lb_av]", 68.0388555),
        (Vital.WEIGHT, 70_000, "g", 70),
        (Vital.HEART_RATE, 70, "/min", 70),
        (Vital.WEIGHT, 11, "stone", None),
        (Vital.SYSTOLIC, 120, "mmHg", None),
        (Vital.SYSTOLIC, 120, "", None),
    ],
)
def test_a_vital_is_counted_in_one_unit(vital: Vital, value: float, unit: str, counted: float | None) -> None:
    found = VitalFact(vital, value, unit, AT).counted
    assert found == (counted if counted is None else pytest.approx(counted))
