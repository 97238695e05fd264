"""Whom somebody in danger is told to call: of where they live, or nobody's number but the clinic's."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Patient
from accounts.services import save_address
from core.actors import Actor
from safety import queries
from safety.checks import lines_are_sound
from safety.lines import LinesError, lines_at, parse_lines
from safety.texts import crisis_text
from tests import steps
from tests.api import post
from tests.conftest import HOME

pytestmark = pytest.mark.django_db

ONTARIO = """
[CA]
emergency = "911"
crisis = "9-8-8"
source = "made up"
[CA-ON]
emergency = "112"
source = "made up"
[US-NY]
emergency = "911"
crisis = "1-888-692-9355"
source = "made up"
"""
ABROAD = replace(HOME, city="Berlin", state="", postal_code="10115", country="DE", starts_on=date(2020, 1, 2))


def move(patient: Patient, at: datetime) -> None:
    save_address(patient, ABROAD, actor=Actor.person(patient.user_id), at=at)


def test_in_the_united_states(ada: Patient, at: datetime, settings: Any) -> None:
    text = queries.crisis_text_for(ada.pk, at=at)
    assert text["phones"] == ["988", "911", settings.CLINIC_PHONE]
    assert text["summary"].startswith("Please call or text 988 now, or call 911")


def test_elsewhere_no_number_of_the_united_states(ada: Patient, at: datetime, settings: Any) -> None:
    move(ada, at)
    text = queries.crisis_text_for(ada.pk, at=at)
    said = " ".join([text["summary"], text["text"], *text["phones"]])
    assert "your local emergency number" in text["summary"]
    assert text["phones"] == [settings.CLINIC_PHONE]
    assert not {"988", "911"} & set(said.replace(",", " ").replace(".", " ").split())


def test_what_the_clinic_names_is_told_there(
    ada: Patient, at: datetime, settings: Any, tmp_path: Path
) -> None:
    own = tmp_path / "lines.toml"
    own.write_text('[DE]\nemergency = "112"\ncrisis = "0800 1110111"\nsource = "made up"\n')
    settings.CRISIS_LINES_FILE = str(own)
    move(ada, at)
    text = queries.crisis_text_for(ada.pk, at=at)
    assert text["phones"] == ["0800 1110111", "112", settings.CLINIC_PHONE]
    assert text["summary"].startswith("Please call 0800 1110111 now")


def test_the_answer_to_a_screening_goes_by_where_she_lives(
    ada: Patient, at: datetime, client_of: Any, settings: Any
) -> None:
    enrollment = steps.enrolled(ada, at=at)
    move(ada, at)
    said = steps.HEALTHY | {"thinking_of_ending_life_now": "yes"}
    body = post(client_of(ada.user), f"enrollments/{enrollment.pk}/screenings", {"answers": said}).json()
    assert body["crisis"]["phones"] == [settings.CLINIC_PHONE]
    assert body["summary"] == body["crisis"]["summary"]


def test_a_refusal_too(ada: Patient, at: datetime, client_of: Any) -> None:
    enrollment = steps.enrolled(ada, at=at)
    move(ada, at)
    said = {"thinking_of_ending_life_now": "yes", "nonsense": 1}
    body = post(client_of(ada.user), f"enrollments/{enrollment.pk}/screenings", {"answers": said}).json()
    (why,) = (each["detail"] for each in body["reasons"] if each["code"] == "crisis")
    assert "your local emergency number" in why


def test_a_part_comes_before_its_country_and_the_clinics_before_ours(tmp_path: Path) -> None:
    own = tmp_path / "lines.toml"
    own.write_text(ONTARIO)
    found = {place: lines_at(*place, file=str(own)) for place in (("CA", "ON"), ("CA", "BC"), ("US", "NY"))}
    assert [each and (each.emergency, each.crisis) for each in found.values()] == [
        ("112", ""),
        ("911", "9-8-8"),
        ("911", "1-888-692-9355"),
    ]
    assert lines_at("", "", file=str(own)) is None


def test_a_place_without_a_crisis_line_names_none(tmp_path: Path, settings: Any) -> None:
    own = tmp_path / "lines.toml"
    own.write_text(ONTARIO)
    text = crisis_text(lines_at("CA", "ON", file=str(own)))
    assert text["phones"] == ["112", settings.CLINIC_PHONE]
    assert text["summary"].startswith("If you are in danger, call 112 now.")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[US", "line|document"),
        ('[us]\nemergency = "1"', "us"),
        ('[DE]\nsource = "x"', "DE.emergency"),
        ('[DE]\nemergency = "112"', "DE.source"),
        ('[DE]\nemergency = 112\nsource = "x"', "DE.emergency"),
        ('[DE]\nemergency = "112"\ncrisis = "ask"\nsource = "x"', "DE.crisis"),
        ('[DE]\nemergency = "112"\nsource = "x"\ntext = true', "DE.text"),
        ('[DE]\nemergency = "112"\nsource = "x"\ncrisis_takes_texts = 1', "DE.crisis_takes_texts"),
    ],
)
def test_a_faulty_file_is_refused(text: str, place: str, tmp_path: Path, settings: Any) -> None:
    with pytest.raises(LinesError, match=place):
        parse_lines(text)
    own = tmp_path / "lines.toml"
    own.write_text(text)
    settings.CRISIS_LINES_FILE = str(own)
    assert [error.id for error in lines_are_sound(None)] == ["safety.E002"]


def test_a_file_that_is_gone_silences_nobody(
    ada: Patient, at: datetime, settings: Any, tmp_path: Path
) -> None:
    settings.CRISIS_LINES_FILE = str(tmp_path / "gone.toml")
    assert queries.crisis_text_for(ada.pk, at=at)["phones"] == [settings.CLINIC_PHONE]
