"""Scores over time: each scale by itself, gaps as gaps, versions side by side, published figures only."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from assessments import queries, trends
from assessments.enums import ChangeDirection
from assessments.instruments import InstrumentError, instruments
from assessments.models import Assessment
from assessments.rules import score
from assessments.schedule import Anchor, Point
from assessments.services import stored_scores
from assessments.trends import ScaleTrend, Scored, parse_changes, yardsticks
from programs import services as programs
from programs.models import Enrollment
from tests.assessments.conftest import CALM_PHQ9, SIGNED_IN, answered, capture, statements

DAY = timedelta(days=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def scored(
    number: int, scores: Mapping[str, Any] | None, *, code: str = "phq9", version: str = "1"
) -> Scored:
    due_at = NOON + number * 7 * DAY
    return Scored(
        assessment=uuid4(),
        instrument=code,
        version=version,
        point=Point(Anchor.AFTER_SESSION, number),
        due_at=due_at,
        submitted_at=due_at if scores else None,
        is_late=False,
        rescored_at=None,
        scores=scores,
    )


def total(value: float | None, *, reason: str | None = None, key: str = "total") -> dict[str, Any]:
    band = None if value is None else "some band"
    return {"scales": [{"key": key, "value": value, "band": band, "reason": reason}]}


def trend(*values: float | None, code: str = "phq9", key: str = "total") -> ScaleTrend:
    forms = [
        scored(number, None if value is None else total(value, key=key), code=code)
        for number, value in enumerate(values)
    ]
    (instrument,) = trends.trends(forms)
    scales = {scale.key: scale for scale in instrument.scales}
    return scales[key]


def test_values_stand_in_order_and_gaps_are_gaps() -> None:
    found = trend(12, None, 7)
    assert [(point.value, point.missing) for point in found.points] == [
        (Decimal(12), None),
        (None, "not_answered"),
        (Decimal(7), None),
    ]


def test_a_scale_without_enough_answers_says_why() -> None:
    (found,) = trends.trends([scored(0, total(None, reason="too_few_answered"))])
    (point,) = found.scales[0].points
    assert (point.value, point.band, point.missing) == (None, None, "too_few_answered")


def test_nought_is_a_value() -> None:
    assert trend(0).points[0].value == Decimal(0)


@pytest.mark.parametrize(
    ("values", "first", "previous"),
    [
        ((), None, None),
        ((9,), None, None),
        ((None, 9), None, None),
        ((9, 4), (-5, "better"), (-5, "better")),
        ((9, None, 12), (3, "worse"), (3, "worse")),
        ((9, 4, 6), (-3, "better"), (2, "worse")),
        ((9, 4, 9), (0, "same"), (5, "worse")),
        ((9, 4, None), (-5, "better"), (-5, "better")),
    ],
)
def test_the_newest_value_is_compared_with_the_first_and_the_one_before(
    values: tuple[float | None, ...], first: Any, previous: Any
) -> None:
    if not values:
        assert trends.trends([]) == ()
        return
    found = trend(*values)
    changes = [
        change and (change.difference, change.direction.value if change.direction else None)
        for change in (found.from_first, found.from_previous)
    ]
    assert changes == [first, previous]


def test_a_scale_that_falls_when_somebody_does_worse_runs_the_other_way() -> None:
    assert instruments()["proqol5"].scale("satisfaction").worsens == "down"
    found = trend(30, 40, code="proqol5", key="satisfaction")
    assert found.from_first
    assert found.from_first.direction == ChangeDirection.BETTER


def test_a_mean_is_not_blurred_by_binary_fractions() -> None:
    found = trend(33.333, 33.233, code="cbi", key="personal")
    assert found.from_first
    assert found.from_first.difference == Decimal("-0.1")


def test_versions_stand_side_by_side_and_are_never_compared() -> None:
    forms = [scored(0, total(20)), scored(2, total(4), version="2"), scored(4, total(6), version="2")]
    first, second = trends.trends(forms)
    assert [(found.version, len(found.scales[0].points)) for found in (first, second)] == [("1", 1), ("2", 2)]
    assert first.scales[0].from_first is None
    assert second.scales[0].from_first
    assert second.scales[0].from_first.difference == Decimal(2)


def test_a_scale_that_only_a_former_version_had_has_no_better_or_worse() -> None:
    forms = [scored(number, total(value, key="gone"), version="0") for number, value in enumerate((3, 5))]
    ((scale,),) = [found.scales for found in trends.trends(forms)]
    assert (scale.title, scale.worsens) == ("gone", None)
    assert scale.from_first
    assert scale.from_first.direction is None


# Published figures


def test_the_figures_are_those_with_a_source() -> None:
    found = {(key, each.kind.value, each.points) for key, figures in yardsticks().items() for each in figures}
    assert found == {
        (("phq9", "total"), "minimal_important_difference", Decimal("1.7")),
        (("gad7", "total"), "minimal_important_difference", Decimal("1.5")),
        (("pcl5", "total"), "reliable_change", Decimal(5)),
        (("pcl5", "total"), "minimal_important_difference", Decimal(10)),
    }


@pytest.mark.parametrize("code", ["cbi", "olbi", "proqol5", "cadss6", "cssrs", "pc_ptsd5"])
def test_nothing_is_claimed_where_nothing_was_found(code: str) -> None:
    assert not [key for key in yardsticks() if key[0] == code]


@pytest.mark.parametrize(
    ("values", "reached"),
    [
        ((10,), None),
        ((10, 8.3), True),
        ((10, 8.4), False),
        ((14, 12), True),
        ((14, 20), False),
        ((9, 1), None),
        ((15, 1), None),
        ((10, None), None),
    ],
)
def test_a_figure_speaks_of_those_for_whom_it_was_found(
    values: tuple[float | None, ...], reached: bool | None
) -> None:
    (figure,) = trend(*values).yardsticks
    assert figure.reached is reached


def shipped() -> dict[str, Any]:
    return tomllib.loads(Path(trends.__file__).with_name("changes.toml").read_text())


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("instrument", "mystery", "no scale"),
        ("scale", "mystery", "no scale"),
        ("kind", "hunch", "kind"),
        ("points", "0", "above 0"),
        ("points", "a few", "number"),
        ("points", 1.7, "type str"),
        ("source", "", "empty"),
        ("extra", "x", "unknown key"),
    ],
)
def test_a_figure_that_cannot_be_is_refused(key: str, value: object, fault: str) -> None:
    values = shipped()
    values["changes"][0][key] = value
    with pytest.raises(InstrumentError, match=fault):
        parse_changes(values, file="changes.toml")


# The view


def address(enrollment: Enrollment) -> str:
    return f"/api/v1/enrollments/{enrollment.pk}/trends"


def expire(enrollment: Enrollment, at: datetime) -> None:
    early = {"opens_at": at - 9 * DAY, "due_at": at - 8 * DAY, "closes_at": at - 7 * DAY}
    enrollment.assessments.filter(submitted_at=None).update(**early)


@pytest.mark.parametrize("who", ["as_ada", "as_ben"])
def test_patient_and_clinician_see_scores_and_gaps(
    who: str,
    request: pytest.FixtureRequest,
    enrollment: Enrollment,
    as_ada: APIClient,
    gad7: Assessment,
    at: datetime,
) -> None:
    assert answered(as_ada, gad7).status_code == 200
    expire(enrollment, at)
    response = request.getfixturevalue(who).get(address(enrollment))
    assert response.status_code == 200
    body = response.json()
    first = {found["instrument"]: found["scales"][0]["points"][0] for found in body["instruments"]}
    assert body["is_whole"] is True
    assert {code: (each["value"], each["missing"]) for code, each in first.items()} == {
        "cbi": (None, "not_answered"),
        "gad7": (0.0, None),
        "phq9": (None, "not_answered"),
    }


def test_what_can_still_be_answered_is_no_gap(enrollment: Enrollment, as_ada: APIClient) -> None:
    assert as_ada.get(address(enrollment)).json() == {"is_whole": True, "instruments": []}


def test_a_stranger_finds_nothing(enrollment: Enrollment, as_cyd: APIClient) -> None:
    assert as_cyd.get(address(enrollment)).status_code == 404


def test_nobody_is_asked_to_sign_in(enrollment: Enrollment) -> None:
    assert APIClient().get(address(enrollment)).status_code == 401


def test_what_was_measured_stays_after_leaving(
    enrollment: Enrollment, as_ada: APIClient, gad7: Assessment, at: datetime
) -> None:
    answered(as_ada, gad7)
    programs.withdraw(enrollment.pk, patient_user=enrollment.patient.user, reason="", at=at)
    (found,) = as_ada.get(address(enrollment)).json()["instruments"]
    assert found["instrument"] == "gad7"


def many(enrollment: Enrollment, count: int, at: datetime) -> None:
    instrument = instruments()["phq9"]
    scores = stored_scores(instrument, CALM_PHQ9)
    Assessment.objects.bulk_create(
        Assessment(
            enrollment=enrollment,
            instrument="phq9",
            instrument_version=instrument.version,
            week=number,
            opens_at=at,
            due_at=at + number * DAY,
            closes_at=at + 999 * DAY,
            submitted_at=at,
            answers=CALM_PHQ9,
            scores=scores,
        )
        for number in range(1, count + 1)
    )


@pytest.mark.parametrize("count", [1, 40])
def test_it_asks_the_database_as_often_however_much_there_is(
    enrollment: Enrollment, as_ada: APIClient, at: datetime, count: int
) -> None:
    many(enrollment, count, at)
    as_ada.get(address(enrollment))  # takes a share of the quota, for the next one too
    with capture() as captured:
        as_ada.get(address(enrollment))
    assert statements(captured) == [
        *SIGNED_IN,
        "SELECT",  # a patient is asking
        "SELECT programs_enrollment",
        "SELECT assessments_assessment",
        "SELECT assessments_rescoring",
        "SELECT",  # the look
    ]


def test_more_than_is_shown_is_said(
    enrollment: Enrollment, as_ada: APIClient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "TRENDS_SHOW", 5)
    many(enrollment, 6, at)
    body = as_ada.get(address(enrollment)).json()
    points = body["instruments"][0]["scales"][0]["points"]
    assert (body["is_whole"], [point["number"] for point in points]) == (False, [2, 3, 4, 5, 6])


def test_what_is_stored_is_what_the_trend_reads() -> None:
    stored = stored_scores(instruments()["phq9"], CALM_PHQ9)
    exact = score(instruments()["phq9"], CALM_PHQ9).scale("total")
    (found,) = trends.trends([scored(0, stored)])
    assert (found.scales[0].points[0].value, found.scales[0].points[0].band) == (exact.value, exact.band)
