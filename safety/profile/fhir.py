"""Reads what a FHIR R4 bundle says of somebody's health; what it doesn't know it leaves, and says so."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from safety.enums import ProfileSection as Section
from safety.enums import ProfileState as State
from safety.profile.rules import Measurement, Statement
from safety.screening.health import CodeSystem, Vital

SYSTEMS = {
    "http://hl7.org/fhir/sid/icd-10-cm": CodeSystem.ICD_10_CM,
    "http://snomed.info/sct": CodeSystem.SNOMED_CT,
    "http://www.nlm.nih.gov/research/umls/rxnorm": CodeSystem.RXNORM,
}
"""Code systems by their FHIR names. Source: HL7 terminology."""
VITALS = {
    "8480-6": Vital.SYSTOLIC,
    "8462-4": Vital.DIASTOLIC,
    "8867-4": Vital.HEART_RATE,
    "29463-7": Vital.WEIGHT,
}
"""LOINC codes of what is measured, alone or as a component. Source: FHIR R4's vital signs profile."""
MEASURED = ("final", "amended", "corrected")
NOT_SO = ("refuted", "entered-in-error")
CONDITION_STATES = {
    "active": State.ACTIVE,
    "recurrence": State.ACTIVE,
    "relapse": State.ACTIVE,
    "remission": State.REMISSION,
    "resolved": State.RESOLVED,
}
ALLERGY_STATES = {"active": State.ACTIVE, "resolved": State.RESOLVED}
MEDICATION_STATES = {
    "active": State.TAKEN,
    "intended": State.TAKEN,
    "stopped": State.STOPPED,
    "completed": State.STOPPED,
    "cancelled": State.STOPPED,
    "not-taken": State.STOPPED,
}
"""Any other word of FHIR's leaves open how it stands, which is never the same as over."""
MAX_TEXT = 200
MAX_NAME = 100
"""Characters of a resource's name; a measurement's has its vital behind it."""


class NotABundle(ValueError):
    """This is no FHIR R4 bundle with resources in it."""


@dataclass(frozen=True)
class Found:
    """What a bundle says: of whom, and what of their health; `skipped` counts resources by type."""

    family_names: frozenset[str]
    birth_on: date | None
    statements: tuple[Statement, ...]
    skipped: Mapping[str, int]


def read_bundle(bundle: object) -> Found:
    """Return what a bundle says, the newest measurement of each vital alone; raises `NotABundle`."""
    resources = list(_resources(bundle))
    people = [one for _, one in resources if one["resourceType"] == "Patient"]
    if len(people) != 1:
        raise NotABundle("a bundle is about exactly one patient")
    medications = {_reference(one): one for _, one in resources if one["resourceType"] == "Medication"}
    statements: list[Statement] = []
    skipped: dict[str, int] = {}
    for url, resource in resources:
        name = _name(url, resource, people[0])
        found = list(_statements(resource, name, medications))
        statements += found
        if not found:
            skipped[resource["resourceType"]] = skipped.get(resource["resourceType"], 0) + 1
    kept = _newest(_one_of_each(statements))
    return Found(_family_names(people[0]), _day(people[0].get("birthDate")), kept, skipped)


def _resources(bundle: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each resource with its address."""
    entries = bundle.get("entry") if isinstance(bundle, dict) else None
    if (
        not isinstance(bundle, dict)
        or bundle.get("resourceType") != "Bundle"
        or not isinstance(entries, list)
    ):
        raise NotABundle("no FHIR bundle")
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise NotABundle("an entry without a resource")
        yield str(entry.get("fullUrl", "")), resource


def _statements(
    resource: dict[str, Any], name: str, medications: Mapping[str, dict[str, Any]]
) -> Iterator[Statement]:
    match resource["resourceType"]:
        case "Condition":
            state = _status(resource, CONDITION_STATES)
            yield from _entry(resource, name, Section.CONDITION, resource.get("code"), state)
        case "AllergyIntolerance":
            state = _status(resource, ALLERGY_STATES)
            yield from _entry(resource, name, Section.ALLERGY, resource.get("code"), state)
        case "MedicationRequest" | "MedicationStatement":
            state = MEDICATION_STATES.get(str(resource.get("status")), State.UNKNOWN)
            yield from _entry(resource, name, Section.MEDICATION, _medicine(resource, medications), state)
        case "Observation":
            yield from _measurements(resource, name)


def _entry(
    resource: dict[str, Any], name: str, section: Section, concept: object, state: State
) -> Iterator[Statement]:
    """Yield what is listed, unless the record itself says that it is not so."""
    if _code(resource.get("verificationStatus")) in NOT_SO or resource.get("status") in NOT_SO:
        return
    codings = [one for one in _list(concept, "coding") if str(one.get("system")) in SYSTEMS]
    codes = tuple((SYSTEMS[one["system"]], str(one.get("code"))[:40]) for one in codings if one.get("code"))
    yield Statement(section, state, text=_text(concept), codings=codes, external_id=name)


def _status(resource: dict[str, Any], states: Mapping[str, State]) -> State:
    return states.get(_code(resource.get("clinicalStatus")), State.UNKNOWN)


def _medicine(resource: dict[str, Any], medications: Mapping[str, dict[str, Any]]) -> object:
    """Return the concept that names a medicine, by reference too; what isn't in the bundle has its words."""
    named = resource.get("medicationCodeableConcept")
    if isinstance(named, dict):
        return named
    reference = resource.get("medicationReference")
    reference = reference if isinstance(reference, dict) else {}
    target = str(reference.get("reference", "")).removeprefix("urn:uuid:").rpartition("/")[2]
    found = medications.get(f"Medication/{target}")
    return found.get("code") if found else {"text": reference.get("display")}


def _measurements(resource: dict[str, Any], name: str) -> Iterator[Statement]:
    measured_at = _instant(resource.get("effectiveDateTime"))
    if resource.get("status") not in MEASURED or measured_at is None:
        return
    for part in [resource, *_list(resource, "component")]:
        vital = next((VITALS[code] for code in _loinc(part) if code in VITALS), None)
        quantity = part.get("valueQuantity")
        value = quantity.get("value") if isinstance(quantity, dict) else None
        if vital is None or not isinstance(value, int | float) or isinstance(value, bool):
            continue
        unit = str(quantity.get("code") or quantity.get("unit"))[:12]  # type: ignore[union-attr]
        measurement = Measurement(vital, float(value), unit, measured_at)
        external_id = name and f"{name}#{vital}"
        yield Statement(Section.VITAL, State.MEASURED, measurement=measurement, external_id=external_id)


def _one_of_each(statements: list[Statement]) -> Iterator[Statement]:
    """Leave out what is said twice; raises `NotABundle` where one name stands for two things."""
    known: dict[str, Statement] = {}
    for one in statements:
        if one.external_id not in known:
            yield one
        elif known[one.external_id] != one:
            raise NotABundle(f"two different resources are called {one.external_id}")
        if one.external_id:
            known[one.external_id] = one


def _newest(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Leave of each vital the newest measurement."""
    statements = list(statements)
    newest: dict[Vital, Measurement] = {}
    for one in statements:
        if one.measurement is not None:
            known = newest.get(one.measurement.vital, one.measurement)
            newest[one.measurement.vital] = max(known, one.measurement, key=lambda each: each.measured_at)
    return tuple(
        one
        for one in statements
        if one.measurement is None or newest[one.measurement.vital] is one.measurement
    )


def _name(url: str, resource: dict[str, Any], person: dict[str, Any]) -> str:
    """Return what a resource is called at every import, or nothing where it has no lasting name.

    An id is one server's own: two hospitals both have a first condition. A URN may be new at each sending.
    """
    if not url.startswith(("http://", "https://")):
        if not resource.get("id"):
            return ""
        url = f"{_reference(person)}/{_reference(resource)}"
    return url if len(url) <= MAX_NAME else sha256(url.encode()).hexdigest()


def _reference(resource: dict[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource.get('id', '')}"


def _text(concept: object) -> str:
    named = concept if isinstance(concept, dict) else {}
    shown = [named.get("text"), *(one.get("display") for one in _list(concept, "coding"))]
    return next((text[:MAX_TEXT] for text in shown if isinstance(text, str) and text.strip()), "Not named")


def _code(concept: object) -> str:
    return next((str(one.get("code")) for one in _list(concept, "coding")), "")


def _loinc(part: dict[str, Any]) -> list[str]:
    return [
        str(one.get("code"))
        for one in _list(part.get("code"), "coding")
        if one.get("system") == "http://loinc.org"
    ]


def _list(holder: object, name: str) -> list[dict[str, Any]]:
    rows = holder.get(name) if isinstance(holder, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _family_names(person: dict[str, Any]) -> frozenset[str]:
    return frozenset(str(name["family"]).casefold() for name in _list(person, "name") if name.get("family"))


def _day(said: object) -> date | None:
    try:
        return date.fromisoformat(str(said))
    except ValueError:
        return None


def _instant(said: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
