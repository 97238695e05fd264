"""What is known of somebody's health beside their answers: the other half of a screening's input."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any


class CodeSystem(StrEnum):
    """Whose code it is."""

    ICD_10_CM = "icd10cm"
    """Diagnoses as the United States code them."""
    SNOMED_CT = "snomed"
    """Clinical terms; licensed, so no such code ships."""
    RXNORM = "rxnorm"
    """Medicines: a policy names ingredients, records mostly name products."""
    MEDICINE_CLASS = "class"
    """A class of medicines or a meaning without a code, as a policy's concepts name them."""


class ClinicalStatus(StrEnum):
    """Whether a condition is still there."""

    ACTIVE = "active"
    """It is, or it came back."""
    REMISSION = "remission"
    """Its signs are gone, and may come back."""
    RESOLVED = "resolved"
    """It is over."""


class FactSource(StrEnum):
    """Who says so."""

    PATIENT = "patient"
    """The patient reported it."""
    CLINICIAN = "clinician"
    """A clinician recorded or confirmed it."""
    IMPORT = "import"
    """It came in a record from elsewhere, and nobody here has confirmed it."""
    PROGRAM = "program"
    """It was measured in this program."""


class Pregnancy(StrEnum):
    """Whether somebody is pregnant."""

    PREGNANT = "pregnant"
    POSSIBLE = "possible"
    NOT_PREGNANT = "not_pregnant"
    NOT_APPLICABLE = "not_applicable"


class Lactation(StrEnum):
    """Whether somebody feeds a baby with their own milk."""

    LACTATING = "lactating"
    NOT_LACTATING = "not_lactating"
    NOT_APPLICABLE = "not_applicable"


class Vital(StrEnum):
    """Something measured on a body; the value of each is its unit in UCUM's spelling (`VITAL_UNITS`)."""

    SYSTOLIC = "systolic_mmhg"
    DIASTOLIC = "diastolic_mmhg"
    HEART_RATE = "heart_rate_bpm"
    WEIGHT = "weight_kg"


VITAL_UNITS: Mapping[Vital, Mapping[str, float]] = {
    Vital.SYSTOLIC: {"mm[Hg]": 1.0, "kPa": 7.500617},
    Vital.DIASTOLIC: {"mm[Hg]": 1.0, "kPa": 7.500617},
    Vital.HEART_RATE: {"/min": 1.0},
    Vital.WEIGHT: {"kg": 1.0, "g": 0.001, "[lb_av]": 0.45359237},
}
"""Every unit a vital may come in, by its UCUM code, with its factor to the first, in which a policy counts.

Source: UCUM; the pound is exact, one kilopascal is 1000/133.322387415 mm[Hg].
"""


@dataclass(frozen=True, slots=True)
class Coding:
    """One code of one system, written as the system's own publisher writes it (`F20.9`, not `F209`)."""

    system: CodeSystem
    code: str


@dataclass(frozen=True, slots=True)
class HealthEntry:
    """One condition, medicine or allergy.

    `codings` are as recorded. `meanings` are what the terminology of that day made of them, in the systems
    that a policy names (ICD-10-CM, RxNorm ingredients, classes); none means that nobody could tell what it
    is, which is never no. `status` is None where the record doesn't say; a medicine has none.
    """

    text: str
    codings: tuple[Coding, ...] = ()
    status: ClinicalStatus | None = None
    source: FactSource = FactSource.PATIENT
    meanings: tuple[Coding, ...] = ()


@dataclass(frozen=True, slots=True)
class VitalFact:
    """One measurement. A unit that the vital doesn't come in leaves it unknown."""

    vital: Vital
    value: float
    unit: str
    measured_at: datetime
    source: FactSource = FactSource.PATIENT

    @property
    def counted(self) -> float | None:
        """Return the value in the unit that policies count in, None where its own is none of the vital's."""
        factor = VITAL_UNITS[self.vital].get(self.unit)
        return None if factor is None else self.value * factor


@dataclass(frozen=True, slots=True)
class InstrumentFact:
    """One result of a questionnaire: an item's value, a scale's, or a word (`cssrs`, `triage`, `high`).

    `value` is None where the form was filled in and this result is not known.
    """

    instrument: str
    result: str
    value: float | str | None
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """Everything a screening is decided on, beside the answers, as it stood `at` one moment.

    A section that is None was never recorded; an empty one was, with nothing in it. Conditions are all that
    were ever recorded, medicines those taken now. `location` is ISO 3166-2 (`US-IL`), `route` as planned.
    """

    at: datetime | None = None
    conditions: tuple[HealthEntry, ...] | None = None
    medications: tuple[HealthEntry, ...] | None = None
    allergies: tuple[HealthEntry, ...] | None = None
    pregnancy: Pregnancy | None = None
    lactation: Lactation | None = None
    vitals: tuple[VitalFact, ...] = ()
    instruments: tuple[InstrumentFact, ...] = ()
    location: str | None = None
    route: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the facts as JSON values, to be stored beside the decision."""
        return {key: _plain(value) for key, value in asdict(self).items()}


NOTHING_KNOWN = HealthFacts()
"""Nobody has recorded anything: a screening rests on the answers alone."""


def facts_from_json(stored: Mapping[str, Any]) -> HealthFacts:
    """Return the facts that `as_json` made; raises `ValueError` or `KeyError` for anything else."""
    if strangers := set(stored) - {field.name for field in fields(HealthFacts)}:
        raise ValueError(f"unknown facts: {', '.join(sorted(strangers))}")
    return HealthFacts(
        at=_instant(stored["at"]),
        conditions=_entries(stored["conditions"]),
        medications=_entries(stored["medications"]),
        allergies=_entries(stored["allergies"]),
        pregnancy=None if stored["pregnancy"] is None else Pregnancy(stored["pregnancy"]),
        lactation=None if stored["lactation"] is None else Lactation(stored["lactation"]),
        vitals=tuple(_vital(vital) for vital in stored["vitals"]),
        instruments=tuple(_instrument(result) for result in stored["instruments"]),
        location=stored["location"],
        route=stored["route"],
    )


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return {key: _plain(entry) for key, entry in value.items()} if isinstance(value, dict) else value


def _entries(stored: list[dict[str, Any]] | None) -> tuple[HealthEntry, ...] | None:
    if stored is None:
        return None
    return tuple(
        HealthEntry(
            text=entry["text"],
            codings=_codings(entry["codings"]),
            status=None if entry["status"] is None else ClinicalStatus(entry["status"]),
            source=FactSource(entry["source"]),
            meanings=_codings(entry["meanings"]),
        )
        for entry in stored
    )


def _codings(stored: list[dict[str, str]]) -> tuple[Coding, ...]:
    return tuple(Coding(CodeSystem(coding["system"]), coding["code"]) for coding in stored)


def _vital(stored: dict[str, Any]) -> VitalFact:
    return VitalFact(
        vital=Vital(stored["vital"]),
        value=stored["value"],
        unit=stored["unit"],
        measured_at=datetime.fromisoformat(stored["measured_at"]),
        source=FactSource(stored["source"]),
    )


def _instrument(stored: dict[str, Any]) -> InstrumentFact:
    taken_at = datetime.fromisoformat(stored["taken_at"])
    return InstrumentFact(stored["instrument"], stored["result"], stored["value"], taken_at)


def _instant(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)
