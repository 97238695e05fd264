"""A report leaves the house whole, signed and by its newest version, or says what it lacks, by name."""

import csv
import os
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader
from rest_framework.test import APIClient

from accounts.models import Clinician, Patient, User
from core.actors import Actor
from safety.events import medwatch, medwatch_pdf
from safety.events.enums import ActionTaken, EventOutcome
from safety.events.medwatch import ELEMENTS, Told, missing
from safety.events.models import EventAssessment
from safety.models import AdverseEvent
from safety.services import EventReport, report_event
from tests.api import post
from tests.safety.events.test_assessments import assess, code

PRODUCT = {"product": {"name": "Ketamine tablets", "lot": "A12", "dose_mg": "300.0"}}
BESIDE = Path(__file__).parents[4] / "shared" / "real"
RECORDS = Path(os.environ.get("REKINDLE_RECORDS", BESIDE)) / "safety" / "e2b_r3"
WHOLE: dict[str, Any] = {
    "case": {
        "number": "7",
        "first_received_at": "2026-03-02T15:00:00+00:00",
        "most_recent_information_at": "2026-03-02T15:00:00+00:00",
    },
    "a_patient": medwatch.patient_block(
        medwatch.Case("7", "Ada Example", date(1984, 5, 17), 70.0, ["asthma"], [], None), on=date(2026, 3, 2)
    ),
    "b_event": {
        "term": "vomiting",
        "meddra_code": None,
        "meddra_version": None,
        "is_serious": True,
        "outcomes": ["Hospitalisation"],
        "grade": 3,
        "began_at": "2026-03-02T14:00:00+00:00",
        "ended_at": None,
        "outcome": "Recovered",
        "outcome_code": 1,
        "causality": "Probable",
        "naranjo_score": 5,
        "naranjo_category": "Probable",
        "expectedness": "Expected",
        "reference": "Ketamine injection, US label, 2024-05",
        "narrative": "She threw up.",
        "history": ["asthma"],
    },
    "d_product": {
        "name": "Ketamine tablets",
        "action_taken": "Dose not changed",
        "dechallenge": "Yes",
        "rechallenge": "No",
    },
    "f_other_products": {"medicines": [], "allergies": None},
    "g_reporter": {
        "name": "Ben Example, MD",
        "profession": "Physician",
        "qualification_code": 1,
        "country": "US",
        "phone": "+1-555-0100",
    },
    "signed": {
        "version": 1,
        "name": "Ben Example, MD",
        "meaning": "decided",
        "at": "2026-03-02T16:00:00+00:00",
        "document_sha256": "0" * 64,
    },
}


class TestCompleteness:
    def test_a_whole_one_lacks_nothing(self) -> None:
        assert missing(WHOLE) == []

    @pytest.mark.parametrize("element", ELEMENTS, ids=lambda element: element.name)
    @pytest.mark.parametrize("blank", [None, "", " ", "absent"])
    def test_each_element_is_missed_by_its_name(self, element: medwatch.Element, blank: str | None) -> None:
        content = deepcopy(WHOLE)
        content[element.block][element.field] = blank
        if blank == "absent":
            del content[element.block][element.field]
        assert [reason.code for reason in missing(content)] == [element.name]

    def test_of_nothing_everything_is_missed(self) -> None:
        assert [reason.code for reason in missing({})] == [element.name for element in ELEMENTS]

    def test_an_outcome_that_is_not_known_is_no_blank(self) -> None:
        content = deepcopy(WHOLE)
        content["b_event"]["outcome_code"] = 0
        assert missing(content) == []


@pytest.mark.parametrize(
    ("on", "age"), [(date(2026, 5, 16), 41), (date(2026, 5, 17), 42), (date(1984, 5, 17), 0)]
)
def test_age_at_the_event(on: date, age: int) -> None:
    assert medwatch.age_years(date(1984, 5, 17), on) == age


def test_a_leap_day_child_is_a_year_older_in_march() -> None:
    assert medwatch.age_years(date(2004, 2, 29), date(2026, 2, 28)) == 21
    assert medwatch.age_years(date(2004, 2, 29), date(2026, 3, 1)) == 22


def test_who_it_happened_to_is_named_by_initials() -> None:
    assert medwatch.initials("Ada  van der Example") == "AVDE"


def test_the_story_leaves_out_who_said_nothing() -> None:
    at = datetime(2026, 3, 2, 15, tzinfo=UTC)
    told = [Told(at, "the patient", "  "), Told(at, "the clinic", "She called.")]
    assert medwatch.narrative(told) == "2026-03-02 15:00 UTC, the clinic: She called."


def text_of(file: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(file)).pages)


class TestOnPaper:
    def test_says_what_the_report_says(self) -> None:
        shown = text_of(medwatch_pdf.drawn(WHOLE, sha256="f" * 64))
        for words in ("A. Patient", "AE", "vomiting", "She threw up.", "Ben Example, MD", "f" * 64, "Page 1"):
            assert words in shown

    @pytest.mark.parametrize(
        ("words", "shown"),
        [
            ("<b>bold</b> & <para>", "<b>bold</b> & <para>"),
            ("ü é €", "ü é €"),
            ("😵", "[dizzy face]"),
            ("a\x00b", "a b"),
            ("=1+1", "=1+1"),
        ],
    )
    def test_whatever_was_written_is_there(self, words: str, shown: str) -> None:
        content = deepcopy(WHOLE)
        content["b_event"]["narrative"] = words
        assert shown in text_of(medwatch_pdf.drawn(content, sha256=""))

    @pytest.mark.parametrize("words", ["word " * 4_000, "x" * 20_000, "line\n" * 200])
    def test_however_long(self, words: str) -> None:
        content = deepcopy(WHOLE)
        content["b_event"]["narrative"] = words
        file = medwatch_pdf.drawn(content, sha256="")
        assert text_of(file).replace("\n", "").count(words[0]) >= words.count(words[0])

    def test_long_words_in_every_field(self) -> None:
        content = deepcopy(WHOLE)
        for block in content.values():
            for name, value in block.items():
                is_words = isinstance(value, str) and not name.endswith(("number", "at"))
                block[name] = "W" * 400 if is_words else value
        assert medwatch_pdf.drawn(content, sha256="")


@pytest.fixture
def as_ben(ben: User, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(ben)


@pytest.fixture
def event(ada: Patient, ben: User, at: datetime) -> AdverseEvent:
    told = EventReport(description="Threw up twice. 😵", is_serious=False)
    return report_event(ada.pk, report=told, actor=Actor.person(ada.user_id), at=at)


def report(client: APIClient, event: AdverseEvent, query: str = "") -> Any:
    return client.get(f"/api/v1/adverse-events/{event.pk}/report{query}")


def lacks(answer: Any) -> set[str]:
    assert code(answer) == (422, "incomplete_report")
    return {reason["code"] for reason in answer.json()["reasons"]}


@pytest.mark.django_db
class TestOfAnEvent:
    def test_by_the_newest_version(self, event: AdverseEvent, as_ben: APIClient) -> None:
        assess(as_ben, event, **PRODUCT)
        assess(as_ben, event, replaces=1, why_again="Graded too low.", grade=2, **PRODUCT)
        found = report(as_ben, event).json()
        assert (found["version"], found["content"]["b_event"]["grade"]) == (2, 2)
        assert found["content"]["a_patient"]["identifier"] == "AE"
        assert "Threw up twice." in found["content"]["b_event"]["narrative"]
        assert found["content"]["g_reporter"]["qualification_code"] == 1

    def test_what_was_superseded_is_final_no_more(self, event: AdverseEvent, as_ben: APIClient) -> None:
        assess(as_ben, event, **PRODUCT)
        assert report(as_ben, event, "?version=1").status_code == 200
        assess(as_ben, event, replaces=1, why_again="Graded too low.", **PRODUCT)
        for query in ("?version=1", "?version=3"):
            assert code(report(as_ben, event, query)) == (409, "not_the_newest")
            assert code(report(as_ben, event, f"/pdf{query}")) == (409, "not_the_newest")

    def test_unsigned_lacks_what_a_signature_says(self, event: AdverseEvent, as_ben: APIClient) -> None:
        assert lacks(report(as_ben, event)) == {element.name for element in ELEMENTS} - {
            "patient",
            "narrative",
        }

    def test_without_the_medicine(self, event: AdverseEvent, as_ben: APIClient) -> None:
        assess(as_ben, event)
        assert lacks(report(as_ben, event)) == {"product"}
        assert lacks(report(as_ben, event, "/pdf")) == {"product"}

    def test_without_words_until_somebody_notes_them(
        self, ada: Patient, as_ben: APIClient, at: datetime
    ) -> None:
        silent = report_event(ada.pk, report=EventReport(" "), actor=Actor.person(ada.user_id), at=at)
        assess(as_ben, silent, **PRODUCT)
        assert lacks(report(as_ben, silent)) == {"narrative"}
        news = {"kind": "new_information", "text": "She fell in the shower.", "aware_at": at.isoformat()}
        post(as_ben, f"adverse-events/{silent.pk}/news", news)
        assert "in the shower" in report(as_ben, silent).json()["content"]["b_event"]["narrative"]

    def test_without_the_reporters_profession(self, event: AdverseEvent, as_ben: APIClient) -> None:
        assess(as_ben, event, **PRODUCT)
        Clinician.objects.update(profession="")
        assert lacks(report(as_ben, event)) == {"reporter_qualification"}

    def test_changed_after_it_was_signed(
        self, event: AdverseEvent, as_ben: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assess(as_ben, event, **PRODUCT)
        read = EventAssessment.from_db.__func__  # type: ignore[attr-defined]

        def forged(cls: Any, *args: Any) -> Any:
            row = read(cls, *args)
            row.term = "nothing much"
            return row

        monkeypatch.setattr(EventAssessment, "from_db", classmethod(forged))
        assert lacks(report(as_ben, event)) == {"signature"}

    def test_on_paper(self, event: AdverseEvent, as_ben: APIClient) -> None:
        assess(as_ben, event, **PRODUCT)
        answer = report(as_ben, event, "/pdf")
        assert answer["Content-Type"] == "application/pdf"
        shown = text_of(answer.content)
        assert "Threw up twice. [dizzy face]" in shown
        assert report(as_ben, event).json()["sha256"] in shown
        assert "Ada" not in shown

    @pytest.mark.parametrize("query", ["?version=0", "?version=x", "?colour=blue"])
    def test_malformed(self, query: str, event: AdverseEvent, as_ben: APIClient) -> None:
        assert report(as_ben, event, query).status_code == 400

    def test_not_for_the_patient(
        self, event: AdverseEvent, ada: Patient, client_of: Callable[[User], APIClient]
    ) -> None:
        for where in ("", "/pdf"):
            assert report(client_of(ada.user), event, where).status_code == 403


V3 = "{urn:hl7-org:v3}"


def said(node: ElementTree.Element | None) -> str:
    if node is None:
        return ""
    words = " ".join(part.strip() for part in node.itertext() if part.strip())
    return words or node.get("value") or node.get("code") or ""


def observed(case: ElementTree.Element, code: str) -> str:
    """Return the value of the first observation of a kind; 29 is a reaction, 27 an outcome."""
    for seen in case.iter(f"{V3}observation"):
        if (kind := seen.find(f"{V3}code")) is not None and kind.get("code") == code:
            return said(seen.find(f"{V3}value"))
    return ""


def of_sample(path: Path) -> dict[str, Any]:
    """Read from a published E2B(R3) message what our check asks for; its number stands for a signature."""
    case = ElementTree.parse(path).getroot().find(f".//{V3}investigationEvent")  # noqa: S314 - stands beside us
    assert case is not None
    person = case.find(f".//{V3}author//{V3}assignedPerson")
    assert person is not None
    return {
        "a_patient": {"identifier": said(case.find(f".//{V3}player1/{V3}name"))},
        "b_event": {
            "term": observed(case, "29"),
            "narrative": said(case.find(f"{V3}text")),
            "outcome_code": observed(case, "27"),
        },
        "d_product": {"name": said(case.find(f".//{V3}consumable//{V3}kindOfProduct/{V3}name"))},
        "g_reporter": {
            "name": said(person.find(f"{V3}name")),
            "qualification_code": said(person.find(f"{V3}asQualifiedEntity/{V3}code")),
            "country": said(person.find(f"{V3}asLocatedEntity//{V3}code")),
        },
        "signed": {"document_sha256": str(case.find(f"{V3}id"))},
    }


@pytest.mark.records
class TestAgainstRealReports:
    @pytest.fixture(autouse=True)
    def there(self) -> None:
        if not RECORDS.is_dir():
            pytest.skip(f"NOT RUN: no real reports at {RECORDS} (set REKINDLE_RECORDS)")

    def test_what_the_fda_publishes_as_valid_is_whole_for_us_too(self) -> None:
        samples = sorted(RECORDS.glob("FAERS*.xml"))
        assert {sample.name: missing(of_sample(sample)) for sample in samples} == {
            sample.name: [] for sample in samples
        }
        assert len(samples) >= 3

    def test_and_is_not_with_any_part_taken_away(self) -> None:
        whole = of_sample(min(RECORDS.glob("FAERS*.xml")))
        for element in ELEMENTS:
            content = deepcopy(whole)
            del content[element.block][element.field]
            assert [reason.code for reason in missing(content)] == [element.name]

    @pytest.mark.parametrize(
        ("element", "codes"),
        [("E.i.7", medwatch.OUTCOME_CODES), ("G.k.8", medwatch.ACTION_CODES)],
    )
    def test_codes_are_those_of_the_standards_own_table(
        self, element: str, codes: Mapping[EventOutcome | ActionTaken, int]
    ) -> None:
        with (RECORDS / "ich-core-data-elements-v1.csv").open(newline="", encoding="utf-8-sig") as file:
            (allowed,) = [row[6] for row in csv.reader(file) if len(row) > 6 and row[2].strip() == element]
        meant = dict(re.findall(r"(\d)=([A-Za-z ]+)", allowed))
        for member, number in codes.items():
            first = {"recovered_with_sequelae": "recovered", "dose_reduced": "dose reduced"}.get(
                member.value, member.value.replace("_", " ")
            )
            assert first in meant[str(number)].lower(), (member, meant[str(number)])
