"""GET /assessments and /assessments/{id}: what is asked, in which words, to whom it is shown."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import JSONField, Value
from django.test import override_settings
from rest_framework.test import APIClient

from accounts.models import Patient, User
from assessments import queries, services, views
from assessments.checks import data_is_sound
from assessments.instruments import InstrumentError, instruments
from assessments.models import Assessment
from assessments.schedule import AssessmentStatus, status_of
from core import clock
from programs import services as programs
from programs.enums import EnrollmentStatus
from programs.models import Enrollment
from tests import steps
from tests.assessments.conftest import SIGNED_IN, answered, capture, keys, save, statements, url, without_id
from tests.conftest import make_user

LIST = "/api/v1/assessments"


def listed(client: APIClient, **query: str) -> list[str]:
    response = client.get(LIST, query)
    assert response.status_code == 200, response.content
    return [form["id"] for form in response.json()["results"]]


def test_what_is_due_is_listed_by_default(
    as_ada: APIClient, phq9: Assessment, gad7: Assessment, cbi: Assessment
) -> None:
    expected = [str(form.pk) for form in (phq9, gad7, cbi)]
    assert listed(as_ada) == listed(as_ada, status="due") == expected


def test_what_is_submitted_is_listed_apart(
    as_ada: APIClient, phq9: Assessment, gad7: Assessment, cbi: Assessment
) -> None:
    answered(as_ada, gad7)
    assert listed(as_ada, status="submitted") == [str(gad7.pk)]
    assert listed(as_ada) == [str(phq9.pk), str(cbi.pk)]


def test_what_comes_later_is_listed_apart(as_ada: APIClient, enrollment: Enrollment, at: datetime) -> None:
    services.open_after_session(enrollment, number=2, at=at)
    later = enrollment.assessments.filter(after_session=2).order_by("id")
    assert listed(as_ada, status="upcoming") == [str(form.pk) for form in later]


def test_nothing_is_due_after_leaving(as_ada: APIClient, enrollment: Enrollment, at: datetime) -> None:
    programs.withdraw(enrollment.pk, patient_user=enrollment.patient.user, reason="", at=at)
    assert listed(as_ada) == listed(as_ada, status="upcoming") == []


def test_a_list_asks_the_database_once_however_long_it_is(as_ada: APIClient, enrollment: Enrollment) -> None:
    listed(as_ada)  # takes a share of the quota, for the next one too
    with capture() as captured:
        assert len(listed(as_ada)) == 3
    assert statements(captured) == [
        *SIGNED_IN,
        "SELECT",  # a patient is asking
        "SELECT assessments_assessment",
        "SELECT",  # the look
    ]


def test_pages_follow_each_other(as_ada: APIClient, phq9: Assessment, cbi: Assessment) -> None:
    first = as_ada.get(LIST, {"limit": "2"}).json()
    second = as_ada.get(first["next"]).json()
    found = [form["id"] for page in (first, second) for form in page["results"]]
    assert found == listed(as_ada)
    assert second["next"] is None


@pytest.mark.from_the_start
def test_a_form_says_what_it_asks(as_ada: APIClient, gad7: Assessment) -> None:
    form = as_ada.get(url(gad7)).json()
    assert (form["title"], form["instrument"], form["recall_days"]) == (
        "GAD-7 anxiety questionnaire",
        "gad7",
        14,
    )
    assert (form["status"], form["after_session"], form["is_late"]) == ("open", 0, False)
    assert keys(form["items"]) == [f"gad7_{n}" for n in range(1, 8)]
    assert form["missing"] == keys(form["items"])
    assert (form["answers"], form["scores"], form["crisis"]) == ({}, None, None)


@pytest.mark.parametrize("example", [views.GAD7, views.SUBMITTED])
def test_the_documented_examples_have_the_shape_of_the_answer(
    as_ada: APIClient, gad7: Assessment, example: dict[str, Any]
) -> None:
    response = answered(as_ada, gad7).json()
    assert example.keys() == response.keys()
    assert example["items"][0] == response["items"][0]
    if example["scores"]:
        assert example["scores"]["scales"][0].keys() == response["scores"]["scales"][0].keys()


def test_a_form_can_be_changed_by_the_etag_it_came_with(as_ada: APIClient, gad7: Assessment) -> None:
    read = as_ada.get(url(gad7))
    assert read["ETag"] == read.json()["etag"]
    assert save(as_ada, gad7, {"gad7_1": 1}, match=read["ETag"]).status_code == 200


def test_the_inventory_without_a_stated_period_has_none(as_ada: APIClient, cbi: Assessment) -> None:
    form = as_ada.get(url(cbi)).json()
    assert form["recall_days"] is None
    assert "Confirm licence" in form["licence_note"]


def test_client_contact_is_asked_first_in_our_own_words(as_ada: APIClient, cbi: Assessment) -> None:
    form = as_ada.get(url(cbi)).json()
    gate = form["items"][0]
    assert (gate["key"], gate["text"]) == (
        "cbi_gate_clients",
        instruments()["cbi"].items["cbi_gate_clients"].text,
    )
    assert gate["choices"] == [{"value": 0, "label": "no"}, {"value": 1, "label": "yes"}]


def test_the_client_items_are_asked_only_after_a_yes(as_ada: APIClient, cbi: Assessment) -> None:
    items = {item["key"]: item["asked_when"] for item in as_ada.get(url(cbi)).json()["items"]}
    asked_after = {key for key, condition in items.items() if condition is not None}
    assert asked_after == {item.key for item in instruments()["cbi"].scale("client").items}
    assert items["cbi_client_hard"] == {"items": ["cbi_gate_clients"], "above": 0}


def test_the_tenth_item_is_asked_only_above_nought(as_ada: APIClient, phq9: Assessment) -> None:
    *nine, tenth = as_ada.get(url(phq9)).json()["items"]
    assert all(item["asked_when"] is None for item in nine)
    assert tenth["asked_when"] == {"items": keys(nine), "above": 0}


# Words


def test_without_a_holders_file_an_item_shows_its_topic(as_ada: APIClient, phq9: Assessment) -> None:
    items = as_ada.get(url(phq9)).json()["items"]
    assert all(item["text"] == item["topic"] for item in items)


def test_without_a_holders_file_only_the_ends_are_named(as_ada: APIClient, phq9: Assessment) -> None:
    choices = as_ada.get(url(phq9)).json()["items"][0]["choices"]
    assert [choice["label"] for choice in choices] == ["never", "1", "2", "almost daily"]


def wording(folder: Path) -> Path:
    """A holder's file, with placeholders where the licensed words would be."""
    gad7 = instruments()["gad7"]
    lines = ['instrument = "gad7"', f'version = "{gad7.version}"', "[items]"]
    lines += [f'{key} = "the text of {key}"' for key in gad7.items]
    lines += ["[answers.frequency]", *(f'{value} = "answer {value}"' for value in range(4))]
    path = folder / "gad7.toml"
    path.write_text("\n".join(lines))
    return path


def test_a_holders_words_are_shown(as_ada: APIClient, gad7: Assessment, tmp_path: Path) -> None:
    wording(tmp_path)
    with override_settings(INSTRUMENT_WORDING_DIR=str(tmp_path)):
        first = as_ada.get(url(gad7)).json()["items"][0]
    assert (first["topic"], first["text"]) == ("nervousness", "the text of gad7_1")
    assert [choice["label"] for choice in first["choices"]] == [f"answer {value}" for value in range(4)]


def test_another_instruments_words_stay_topics(as_ada: APIClient, phq9: Assessment, tmp_path: Path) -> None:
    wording(tmp_path)
    with override_settings(INSTRUMENT_WORDING_DIR=str(tmp_path)):
        items = as_ada.get(url(phq9)).json()["items"]
    assert all(item["text"] == item["topic"] for item in items)


def test_a_holders_file_with_a_gap_is_refused_not_shown(
    gad7: Assessment, at: datetime, tmp_path: Path
) -> None:
    path = wording(tmp_path)
    path.write_text(path.read_text().replace("gad7_7 =", "gad7_8 ="))
    with (
        override_settings(INSTRUMENT_WORDING_DIR=str(tmp_path)),
        pytest.raises(InstrumentError, match="gad7_7 is missing"),
    ):
        queries.form(gad7, at=at)


def test_a_holders_sound_file_lets_us_start(tmp_path: Path) -> None:
    wording(tmp_path)
    with override_settings(INSTRUMENT_WORDING_DIR=str(tmp_path)):
        assert data_is_sound(None) == []


def test_a_holders_file_with_a_gap_keeps_us_from_starting(tmp_path: Path) -> None:
    path = wording(tmp_path)
    path.write_text(path.read_text().replace("gad7_7 =", "gad7_8 ="))
    with override_settings(INSTRUMENT_WORDING_DIR=str(tmp_path)):
        assert [fault.id for fault in data_is_sound(None)] == ["assessments.E003"]


def test_a_folder_that_is_not_there_keeps_us_from_starting(tmp_path: Path) -> None:
    with override_settings(INSTRUMENT_WORDING_DIR=str(tmp_path / "mistyped")):
        assert [fault.id for fault in data_is_sound(None)] == ["assessments.E002"]


# To whom


def test_the_clinician_reads_what_the_patient_answered(
    as_ada: APIClient, as_ben: APIClient, gad7: Assessment
) -> None:
    save(as_ada, gad7, {"gad7_1": 2})
    response = as_ben.get(url(gad7))
    assert (response.status_code, response.json()["answers"]) == (200, {"gad7_1": 2})


def test_the_clinician_lists_the_forms_of_those_in_their_care(
    as_ben: APIClient, enrollment: Enrollment, cyd: Patient
) -> None:
    assert {form["enrollment"] for form in as_ben.get(LIST).json()["results"]} == {str(enrollment.pk)}


def test_a_stranger_sees_nothing_there(as_cyd: APIClient, gad7: Assessment) -> None:
    absent = uuid4()
    theirs, none = as_cyd.get(url(gad7)), as_cyd.get(f"{LIST}/{absent}")
    assert (theirs.status_code, without_id(theirs, gad7.pk)) == (404, without_id(none, absent))


def test_a_stranger_lists_nothing(as_cyd: APIClient, gad7: Assessment) -> None:
    assert listed(as_cyd) == []


def test_a_clinician_no_more_in_charge_sees_nothing_there(
    as_ben: APIClient, gad7: Assessment, at: datetime
) -> None:
    gad7.enrollment.patient.care_team.update(ends_at=at)
    assert as_ben.get(url(gad7)).status_code == 404
    assert listed(as_ben) == []


@pytest.mark.parametrize("status", ["", "open", "expired", "DUE", "due,submitted"])
def test_another_status_is_refused(as_ada: APIClient, phq9: Assessment, status: str) -> None:
    assert as_ada.get(LIST, {"status": status}).status_code == 400


@pytest.mark.parametrize("query", ["?status=%00", "?status=%ff", "?cursor=nonsense"])
def test_a_query_that_cannot_be_is_no_crash(as_ada: APIClient, phq9: Assessment, query: str) -> None:
    assert as_ada.get(LIST + query).status_code in (400, 404)


def test_an_address_that_is_no_id_is_absent(as_ada: APIClient) -> None:
    assert as_ada.get(f"{LIST}/1").status_code == 404


@pytest.mark.parametrize("address", [LIST, "one"])
def test_nobody_reads_nothing(gad7: Assessment, address: str) -> None:
    assert APIClient().get(url(gad7) if address == "one" else address).status_code == 401


@pytest.mark.parametrize("address", [LIST, "one"])
def test_somebody_without_a_part_here_reads_nothing(
    client_of: Callable[[User], APIClient], gad7: Assessment, address: str
) -> None:
    client = client_of(make_user("dot@example.org"))
    assert client.get(url(gad7) if address == "one" else address).status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_forms_are_not_made_or_thrown_away_here(as_ada: APIClient, gad7: Assessment, method: str) -> None:
    assert getattr(as_ada, method)(url(gad7), {}, format="json").status_code == 405


# The rule and the rows agree


def test_each_row_is_in_exactly_the_set_that_the_rule_says(
    gad7: Assessment, enrollment: Enrollment, at: datetime
) -> None:
    only = Assessment.objects.filter(pk=gad7.pk)
    for enrollment_status, days, submitted in product(EnrollmentStatus, (-1, 0, 3, 7, 8), (False, True)):
        opens_at = at - timedelta(days=days)
        only.update(
            opens_at=opens_at,
            due_at=opens_at,
            closes_at=opens_at + timedelta(days=7),
            submitted_at=at if submitted else None,
            scores={} if submitted else Value(None, JSONField()),
        )
        Enrollment.objects.filter(pk=enrollment.pk).update(status=enrollment_status)
        said = status_of(queries.moments_of(only.select_related("enrollment").get()), at=at)
        found = [status for status in AssessmentStatus if queries.with_status(only, status, at=at).exists()]
        assert found == [said], (enrollment_status, days, submitted)


# What the gate asks


def names(enrollment: Enrollment, at: datetime) -> list[tuple[str, int | None]]:
    found = queries.outstanding(enrollment.pk, at=at)
    return [(form.instrument, form.after_session) for form in found]


def test_the_whole_baseline_is_outstanding_at_first(enrollment: Enrollment, at: datetime) -> None:
    assert names(enrollment, at) == [("phq9", 0), ("gad7", 0), ("cbi", 0)]


def test_what_is_submitted_is_not_outstanding(
    as_ada: APIClient, enrollment: Enrollment, gad7: Assessment
) -> None:
    answered(as_ada, gad7)
    assert names(enrollment, clock.now()) == [("phq9", 0), ("cbi", 0)]


def test_with_the_baseline_in_nothing_is_outstanding(as_ada: APIClient, enrollment: Enrollment) -> None:
    for form in enrollment.assessments.all():
        answered(as_ada, form)
    assert names(enrollment, clock.now()) == []


def test_a_baseline_is_outstanding_though_its_window_has_closed(enrollment: Enrollment, at: datetime) -> None:
    assert len(names(enrollment, at + timedelta(days=9999))) == 3


@pytest.mark.from_the_start
def test_a_baseline_that_was_never_opened_is_outstanding(ada: Patient, at: datetime) -> None:
    enrollment = steps.planned(ada, at=at)
    found = queries.outstanding(enrollment.pk, at=at)
    assert [(form.instrument, form.due_at) for form in found] == [
        ("phq9", None),
        ("gad7", None),
        ("cbi", None),
    ]


@pytest.mark.parametrize(("days", "expected"), [(0.9, 0), (1, 3), (6.9, 3), (7, 0)])
def test_a_later_set_is_outstanding_while_it_is_open(
    as_ada: APIClient, enrollment: Enrollment, at: datetime, days: float, expected: int
) -> None:
    for form in enrollment.assessments.all():
        answered(as_ada, form)
    services.open_after_session(enrollment, number=2, at=at)
    assert len(names(enrollment, at + timedelta(days=days))) == expected
