"""A form that comes to much worse than an earlier one: which, by how much, and who hears of it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts import services as people
from accounts.enums import Role
from accounts.models import CareTeamMembership, User
from assessments import instruments as package
from assessments import services
from assessments.checks import data_is_sound, names_its_thresholds
from assessments.enums import Earlier, WorseningLevel
from assessments.instruments import Instrument, InstrumentError, instruments, parse_instrument
from assessments.models import Assessment, WorseForm
from assessments.rescoring import rescore
from assessments.trends import yardsticks
from assessments.worsening.rules import SHIPPED, Answered, Worse, parse_thresholds, thresholds, worse
from core.actors import Actor
from notifications import services as notifications
from notifications.models import Delivery
from programs import services as programs
from programs.models import Enrollment
from safety.enums import AlertClass
from safety.models import Alert
from tests.assessments.conftest import CALM_PHQ9, answered, save
from tests.assessments.test_admin import signed_in
from tests.assessments.test_rescoring import ship
from tests.conftest import make_user

DAY = timedelta(days=1)
T0 = datetime(2026, 3, 2, tzinfo=UTC)
HEAD = 'version = 7\nstatus = "test"\nsource = "made up"\n'


def limit(instrument: str = "phq9", scale: str = "total", level: str = "soft", **more: str) -> str:
    said = {
        "instrument": instrument,
        "scale": scale,
        "level": level,
        "points": "5",
        "source": "made up",
    } | more
    return "[[thresholds]]\n" + "".join(f'{key} = "{value}"\n' for key, value in said.items())


def made_up(*limits: str) -> str:
    return HEAD + "".join(limits)


# The rule


def found(instrument: str, limits: str, *values: Mapping[str, float]) -> tuple[Worse, ...]:
    """Compare the last of some forms, a day apart, with those before it."""
    forms = [
        Answered(uuid4(), T0 + n * DAY, {key: Fraction(each) for key, each in value.items()})
        for n, value in enumerate(values)
    ]
    by_scale = parse_thresholds(limits.encode(), file="x").of(instrument)
    return worse(instruments()[instrument], forms[-1], forms[:-1], by_scale)


def short(results: tuple[Worse, ...]) -> list[tuple[str, str, str]]:
    return [(each.scale, each.level.value, each.since.value) for each in results]


BOTH = made_up(limit(), limit(level="hard", points="9"))


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        ((12,), []),
        ((12, 16.999), []),
        ((12, 17), [("soft", "first")]),
        ((12, 20.9), [("soft", "first")]),
        ((12, 21), [("hard", "first")]),
        ((17, 12), []),
        ((4, 9, 14), [("hard", "first"), ("soft", "previous")]),
        ((14, 4, 10), [("soft", "previous")]),
        ((4, 14, 12), [("soft", "first")]),
        ((12, 12, 12), []),
    ],
)
def test_a_form_is_compared_with_the_first_and_with_the_one_before(
    totals: tuple[float, ...], expected: list[tuple[str, str]]
) -> None:
    results = found("phq9", BOTH, *({"total": each} for each in totals))
    assert [(each.level.value, each.since.value) for each in results] == expected


@pytest.mark.parametrize(
    ("scale", "before", "after", "expected"),
    [
        ("satisfaction", 40, 35, True),
        ("satisfaction", 35, 40, False),
        ("burnout", 35, 40, True),
        ("burnout", 40, 35, False),
    ],
)
def test_which_way_is_worse_is_the_scales_own(scale: str, before: int, after: int, expected: bool) -> None:
    results = found("proqol5", made_up(limit("proqol5", scale)), {scale: before}, {scale: after})
    assert bool(results) is expected


def test_a_form_without_the_value_is_passed_over() -> None:
    limits = made_up(limit("cbi", "client"), limit("cbi", "work"))
    results = found(
        "cbi", limits, {"work": 10}, {"client": 10, "work": 10}, {"work": 10}, {"client": 20, "work": 12}
    )
    assert short(results) == [("client", "soft", "first")]
    assert results[0].earlier_value == 10


def test_a_threshold_for_a_range_of_earlier_values_keeps_to_it() -> None:
    limits = made_up(limit(earlier_from="10", earlier_to="14"))
    ways = {
        before: bool(found("phq9", limits, {"total": before}, {"total": before + 6}))
        for before in (9, 10, 14, 15)
    }
    assert ways == {9: False, 10: True, 14: True, 15: False}


def test_nothing_is_rounded_before_the_comparison() -> None:
    third = Fraction(1, 3)
    forms = [Answered(uuid4(), T0, {"work": 2 * third}), Answered(uuid4(), T0 + DAY, {"work": 5 + 2 * third})]
    limits = parse_thresholds(made_up(limit("cbi", "work")).encode(), file="x").of("cbi")
    assert worse(instruments()["cbi"], forms[1], forms[:1], limits)


# The file


def test_what_ships_was_read_in_its_source() -> None:
    """Each figure is one of those that trends go by; nothing ships for a scale that has none."""
    shipped = thresholds("")
    for key, limits in shipped.by_scale.items():
        assert {each.points for each in limits} <= {each.points for each in yardsticks()[key]}
    assert set(shipped.by_scale) == {(code, "total") for code in ("pcl5", "phq9", "gad7")}
    hard = {
        key
        for key, limits in shipped.by_scale.items()
        for each in limits
        if each.level is WorseningLevel.HARD
    }
    assert hard == {("pcl5", "total")}


@pytest.mark.parametrize(
    ("text", "fault", "line"),
    [
        ("version = ", "syntax", None),
        (made_up(limit("mystery")), "instrument mystery is not known", 5),
        (made_up(limit(scale="mystery")), "scale mystery is none of phq9", 6),
        (made_up(limit(), limit(level="loud")), "level has to be one of soft, hard", 13),
        (made_up(limit(points="0")), "points is missing, or not above 0", 8),
        (made_up(limit(points="-1")), "not above 0", 8),
        (made_up(limit(points="NaN")), "points has to be a finite number", 8),
        (made_up(limit(points="many")), "points has to be a number", 8),
        (made_up(limit(points="28")), "points is more than the whole scale", 8),
        (made_up(limit(unit="points")), "unknown key: unit", 10),
        (made_up(limit(earlier_from="9", earlier_to="3")), "earlier_from is above earlier_to", 10),
        (made_up(limit(points="9"), limit(level="hard", points="9")), "hard threshold has to be above", None),
        (HEAD.replace('source = "made up"\n', ""), "source is missing", None),
        (made_up(limit()).replace('points = "5"', "points = 5"), "points has to be of type str", 8),
    ],
)
def test_a_faulty_file_is_refused_with_the_line(text: str, fault: str, line: int | None) -> None:
    with pytest.raises(InstrumentError, match=fault) as refused:
        parse_thresholds(text.encode(), file="worsening.toml")
    assert line is None or refused.value.line == line


def test_the_server_does_not_start_with_one(tmp_path: Path, settings: Any) -> None:
    path = tmp_path / "own.toml"
    for text in (None, made_up(limit("mystery"))):
        if text:
            path.write_text(text)
        settings.WORSENING_FILE = str(path) if text else str(tmp_path / "nowhere.toml")
        assert [each.id for each in data_is_sound(None)] == ["assessments.E006"]
    settings.WORSENING_FILE = str(SHIPPED)
    assert data_is_sound(None) == []


def test_a_deployment_is_warned_while_nobody_chose_one(settings: Any) -> None:
    for chosen, ids in (("", ["assessments.W001"]), (str(SHIPPED), [])):
        settings.WORSENING_FILE = chosen
        assert [each.id for each in names_its_thresholds(None)] == ids


# Who hears of it


@pytest.fixture
def own(tmp_path: Path, settings: Any) -> None:
    """A clinic with thresholds of its own: 5 and 9 points of the PHQ-9."""
    path = tmp_path / "own.toml"
    path.write_text(BOTH)
    settings.WORSENING_FILE = str(path)


def phq9_of(total: int) -> dict[str, int]:
    """Answers that come to `total`, nothing said of self-harm."""
    given = dict(CALM_PHQ9)
    for key in list(given)[:8]:
        given[key] = min(3, total - sum(given.values()))
    return given | ({"phq9_10": 0} if total else {})


def later(enrollment: Enrollment, at: datetime, *, number: int = 1, code: str = "phq9") -> Assessment:
    instrument = instruments()[code]
    return Assessment.objects.create(
        enrollment=enrollment,
        instrument=code,
        instrument_version=instrument.version,
        week=number,
        opens_at=at,
        due_at=at,
        closes_at=at + 300 * DAY,
    )


def fill(client: APIClient, form: Assessment, total: int) -> None:
    assert answered(client, form, **phq9_of(total)).status_code == 200


def told(user: User) -> int:
    return Delivery.objects.filter(dedupe_key__startswith="worse-form:", user=user).count()


@pytest.fixture
def soft(own: None, as_ada: APIClient, phq9: Assessment, at: datetime) -> WorseForm:
    """Ada's second PHQ-9 is six points worse than her first."""
    fill(as_ada, phq9, 8)
    fill(as_ada, later(phq9.enrollment, at), 14)
    return WorseForm.objects.get()


def test_a_soft_one_waits_for_whoever_cares(soft: WorseForm, ben: User, phq9: Assessment) -> None:
    (why,) = soft.found
    assert (soft.level, soft.alert, soft.looked_at, told(ben)) == ("soft", None, None, 1)
    assert (why["scale"], why["earlier_value"], why["value"], why["points"]) == ("total", 8.0, 14.0, 5.0)
    assert (why["since"], why["earlier_assessment"]) == (Earlier.FIRST, str(phq9.pk))
    assert (why["source"], soft.thresholds_version) == ("made up", 7)
    assert not Alert.objects.exists()


def test_a_hard_one_calls_somebody(
    own: None, as_ada: APIClient, phq9: Assessment, ben: User, at: datetime
) -> None:
    fill(as_ada, phq9, 4)
    form = later(phq9.enrollment, at)
    fill(as_ada, form, 20)
    row = WorseForm.objects.get()
    assert (row.level, told(ben)) == ("hard", 0)
    assert row.alert == Alert.objects.get(alert_class=AlertClass.WORSENING, source=f"worsening:{form.pk}")


def leave_nobody(ben: User, at: datetime) -> None:
    CareTeamMembership.objects.update(ends_at=at)


def leave_a_guide(ben: User, at: datetime) -> None:
    patient = CareTeamMembership.objects.get().patient
    leave_nobody(ben, at)
    guide = make_user("gus@clinic.example")
    people.grant_role(guide, Role.GUIDE, granted_by=None, at=at)
    CareTeamMembership.objects.create(patient=patient, member=guide, role=Role.GUIDE, starts_at=at)


def leave_no_licence(ben: User, at: datetime) -> None:
    people.end_licence(ben.clinician.licences.get(), ends_on=(at - DAY).date(), ended_by=None)


@pytest.mark.parametrize("leave", [leave_nobody, leave_a_guide, leave_no_licence])
def test_a_soft_one_that_no_clinician_would_see_calls_somebody(
    own: None,
    as_ada: APIClient,
    phq9: Assessment,
    ben: User,
    at: datetime,
    leave: Callable[[User, datetime], None],
) -> None:
    fill(as_ada, phq9, 8)
    leave(ben, at)
    fill(as_ada, later(phq9.enrollment, at), 14)
    assert (WorseForm.objects.get().level, Alert.objects.get().alert_class) == ("soft", "worsening")


def test_without_a_threshold_nobody_hears_anything(as_ada: APIClient, cbi: Assessment, at: datetime) -> None:
    again = later(cbi.enrollment, at, code="cbi")
    assert answered(as_ada, cbi).status_code == 200
    worst = {
        item.key: item.values[-1]
        for item in instruments()["cbi"].items.values()
        if item.key.startswith("cbi_p")
    }
    assert answered(as_ada, again, **worst).status_code == 200
    assert not WorseForm.objects.exists()


def test_what_is_not_worse_is_not_written_down(
    own: None, as_ada: APIClient, phq9: Assessment, at: datetime
) -> None:
    fill(as_ada, phq9, 14)
    fill(as_ada, later(phq9.enrollment, at), 8)
    assert not WorseForm.objects.exists()


def test_a_score_that_is_not_kept_calls_nobody(
    own: None, as_ada: APIClient, phq9: Assessment, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the transaction of the score: both or neither."""
    fill(as_ada, phq9, 4)
    form = later(phq9.enrollment, at)

    def fails(*args: Any, **kwargs: Any) -> None:
        raise InterruptedError

    monkeypatch.setattr(notifications, "cancel", fails)
    assert save(as_ada, form, phq9_of(20)).status_code == 200
    actor = Actor.person(phq9.enrollment.patient.user_id)
    with pytest.raises(InterruptedError), transaction.atomic():
        services.submit(form, actor=actor, at=at)
    form.refresh_from_db()
    assert (form.scores, WorseForm.objects.count(), Alert.objects.count()) == (None, 0, 0)


# Scored anew


def shipped_anew(version: int) -> Instrument:
    """The PHQ-9 with another file: the same sums."""
    text = (Path(package.__file__).parent / "phq9.toml").read_text()
    return parse_instrument(
        text.replace('version = "1"', f'version = "{version}"').encode(), file="phq9.toml"
    )


@pytest.fixture
def unnoticed(
    as_ada: APIClient, phq9: Assessment, at: datetime, tmp_path: Path, settings: Any
) -> list[Assessment]:
    """Ada's three forms, 4, 20 and 14 points, from when the clinic had no thresholds; it has them now."""
    path = tmp_path / "none.toml"
    path.write_text(HEAD)
    settings.WORSENING_FILE = str(path)
    forms = [phq9, later(phq9.enrollment, at), later(phq9.enrollment, at, number=2)]
    for form, total in zip(forms, (4, 20, 14), strict=True):
        fill(as_ada, form, total)
    own = tmp_path / "own.toml"
    own.write_text(BOTH)
    settings.WORSENING_FILE = str(own)
    return forms


def test_scored_anew_the_newest_form_alone_is_noticed_and_once(
    unnoticed: list[Assessment], at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, shipped_anew(2))
    assert rescore(at=at).scored == 3
    row = WorseForm.objects.get()
    assert (row.assessment, row.level) == (unnoticed[-1], "hard")
    ship(monkeypatch, shipped_anew(3))
    rescore(at=at)
    assert (WorseForm.objects.count(), Alert.objects.count()) == (1, 1)


def test_scored_anew_nobody_is_called_about_who_has_left(
    unnoticed: list[Assessment], at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrollment = unnoticed[0].enrollment
    programs.withdraw(enrollment.pk, patient_user=enrollment.patient.user, reason="", at=at)
    ship(monkeypatch, shipped_anew(2))
    assert rescore(at=at).scored == 3
    assert not WorseForm.objects.exists()


def test_a_form_that_was_noticed_is_not_noticed_again(
    soft: WorseForm, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, shipped_anew(2))
    rescore(at=at)
    assert WorseForm.objects.get() == soft


# Looking


def looks(client: APIClient, row: WorseForm, body: Any = None) -> Any:
    path = f"/api/v1/worse-forms/{row.pk}/looks"
    body = {"note": "Called her."} if body is None else body
    return client.post(path, body, format="json", HTTP_IDEMPOTENCY_KEY=str(uuid4()))


def listed(client: APIClient, which: str = "open") -> list[str]:
    return [row["id"] for row in client.get(f"/api/v1/worse-forms?list={which}").json()["results"]]


def test_it_waits_until_somebody_has_looked(soft: WorseForm, as_ben: APIClient) -> None:
    assert listed(as_ben) == [str(soft.pk)]
    answer = looks(as_ben, soft)
    assert (answer.status_code, answer.json()["note"]) == (201, "Called her.")
    assert (listed(as_ben), listed(as_ben, "all")) == ([], [str(soft.pk)])
    again = looks(as_ben, soft, {"note": "Something else."})
    assert (again.status_code, again.json()["note"]) == (201, "Called her.")


def test_one_with_an_alert_ends_with_that(
    own: None, as_ada: APIClient, as_ben: APIClient, phq9: Assessment, at: datetime
) -> None:
    fill(as_ada, phq9, 4)
    fill(as_ada, later(phq9.enrollment, at), 20)
    row = WorseForm.objects.get()
    answer = looks(as_ben, row)
    assert (answer.status_code, answer.json()["code"]) == (409, "worse_form_has_alert")
    assert listed(as_ben) == [str(row.pk)]


@pytest.mark.parametrize("body", [{}, {"note": ""}, {"note": "x" * 4001}, {"note": 1, "who": "Ben"}])
def test_it_takes_words_and_nothing_else(soft: WorseForm, as_ben: APIClient, body: Any) -> None:
    assert looks(as_ben, soft, body).status_code == 400
    soft.refresh_from_db()
    assert soft.looked_at is None


def test_it_is_nobody_elses(soft: WorseForm, as_ada: APIClient, as_cyd: APIClient) -> None:
    assert [looks(each, soft).status_code for each in (as_ada, as_cyd)] == [403, 403]
    assert as_ada.get("/api/v1/worse-forms").status_code == 403


def test_the_admin_says_why_and_takes_the_look(soft: WorseForm, ben: User) -> None:
    page = reverse("admin:assessments_worseform_change", args=[soft.pk])
    shown = signed_in(ben).get(page).content.decode()
    assert "from 8.0 to 14.0 since the first form; 5.0 points are enough (made up)" in shown
    assert Client().get(page).status_code == 302


# The table's own walls


@pytest.mark.parametrize(
    ("change", "wall"),
    [
        ("level = 'hard'", "worse_form_hard_means_alert"),
        ("level = 'loud'", "worse_form_level_is_known"),
        ("looked_at = now()", "worse_form_looked_at_by_somebody_who_says_what"),
        ("note = 'x'", "worse_form_looked_at_by_somebody_who_says_what"),
    ],
)
def test_what_must_never_be(soft: WorseForm, change: str, wall: str) -> None:
    with pytest.raises(IntegrityError, match=wall), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE assessments_worseform SET {change}")  # noqa: S608


def test_a_form_is_noticed_once(soft: WorseForm) -> None:
    fields = {
        f.attname: getattr(soft, f.attname) for f in WorseForm._meta.concrete_fields if f.attname != "id"
    }
    with pytest.raises(IntegrityError, match="assessment"), transaction.atomic():
        WorseForm.objects.create(**fields)
