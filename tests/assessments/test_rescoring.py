"""A later file of an instrument scores what was submitted anew, beside the first scores, which stay."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from rest_framework.test import APIClient

from assessments import instruments as package
from assessments import rescoring
from assessments.instruments import Instrument, instruments, parse_instrument
from assessments.models import Assessment, FormCause, Rescoring
from assessments.rescoring import Rescored, rescore
from core.ids import new_id
from programs import services as programs
from programs.models import Enrollment
from safety.models import Alert
from tests.assessments.conftest import answered

NOTHING = Rescored(scored=0, unfit=0)
DAY = timedelta(days=1)


def changed(code: str, *changes: tuple[str, str]) -> Instrument:
    """Return the next version of an instrument, its file changed here and there."""
    text = (Path(package.__file__).parent / f"{code}.toml").read_text()
    for before, after in (('version = "1"', 'version = "2"'), *changes):
        assert before in text
        text = text.replace(before, after)
    return parse_instrument(text.encode(), file=f"{code}.toml")


def ship(monkeypatch: pytest.MonkeyPatch, *new: Instrument) -> None:
    """Let these be the instruments' present versions."""
    present: Mapping[str, Instrument] = {**instruments(), **{each.code: each for each in new}}
    monkeypatch.setattr(rescoring, "instruments", lambda: present)


@pytest.fixture
def submitted(as_ada: APIClient, gad7: Assessment) -> Assessment:
    """Ada's GAD-7: four points."""
    assert answered(as_ada, gad7, gad7_1=3, gad7_2=1).status_code == 200
    gad7.refresh_from_db()
    return gad7


STRICTER = changed("gad7", ("from = 5", "from = 4"))
"""The same sum, with another band."""


def test_while_no_file_has_changed_nothing_is_scored(submitted: Assessment, at: datetime) -> None:
    assert rescore(at=at) == NOTHING


def test_a_new_file_scores_beside_the_first(
    submitted: Assessment, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, STRICTER)
    before = submitted.scores
    assert rescore(at=at) == Rescored(scored=1, unfit=0)
    row = Rescoring.objects.get()
    submitted.refresh_from_db()
    assert submitted.scores == before
    assert before is not None
    assert (row.assessment_id, row.enrollment_id) == (submitted.pk, submitted.enrollment_id)
    assert (row.version, row.content_sha256) == ("2", STRICTER.content_sha256)
    assert before["scales"][0]["band"] == "minimal"
    assert row.scores is not None
    assert row.scores["scales"][0] == before["scales"][0] | {"band": "mild"}
    assert (row.scores["version"], row.scores["content_sha256"]) == ("2", STRICTER.content_sha256)


def test_again_changes_nothing(submitted: Assessment, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(monkeypatch, STRICTER)
    rescore(at=at)
    assert rescore(at=at) == NOTHING
    assert Rescoring.objects.count() == 1


def test_each_later_file_scores_anew(
    submitted: Assessment, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, STRICTER)
    rescore(at=at)
    ship(monkeypatch, changed("gad7", ('version = "2"', 'version = "3"')))
    assert rescore(at=at).scored == 1
    assert [row.version for row in Rescoring.objects.order_by("id")] == ["2", "3"]


def test_drafts_are_not_scored(gad7: Assessment, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(monkeypatch, STRICTER)
    assert rescore(at=at) == NOTHING


def test_answers_that_a_version_does_not_take_are_left_and_said_so(
    submitted: Assessment, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, changed("gad7", ("gad7_7", "gad7_8")))
    assert rescore(at=at) == Rescored(scored=0, unfit=1)
    assert Rescoring.objects.get().scores is None
    assert rescore(at=at) == NOTHING


@pytest.mark.parametrize(("status", "asked_anew"), [("active", True), ("completed", False)])
def test_an_answer_that_only_the_new_version_heeds_raises_the_alert(
    submitted: Assessment, at: datetime, monkeypatch: pytest.MonkeyPatch, status: str, asked_anew: bool
) -> None:
    """In treatment the screener is asked as well; what is over calls somebody, and asks nothing."""
    Enrollment.objects.filter(pk=submitted.enrollment_id).update(status=status)
    crisis = '\n[[crisis]]\ncode = "worry"\nitem = "gad7_1"\nat_least = 3\nsource = "a test"\n'
    text = (Path(package.__file__).parent / "gad7.toml").read_text().replace('version = "1"', 'version = "2"')
    heeding = parse_instrument((text + crisis).encode(), file="gad7.toml")
    ship(monkeypatch, heeding)
    rescore(at=at)
    alert = Alert.objects.get(source=f"assessment:{submitted.pk}")
    assert alert.alert_class == "suicide_risk"
    assert FormCause.objects.filter(source=f"alert:{alert.pk}").exists() is asked_anew
    assert Assessment.objects.filter(as_needed=1, instrument="cssrs").exists() is asked_anew


def test_one_that_fails_leaves_the_others(
    submitted: Assessment,
    as_ada: APIClient,
    cbi: Assessment,
    at: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert answered(as_ada, cbi).status_code == 200
    ship(monkeypatch, STRICTER, changed("cbi"))
    real = programs.lock_enrollment
    calls = iter([True])

    def fail_first(enrollment_id: UUID) -> Enrollment:
        if next(calls, False):
            raise InterruptedError
        return real(enrollment_id)

    monkeypatch.setattr(rescoring, "lock_enrollment", fail_first)
    assert rescore(at=at).scored == 1
    assert rescore(at=at).scored == 1


def test_a_trend_shows_both_versions_side_by_side(
    submitted: Assessment, as_ada: APIClient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, STRICTER)
    rescore(at=at)
    body = as_ada.get(f"/api/v1/enrollments/{submitted.enrollment_id}/trends").json()
    found = {each["version"]: each["scales"][0]["points"][0] for each in body["instruments"]}
    assert {version: (point["value"], point["band"]) for version, point in found.items()} == {
        "1": (4.0, "minimal"),
        "2": (4.0, "mild"),
    }
    assert found["1"]["rescored_at"] is None
    assert found["2"]["rescored_at"] is not None


# The table's own walls


@pytest.fixture
def rescored(submitted: Assessment, at: datetime, monkeypatch: pytest.MonkeyPatch) -> Rescoring:
    ship(monkeypatch, STRICTER)
    rescore(at=at)
    return Rescoring.objects.get()


def test_a_file_scores_a_form_once(rescored: Rescoring) -> None:
    again = Rescoring.objects.get()
    again.pk, again._state.adding = new_id(), True
    with pytest.raises(IntegrityError, match="rescoring_once_per_file"), transaction.atomic():
        again.save(force_insert=True)


@pytest.mark.parametrize(
    "sql", ["UPDATE assessments_rescoring SET scores = NULL", "DELETE FROM assessments_rescoring"]
)
def test_what_was_scored_stays(rescored: Rescoring, sql: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
