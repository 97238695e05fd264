"""What the program itself asks and measures is on record: the next screening and the clearance go by it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from accounts.models import Patient, User
from assessments.models import Assessment
from core import clock
from core.actors import Actor
from programs.models import Enrollment
from safety import errors, queries, services
from safety.enums import ReviewOutcome
from safety.models import ProgramResult, Screening
from safety.profile import services as profile
from safety.screening.health import InstrumentFact
from sessions.models import TreatmentSession
from tests import steps
from tests.api import post
from tests.assessments.conftest import CALM_PHQ9, save, submit
from tests.safety.conftest import answered
from tests.sessions import stages
from tests.sessions.conftest import by_link

pytestmark = pytest.mark.django_db

HIGH = {f"cssrs_{item}": 0 for item in (1, 3, 5, 6)} | {"cssrs_2": 1, "cssrs_4": 1}
MODERATE = {"cssrs_1": 0, "cssrs_2": 0, "cssrs_6": 1, "cssrs_6b": 0}
LOW = {"cssrs_1": 1, "cssrs_2": 0, "cssrs_6": 0}
NONE = {"cssrs_1": 0, "cssrs_2": 0, "cssrs_6": 0}
MUCH_LATER = datetime(2999, 1, 1, tzinfo=UTC)
CRISIS, RAISED, CALM = (185, 95), (150, 95), (118, 76)


@pytest.fixture
def enrollment(ada: Patient, at: datetime) -> Enrollment:
    """Ada is in treatment, cleared, with her baseline open."""
    enrollment = steps.active(ada, at=at)
    assert reasons(enrollment) == []
    return enrollment


@pytest.fixture
def phq9(enrollment: Enrollment) -> Assessment:
    return enrollment.assessments.get(instrument="phq9")


@pytest.fixture
def cssrs(enrollment: Enrollment, phq9: Assessment) -> Assessment:
    """The screener, asked beside the baseline."""
    moments = {name: getattr(phq9, name) for name in ("opens_at", "due_at", "closes_at")}
    return Assessment.objects.create(
        enrollment=enrollment, instrument="cssrs", instrument_version="1", after_session=0, **moments
    )


@pytest.fixture
def session(enrollment: Enrollment, at: datetime) -> TreatmentSession:
    return stages.fetch(stages.book(enrollment, at=at))


@pytest.fixture
def as_dan(session: TreatmentSession, at: datetime) -> APIClient:
    """The monitor's phone."""
    return by_link(stages.invited(session, at=at)[1])


def reasons(enrollment: Enrollment) -> list[str]:
    return [reason.code for reason in queries.clearance(enrollment.pk, at=clock.now()).reasons]


def filled_in(client: APIClient, form: Assessment, answers: dict[str, int]) -> None:
    assert save(client, form, answers).status_code == 200
    done = submit(client, form)
    assert done.status_code == 200, done.content


def screened(client: APIClient, enrollment: Enrollment) -> dict[str, Any]:
    """Answer every question of the screening as somebody who is well, over the API."""
    body = {"answers": steps.HEALTHY}
    answer = post(client, f"enrollments/{enrollment.pk}/screenings", body)
    assert answer.status_code == 201, answer.content
    shown: dict[str, Any] = answer.json()
    return shown


def rules_of(shown: dict[str, Any]) -> set[str]:
    return {reason["rule"] for reason in Screening.objects.get(pk=shown["id"]).decision["reasons"]}


def measure(
    client: APIClient, session: TreatmentSession, pressure: tuple[int, int], **changed: Any
) -> dict[str, Any]:
    body = {
        "kind": "blood_pressure",
        "client_id": str(uuid4()),
        "client_seq": 1,
        "observed_at": clock.now().isoformat(),
        "systolic_mmhg": pressure[0],
        "diastolic_mmhg": pressure[1],
    } | changed
    with transaction.atomic():
        answer = client.post(f"/api/v1/sessions/{session.pk}/observations", body, format="json")
    assert answer.status_code in (200, 201), answer.content
    return body


class TestQuestionnaires:
    @pytest.mark.parametrize("answer", [1, 2, 3])
    def test_item_nine_of_the_phq9_is_heard_by_screening_and_clearance(
        self, as_ada, enrollment, phq9, answer
    ):
        filled_in(as_ada, phq9, CALM_PHQ9 | {"phq9_9": answer, "phq9_10": 0})
        assert reasons(enrollment) == ["record_objects", "suicidality"]
        shown = screened(as_ada, enrollment)
        assert (shown["outcome"], rules_of(shown)) == ("needs_review", {"thoughts_of_ending_life"})
        assert shown["crisis"] is not None

    def test_nothing_there_is_no_objection(self, as_ada, enrollment, phq9):
        filled_in(as_ada, phq9, CALM_PHQ9)
        assert reasons(enrollment) == []
        assert screened(as_ada, enrollment)["outcome"] == "eligible"

    def test_a_saved_answer_counts_though_the_form_is_never_sent(self, as_ada, enrollment, phq9):
        assert save(as_ada, phq9, {"phq9_9": 2}).status_code == 200
        assert "record_objects" in reasons(enrollment)
        assert rules_of(screened(as_ada, enrollment)) == {"thoughts_of_ending_life"}

    @pytest.mark.parametrize(
        ("answers", "outcome", "rules", "objects"),
        [
            (HIGH, "ineligible", {"suicide_risk_high"}, True),
            (MODERATE, "needs_review", {"thoughts_of_ending_life"}, True),
            (LOW, "eligible", set(), False),
            (NONE, "eligible", set(), False),
        ],
    )
    def test_the_triage_of_the_cssrs_is_heard(
        self, as_ada, enrollment, cssrs, answers, outcome, rules, objects
    ):
        filled_in(as_ada, cssrs, answers)
        assert ("record_objects" in reasons(enrollment)) is objects
        shown = screened(as_ada, enrollment)
        assert (shown["outcome"], rules_of(shown)) == (outcome, rules)

    def test_what_a_clinician_accepted_with_open_eyes_is_not_new(self, as_ada, enrollment, phq9, ben):
        filled_in(as_ada, phq9, CALM_PHQ9 | {"phq9_9": 1, "phq9_10": 0})
        screening = Screening.objects.get(pk=screened(as_ada, enrollment)["id"])
        accept(screening, ben, clock.now())
        assert reasons(enrollment) == []

    def test_nobody_accepts_answers_from_before_it(self, as_ada, enrollment, phq9, ben):
        screening = answered(enrollment, at=clock.now())
        filled_in(as_ada, phq9, CALM_PHQ9 | {"phq9_9": 1, "phq9_10": 0})
        with pytest.raises(errors.ProfileChanged):
            accept(screening, ben, clock.now())

    def test_twin_unless_it_is_written_down_screening_hears_nothing(
        self, as_ada, enrollment, phq9, cssrs, monkeypatch
    ):
        monkeypatch.setattr(profile, "keep_results", lambda *who, **what: None)
        filled_in(as_ada, phq9, CALM_PHQ9 | {"phq9_9": 3, "phq9_10": 0})
        filled_in(as_ada, cssrs, HIGH)
        assert "record_objects" not in reasons(enrollment)
        assert screened(as_ada, enrollment)["outcome"] == "eligible"

    def test_after_three_months_it_is_no_longer_recent(self, as_ada, enrollment, phq9):
        filled_in(as_ada, phq9, CALM_PHQ9 | {"phq9_9": 1, "phq9_10": 0})
        for days, outcome in ((89, "needs_review"), (91, "eligible")):
            later = clock.now() + timedelta(days=days)
            assert answered(enrollment, at=later).outcome == outcome

    def test_somebody_elses_is_not_ones_own(self, as_ada, enrollment, phq9, cyd, at):
        filled_in(as_ada, phq9, CALM_PHQ9 | {"phq9_9": 3, "phq9_10": 0})
        assert reasons(steps.accepted(cyd, at=at)) == []

    def test_a_form_that_decides_nothing_is_unknown_and_so_a_clinician_looks(self, ada, enrollment, at):
        asked = [InstrumentFact("cssrs", "triage", None, at)]
        profile.keep_results(ada.pk, results=asked, actor=Actor.person(ada.user_id), at=at)
        assert answered(enrollment, at=clock.now()).outcome == "needs_review"
        assert reasons(enrollment) == ["not_reviewed"]

    def test_the_profile_shows_it(self, ada, as_ada, as_ben, enrollment, cssrs):
        filled_in(as_ada, cssrs, LOW)
        for client in (as_ada, as_ben):
            shown = client.get(f"/api/v1/patients/{ada.pk}/health-profile").json()["results"]
            found = {(one["about"], one["name"]): (one["value"], one["word"]) for one in shown}
            assert found["cssrs", "triage"] == (None, "low")
            assert found["cssrs", "cssrs_1"] == (1, "")


class TestReadings:
    def test_a_crisis_excludes_and_ends_the_clearance(self, as_ada, as_dan, enrollment, session):
        measure(as_dan, session, CRISIS)
        assert reasons(enrollment) == ["record_objects"]
        shown = screened(as_ada, enrollment)
        assert (shown["outcome"], rules_of(shown)) == (
            "ineligible",
            {"blood_pressure_on_record_at_crisis_level", "blood_pressure_on_record_elevated"},
        )

    def test_a_raised_one_asks_for_review_and_leaves_todays_start_to_the_gate(
        self, as_ada, as_dan, enrollment, session
    ):
        measure(as_dan, session, RAISED)
        assert reasons(enrollment) == []
        shown = screened(as_ada, enrollment)
        assert (shown["outcome"], rules_of(shown)) == ("needs_review", {"blood_pressure_on_record_elevated"})

    def test_a_calm_one_is_no_objection(self, as_ada, as_dan, enrollment, session):
        measure(as_dan, session, CALM)
        assert reasons(enrollment) == []
        assert screened(as_ada, enrollment)["outcome"] == "eligible"

    def test_the_newest_counts(self, as_dan, enrollment, session):
        early = (clock.now() - timedelta(minutes=9)).isoformat()
        measure(as_dan, session, CALM)
        measure(as_dan, session, CRISIS, observed_at=early)
        assert reasons(enrollment) == []

    @pytest.mark.parametrize("said", ["1999-01-01T00:00:00Z", "2100-01-01T00:00:00Z"])
    def test_a_phone_whose_clock_is_off_hides_no_crisis(self, as_dan, enrollment, session, said):
        measure(as_dan, session, CRISIS, observed_at=said)
        assert reasons(enrollment) == ["record_objects"]

    def test_one_that_no_rule_takes_for_a_reading_is_unknown(self, as_ada, as_dan, enrollment, session):
        measure(as_dan, session, (55, 40))
        assert screened(as_ada, enrollment)["outcome"] == "needs_review"

    def test_sent_again_it_is_written_down_once(self, as_dan, enrollment, session):
        body = measure(as_dan, session, CRISIS, heart_rate_bpm=80)
        measure(as_dan, session, CRISIS, **body)
        kept = ProgramResult.objects.filter(about="vitals").values_list("name", "value")
        assert sorted(kept) == [("diastolic_mmhg", 95), ("heart_rate_bpm", 80), ("systolic_mmhg", 185)]

    def test_a_note_measures_nothing(self, as_dan, session):
        pressure = {"systolic_mmhg", "diastolic_mmhg"}
        body = {"kind": "note", "note": "Sleeps.", "client_id": str(uuid4()), "client_seq": 1}
        body |= {"observed_at": clock.now().isoformat()}
        assert not pressure & body.keys()
        answer = as_dan.post(f"/api/v1/sessions/{session.pk}/observations", body, format="json")
        assert answer.status_code == 201
        assert not ProgramResult.objects.exists()

    def test_twin_unless_it_is_written_down_the_clearance_stands(
        self, as_dan, enrollment, session, monkeypatch
    ):
        monkeypatch.setattr(profile, "keep_results", lambda *who, **what: None)
        measure(as_dan, session, CRISIS)
        assert reasons(enrollment) == []


def accept(screening: Screening, by: User, at: datetime) -> None:
    services.review(screening.pk, outcome=ReviewOutcome.ACCEPTED, reason="Seen.", reviewer=by, at=at)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"about": ""}, "program_result_says_what_it_is"),
        ({"name": ""}, "program_result_says_what_it_is"),
        ({"value": 1, "word": "high"}, "program_result_is_number_or_word"),
        (
            {"taken_at": datetime.fromisoformat("2999-01-01T00:00:00+00:00")},
            "program_result_taken_then_recorded",
        ),
    ],
)
def test_no_row_says_nothing_or_two_things_or_what_is_still_to_come(
    ada: Patient, at: datetime, change: dict[str, Any], constraint: str
) -> None:
    row = {
        "about": "phq9",
        "name": "total",
        "taken_at": at,
        "recorded_at": at,
        "actor_kind": "service",
    } | change
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        ProgramResult.objects.create(patient=ada, actor_id="tester", **row)
