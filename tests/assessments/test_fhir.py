"""The same instrument by several publishers: the same, or refused with the reason; no words in here."""

import json
import os
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from assessments.instruments import InstrumentError, instruments, load_wording
from assessments.instruments.fhir import answer_codes, wording_from_fhir

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "real"
RECORDS = Path(os.environ.get("REKINDLE_RECORDS", BESIDE)) / "fhir"
PHQ9, CSSRS = instruments()["phq9"], instruments()["cssrs"]
FREQUENCY = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")
DIFFICULTY = ("LA6572-7", "LA6573-5", "LA6575-0", "LA6574-3")

PUBLISHED = {
    ("phq9", "lforms/phq9_R4_questionnaire.json"): "",
    ("phq9", "lforms/argonaut_phq9_R4.json"): "",
    ("phq9", "lforms/argonaut_phq9_R5.json"): "",
    ("phq9", "uwcirg/PHQ-9.json"): "",
    ("phq9", "beda/Questionnaire_phq2phq9.yaml"): "does not ask phq9_10",
    ("phq9", "sdc/Questionnaire-questionnaire-sdc-profile-example-PHQ9.json"): "no LOINC code .* 'H1/T1/Q1'",
    (
        "phq9",
        "sdc/Questionnaire-questionnaire-sdc-profile-example-cqf-PHQ9.json",
    ): "answers elsewhere: .*LL358-3",
    ("phq9", "sdc/Questionnaire-questionnaire-sdc-profile-example-PHQ9-search.json"): "does not ask phq9_1, ",
    ("phq9", "uwcirg/CIRG-PHQ-4.json"): "is 69724-3, not 44249-1",
    ("phq9", "uwcirg/CIRG-CNICS-AUDIT.json"): "no LOINC code .* 'AUDIT-0'",
    ("phq9", "cssrs_screener_93373-9.json"): "is 93373-9, not 44249-1",
    ("cssrs", "cssrs_screener_93373-9.json"): "",
    ("gad7", "beda/Questionnaire_gad-7.yaml"): "no LOINC code of an item of gad7",
}
"""What each published file is to an instrument: the same one, or why not."""


def read(name: str) -> Any:
    if not RECORDS.is_dir():
        pytest.skip(f"NOT RUN: no real records at {RECORDS} (set REKINDLE_RECORDS)")
    text = (RECORDS / name).read_text()
    return yaml.safe_load(text) if name.endswith(".yaml") else json.loads(text)


@pytest.mark.records
@pytest.mark.parametrize(("code", "name"), PUBLISHED)
def test_published_questionnaires(code: str, name: str) -> None:
    instrument, content = instruments()[code], read(name)
    if why := PUBLISHED[code, name]:
        with pytest.raises(InstrumentError, match=why):
            wording_from_fhir(instrument, content, file=name)
        return
    wording = wording_from_fhir(instrument, content, file=name)
    assert set(wording.items) == set(instrument.items)
    needed = {item.answers.key: set(item.values) for item in instrument.items.values()}
    assert {key: set(labels) for key, labels in wording.answers.items()} == needed


@pytest.mark.records
def test_no_publisher_of_the_phq9_is_left_out() -> None:
    """Every questionnaire there that names the PHQ-9 is in the table, taken or refused."""
    read("uwcirg/PHQ-9.json")
    publishers = {Path(name).parent for _, name in PUBLISHED}
    paths = [
        path
        for each in publishers
        for ending in ("json", "yaml")
        for path in (RECORDS / each).glob(f"*.{ending}")
    ]
    texts = {path.relative_to(RECORDS).as_posix(): path.read_text() for path in paths}
    named = {
        name
        for name, text in texts.items()
        if re.search(r"resourceType\"?: *\"?Questionnaire\b", text) and re.search(r"PHQ-?9|44249-1", text)
    }
    assert named - {name for code, name in PUBLISHED if code == "phq9"} == set()
    assert len(named) > 7


def phq9() -> dict[str, Any]:
    """A questionnaire of the right shape, with words of our own."""

    def question(loinc: str, codes: tuple[str, ...]) -> dict[str, Any]:
        options = [
            {"valueCoding": {"code": code, "display": f"answer {place}"}} for place, code in enumerate(codes)
        ]
        return {
            "linkId": f"/{loinc}",
            "type": "choice",
            "text": f"question {loinc}",
            "code": [{"system": "http://loinc.org", "code": loinc}],
            "answerOption": options,
        }

    *nine, tenth = (str(item.loinc) for item in PHQ9.items.values())
    return {
        "resourceType": "Questionnaire",
        "code": [{"system": "http://loinc.org", "code": "44249-1"}],
        "item": [*(question(each, FREQUENCY) for each in nine), question(tenth, DIFFICULTY)],
    }


def test_words_go_where_their_codes_say_and_not_by_order() -> None:
    content = phq9()
    content["item"].reverse()
    content["item"][1]["answerOption"].reverse()
    wording = wording_from_fhir(PHQ9, content, file="x")
    assert wording.items["phq9_9"] == "question 44260-8"
    assert wording.answers["frequency"] == {n: f"answer {n}" for n in range(4)}


def test_what_is_computed_or_said_is_no_question() -> None:
    content = phq9()
    content["item"] += [
        {"linkId": "total", "type": "decimal"},
        {"linkId": "thanks", "type": "display"},
        {"linkId": "g", "type": "group", "item": [content["item"].pop(0)]},
    ]
    assert len(wording_from_fhir(PHQ9, content, file="x").items) == 10


def first(content: Any) -> Any:
    return content["item"][0]


def options(content: Any) -> Any:
    return first(content)["answerOption"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda q: q.update(resourceType="Patient"), "no FHIR Questionnaire"),
        (lambda q: q["code"][0].update(code="69737-5"), "is 69737-5, not 44249-1"),
        (lambda q: q["item"].pop(8), "does not ask phq9_9$"),
        (lambda q: q["item"].append(q["item"][8]), "asks phq9_9 a second time"),
        (lambda q: q.update(item={}), "item is no list"),
        (lambda q: q["item"].append("x"), "is no object"),
        (lambda q: first(q).update(linkId="/1-8", code=[]), "no LOINC code of an item of phq9, as '1-8'"),
        (lambda q: first(q)["code"][0].update(system="http://else.example"), None),
        (lambda q: first(q).update(text=" "), "has no text"),
        (lambda q: first(q).pop("text"), "has no text"),
        (lambda q: options(q).pop(), "lacks the answer 3 of frequency"),
        (lambda q: options(q)[3]["valueCoding"].update(code="LA6568-5"), "LA6568-5, which is none of"),
        (lambda q: options(q)[3]["valueCoding"].update(code="LA18938-3"), "LA18938-3, which is none of"),
        (lambda q: options(q)[3].update(valueCoding=None), "is no object"),
        (lambda q: options(q)[3]["valueCoding"].update(display="other"), "other words for the same answers"),
        (lambda q: first(q).pop("answerOption"), "answers elsewhere: nowhere"),
        (lambda q: first(q).update(answerOption=[], answerValueSet="#here"), "answers elsewhere: #here"),
    ],
)
def test_another_questionnaire_is_refused_with_the_reason(
    change: Callable[[Any], Any], fault: str | None
) -> None:
    """Where the code is of another system the link's own id still says which item it is."""
    content = phq9()
    change(content)
    if fault is None:
        assert len(wording_from_fhir(PHQ9, content, file="x").items) == 10
        return
    with pytest.raises(InstrumentError, match=fault):
        wording_from_fhir(PHQ9, content, file="x")


def test_one_that_is_nested_without_end_is_refused() -> None:
    content = phq9()
    for _ in range(20):
        content["item"] = [{"linkId": "g", "type": "group", "item": content["item"]}]
    with pytest.raises(InstrumentError, match="too deep"):
        wording_from_fhir(PHQ9, content, file="x")


@pytest.mark.parametrize("content", [None, [], "x", 3, {}])
def test_what_is_no_questionnaire_is_refused(content: object) -> None:
    with pytest.raises(InstrumentError, match="no FHIR Questionnaire"):
        wording_from_fhir(PHQ9, content, file="x")


def test_every_answer_code_is_there_once() -> None:
    assert len(answer_codes()) == 10
    assert (answer_codes()["LA33-6"], answer_codes()["LA32-8"]) == (1, 0)


# The command


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    made = tmp_path / "words"
    made.mkdir()
    settings.INSTRUMENT_WORDING_DIR = str(made)
    return made


def given(tmp_path: Path, content: object) -> str:
    path = tmp_path / "form.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_words_are_written_as_the_server_reads_them(folder: Path, tmp_path: Path) -> None:
    call_command("import_instrument", "phq9", given(tmp_path, phq9()), stdout=StringIO())
    wording = load_wording(PHQ9, folder)
    assert wording == wording_from_fhir(PHQ9, phq9(), file="x")


def test_words_that_are_there_stay(folder: Path, tmp_path: Path) -> None:
    path = given(tmp_path, phq9())
    call_command("import_instrument", "phq9", path, stdout=StringIO())
    with pytest.raises(CommandError, match="File exists"):
        call_command("import_instrument", "phq9", path)
    (folder / "phq9.json").rename(folder / "phq9.toml")
    with pytest.raises(CommandError, match="there already"):
        call_command("import_instrument", "phq9", path)


@pytest.mark.parametrize(
    ("code", "content", "fault"),
    [
        ("phq9", "{", "no JSON"),
        ("phq9", "[" * 100_000, "no JSON"),
        ("phq9", "[]", "no FHIR Questionnaire"),
        ("gad7", json.dumps(phq9()), "is 44249-1, not 69737-5"),
        ("olbi", json.dumps(phq9()), "needs the permission"),
        ("phq9", " " * 1_000_001, "larger than"),
        ("mystery", "{}", "invalid choice"),
    ],
)
def test_nothing_is_written_where_something_is_wrong(
    folder: Path, tmp_path: Path, code: str, content: str, fault: str
) -> None:
    with pytest.raises(CommandError, match=fault):
        call_command("import_instrument", code, given(tmp_path, content))
    assert list(folder.iterdir()) == []


def test_words_the_server_would_refuse_are_not_written(folder: Path, tmp_path: Path) -> None:
    content = phq9()
    first(content)["text"] = "line\nbreak"
    with pytest.raises(CommandError, match="line break"):
        call_command("import_instrument", "phq9", given(tmp_path, content))
    assert list(folder.iterdir()) == []


def test_without_a_folder_or_a_file_it_says_so(tmp_path: Path, settings: Any, folder: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_instrument", "phq9", str(tmp_path / "nowhere.json"))
    settings.INSTRUMENT_WORDING_DIR = ""
    with pytest.raises(CommandError, match="INSTRUMENT_WORDING_DIR"):
        call_command("import_instrument", "phq9", given(tmp_path, phq9()))
