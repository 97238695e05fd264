"""Records from elsewhere: FHIR R4 bundles, made by hand here and by Synthea."""

import gzip
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from safety.enums import ProfileState as State
from safety.models import HealthFact
from safety.profile import queries
from safety.profile.fhir import NotABundle, read_bundle
from safety.screening.health import CodeSystem, Vital
from tests.api import post
from tests.safety.conftest import code

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "real"
RECORDS = Path(os.environ.get("REKINDLE_RECORDS", BESIDE)) / "eligibility" / "synthea"


def bundle(*resources: dict[str, Any], birth: str = "1984-05-17", family: str = "Example") -> dict[str, Any]:
    person = {"resourceType": "Patient", "birthDate": birth, "name": [{"family": family, "given": ["Ada"]}]}
    entries = [{"resource": one} for one in (person, *resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def coded(system: str, number: str, display: str = "Something") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": number, "display": display}]}


def condition(status: str, **more: Any) -> dict[str, Any]:
    clinical = {"coding": [{"code": status}]}
    return {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": clinical,
        "code": coded(SNOMED, "370143000", "Major depression"),
    } | more


def medication(status: str, **more: Any) -> dict[str, Any]:
    named = {"medicationCodeableConcept": coded(RXNORM, "36437", "Sertraline")}
    return {"resourceType": "MedicationRequest", "id": "m1", "status": status} | (more or named)


def observation(number: str, value: float, unit: str, when: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}{when}",
        "status": "final",
        "code": coded(LOINC, number),
        "effectiveDateTime": when,
        "valueQuantity": {"value": value, "code": unit},
    } | more


class TestReading:
    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("active", State.ACTIVE),
            ("relapse", State.ACTIVE),
            ("remission", State.REMISSION),
            ("resolved", State.RESOLVED),
            ("inactive", State.UNKNOWN),
            ("", State.UNKNOWN),
        ],
    )
    def test_conditions(self, status, state):
        (found,) = read_bundle(bundle(condition(status))).statements
        assert (found.state, found.text) == (state, "Major depression")
        assert found.codings == ((CodeSystem.SNOMED_CT, "370143000"),)

    @pytest.mark.parametrize("word", ["refuted", "entered-in-error"])
    def test_what_is_not_so_is_left(self, word):
        refuted = condition("active", verificationStatus={"coding": [{"code": word}]})
        found = read_bundle(bundle(refuted))
        assert (found.statements, found.skipped["Condition"]) == ((), 1)

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("active", State.TAKEN),
            ("stopped", State.STOPPED),
            ("on-hold", State.UNKNOWN),
            ("draft", State.UNKNOWN),
        ],
    )
    def test_medicines(self, status, state):
        (found,) = read_bundle(bundle(medication(status))).statements
        assert (found.state, found.codings) == (state, ((CodeSystem.RXNORM, "36437"),))

    def test_a_medicine_by_reference(self):
        named = {"resourceType": "Medication", "id": "x", "code": coded(RXNORM, "36437", "Sertraline")}
        for reference in ("Medication/x", "urn:uuid:x"):
            request = medication("active", medicationReference={"reference": reference})
            assert read_bundle(bundle(named, request)).statements[0].text == "Sertraline"
        lost = medication("active", medicationReference={"reference": "Medication/y", "display": "A tablet"})
        assert read_bundle(bundle(lost)).statements[0].text == "A tablet"

    def test_a_system_nobody_knows_leaves_the_words(self):
        (found,) = read_bundle(bundle(condition("active", code=coded("urn:own", "1", "Asthma")))).statements
        assert (found.text, found.codings) == ("Asthma", ())

    def test_the_newest_measurement_alone(self):
        old = observation("29463-7", 90, "kg", "2020-01-01T00:00:00Z")
        new = observation("29463-7", 80, "kg", "2025-01-01T00:00:00Z")
        (found,) = read_bundle(bundle(new, old)).statements
        assert found.measurement is not None
        assert (found.measurement.vital, found.measurement.value) == (Vital.WEIGHT, 80)

    @pytest.mark.parametrize(
        "changed",
        [
            {"status": "preliminary"},
            {"effectiveDateTime": "2020"},
            {"valueQuantity": {"value": "80"}},
            {"code": coded(SNOMED, "29463-7")},
        ],
    )
    def test_what_is_no_measurement_is_left(self, changed):
        assert (
            read_bundle(bundle(observation("29463-7", 90, "kg", "2020-01-01T00:00:00Z") | changed)).statements
            == ()
        )

    @pytest.mark.parametrize(
        "broken",
        [
            None,
            [],
            {"resourceType": "Bundle"},
            {"resourceType": "Bundle", "entry": [{}]},
            {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": 3}}]},
            {"resourceType": "Bundle", "entry": []},
        ],
    )
    def test_what_is_no_bundle_is_refused(self, broken):
        with pytest.raises(NotABundle):
            read_bundle(broken)

    @pytest.mark.parametrize("junk", [None, 3, "x", [], {"coding": 3}, {"coding": [3, {"system": []}]}])
    def test_junk_inside_breaks_nothing(self, junk):
        rows = [
            condition("active", code=junk, clinicalStatus=junk),
            medication("active", medicationReference=junk),
        ]
        rows += [observation("29463-7", 1, "kg", "2020-01-01T00:00:00Z") | {"component": junk, "code": junk}]
        read_bundle(bundle(*rows))


@pytest.mark.django_db
class TestTakingOver:
    def send(self, client: Any, patient: Any, content: Any) -> Any:
        return post(client, f"patients/{patient.pk}/health-profile/imports", {"bundle": content})

    def test_once(self, ada, as_ben):
        content = bundle(condition("active"), medication("active"))
        assert self.send(as_ben, ada, content).json() == {
            "added": 2,
            "changed": 0,
            "unchanged": 0,
            "skipped": {"Patient": 1},
        }
        assert self.send(as_ben, ada, content).json()["unchanged"] == 2
        assert {fact.source for fact in queries.current(ada.pk)} == {"import"}

    def test_what_has_changed_there_is_a_new_version(self, ada, as_ben):
        self.send(as_ben, ada, bundle(condition("active")))
        assert self.send(as_ben, ada, bundle(condition("resolved"))).json()["changed"] == 1
        assert [fact.state for fact in queries.current(ada.pk)] == ["resolved"]
        assert HealthFact.objects.count() == 2

    def test_a_clinicians_correction_stands_beside_what_the_other_record_says(self, ada, as_ben):
        self.send(as_ben, ada, bundle(condition("resolved")))
        (found,) = queries.current(ada.pk)
        body = {"section": "condition", "state": "active", "text": found.text, "replaces": str(found.pk)}
        assert post(as_ben, f"patients/{ada.pk}/health-profile/statements", body).status_code == 201
        assert self.send(as_ben, ada, bundle(condition("resolved"))).json()["unchanged"] == 1
        assert [fact.state for fact in queries.current(ada.pk)] == ["active"]
        for unchanged in (0, 1):
            answer = self.send(as_ben, ada, bundle(condition("remission")))
            assert answer.json()["unchanged"] == unchanged
            assert {fact.state for fact in queries.current(ada.pk)} == {"active", "remission"}

    def test_what_a_clinician_struck_out_does_not_come_back(self, ada, as_ben):
        for content in (bundle(condition("active")), bundle(condition("active", id=None))):
            self.send(as_ben, ada, content)
            (found,) = queries.current(ada.pk)
            body = {"section": "condition", "state": "withdrawn", "text": found.text}
            struck = body | {"replaces": str(found.pk)}
            assert post(as_ben, f"patients/{ada.pk}/health-profile/statements", struck).status_code == 201
            assert self.send(as_ben, ada, content).json()["unchanged"] == 1
            assert not queries.current(ada.pk)

    def test_two_hospitals_have_a_first_condition_each(self, ada, as_ben):
        one, other = bundle(condition("active")), bundle(condition("resolved"))
        one["entry"][1]["fullUrl"] = "https://one.example/fhir/Condition/c1"
        other["entry"][1]["fullUrl"] = "https://other.example/fhir/Condition/c1"
        assert [self.send(as_ben, ada, each).json()["added"] for each in (one, other, one)] == [1, 1, 0]
        assert {fact.state for fact in queries.current(ada.pk)} == {"active", "resolved"}
        one["entry"][1]["resource"]["clinicalStatus"] = {"coding": [{"code": "remission"}]}
        assert self.send(as_ben, ada, one).json()["changed"] == 1
        assert {fact.state for fact in queries.current(ada.pk)} == {"remission", "resolved"}

    def test_an_address_may_be_long(self, ada, as_ben):
        content = bundle(observation("29463-7", 70, "kg", "2020-01-01T00:00:00Z"))
        content["entry"][1]["fullUrl"] = f"https://one.example/{'f' * 300}/Observation/o1"
        assert [self.send(as_ben, ada, content).json()["added"] for _ in range(2)] == [1, 0]

    def test_what_has_no_name_there_replaces_nothing(self, ada, as_ben):
        nameless = [condition(state, id=None) for state in ("active", "resolved")]
        assert self.send(as_ben, ada, bundle(*nameless)).json()["added"] == 2
        assert self.send(as_ben, ada, bundle(*nameless)).json()["unchanged"] == 2
        changed = [condition(state, id=None) for state in ("remission", "resolved")]
        assert self.send(as_ben, ada, bundle(*changed)).json()["added"] == 1
        assert len(queries.current(ada.pk)) == 3

    def test_one_name_stands_for_one_thing(self, ada, as_ben):
        twice = bundle(condition("active"), condition("active"))
        assert self.send(as_ben, ada, twice).json()["added"] == 1
        answer = self.send(as_ben, ada, bundle(condition("active"), condition("resolved")))
        assert code(answer) == (400, "not_a_bundle")
        assert "Condition/c1" in str(answer.json()["errors"])

    @pytest.mark.parametrize(
        "other", [{"birth": "1990-01-01"}, {"family": "Somebody"}, {"birth": "nonsense"}]
    )
    def test_somebody_elses_is_refused(self, ada, as_ben, other):
        answer = self.send(as_ben, ada, bundle(condition("active"), **other))
        assert code(answer) == (400, "not_this_person")

    def test_all_or_nothing(self, ada, as_ben):
        heavy = observation("29463-7", 9000, "kg", "2020-01-01T00:00:00Z")
        assert self.send(as_ben, ada, bundle(condition("active"), heavy)).status_code == 400
        assert not HealthFact.objects.exists()

    def test_no_bundle(self, ada, as_ben):
        assert code(self.send(as_ben, ada, {"resourceType": "Patient"})) == (400, "not_a_bundle")

    def test_not_by_patients(self, ada, as_ada):
        assert self.send(as_ada, ada, bundle()).status_code == 403


@pytest.mark.records
class TestRealRecords:
    @pytest.mark.parametrize(
        "name", ["Alberto_Atencio", "Clemente_Kreiger", "Milan_Beatty", "Stephen_McLaughlin"]
    )
    def test_every_listed_resource_is_read(self, name):
        if not RECORDS.is_dir():
            pytest.skip(f"NOT RUN: no real records at {RECORDS} (set REKINDLE_RECORDS)")
        content = json.loads(gzip.decompress((RECORDS / f"{name}.json.gz").read_bytes()))
        found = read_bundle(content)
        listed = [entry["resource"]["resourceType"] for entry in content["entry"]]
        expected = sum(
            listed.count(kind) for kind in ("Condition", "MedicationRequest", "AllergyIntolerance")
        )
        assert len([one for one in found.statements if one.measurement is None]) == expected
        assert {one.measurement.vital for one in found.statements if one.measurement} >= {
            Vital.WEIGHT,
            Vital.SYSTOLIC,
            Vital.DIASTOLIC,
        }
        assert isinstance(found.birth_on, date)
