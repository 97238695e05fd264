"""The room's own decisions: values in, a decision out."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.enums import EnrollmentEvent, EnrollmentStatus
from safety.enums import AlertStatus, FitOutcome, ReviewOutcome
from safety.identity.rules import IdentityFacts
from safety.overrides.rules import Term
from safety.rules import (
    LADDER,
    ClearanceFacts,
    Course,
    age_on,
    alert_may_become,
    answer_faults,
    called_by_page,
    decide_clearance,
    decide_screening,
    fit,
    next_page_at,
    review_event,
)
from safety.screening.rules import Outcome
from safety.texts import crisis_text, fit_text
from tests.safety.test_screening_rules import ADA, POLICY, sentences

OPENED_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("birth_on", "today", "years"),
    [
        (date(2008, 3, 2), date(2026, 3, 1), 17),
        (date(2008, 3, 2), date(2026, 3, 2), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2026, 3, 2), date(2026, 3, 2), 0),
        (date(2027, 1, 1), date(2026, 3, 2), -1),
    ],
)
def test_age(birth_on, today, years):
    assert age_on(birth_on, today=today) == years


class TestAgeBesideTheChart:
    def test_the_chart_answers_for_the_patient(self):
        answers = {key: said for key, said in ADA.items() if key != "age_years"}
        decision = decide_screening(POLICY, answers, age_years=44)
        assert decision.outcome == Outcome.ELIGIBLE
        assert "age_years" not in decision.missing

    @pytest.mark.parametrize("said", ["unknown", "prefer_not_to_say", "", None, 44, 44.9])
    def test_no_answer_and_the_same_age_change_nothing(self, said):
        decision = decide_screening(POLICY, ADA | {"age_years": said}, age_years=44)
        assert decision.outcome == Outcome.ELIGIBLE

    @pytest.mark.parametrize("said", [43, 45, 17, 0])
    def test_another_age_goes_to_review(self, said):
        decision = decide_screening(POLICY, ADA | {"age_years": said}, age_years=44)
        assert decision.outcome == Outcome.NEEDS_REVIEW
        (reason,) = decision.reasons
        assert reason.code == "age_differs_from_chart"
        assert [finding.value for finding in reason.found] == [said, 44]

    def test_saying_one_is_older_does_not_help(self):
        decision = decide_screening(POLICY, ADA | {"age_years": 44}, age_years=17)
        assert decision.outcome == Outcome.INELIGIBLE
        assert {reason.code for reason in decision.reasons} == {"age_under_18", "age_differs_from_chart"}

    @pytest.mark.parametrize("impossible", [-1, 121])
    def test_an_impossible_birth_date_is_not_an_age(self, impossible):
        decision = decide_screening(POLICY, ADA | {"age_years": None}, age_years=impossible)
        assert decision.outcome == Outcome.NEEDS_REVIEW
        assert "age_years" in decision.missing


def test_faults_point_into_the_body():
    (fault,) = answer_faults(POLICY, {"pregnant": "maybe"})
    assert fault.pointer == "/answers/pregnant"


@pytest.mark.parametrize("outcome", Outcome)
def test_an_anonymous_person_reads_two_short_sentences_without_a_promise(outcome):
    text = fit_text(fit(outcome))
    assert len(sentences(text)) == 2
    assert all(len(sentence.split()) <= 16 for sentence in sentences(text))
    assert not {"eligible", "cleared", "accepted"} & set(text.lower().split())


def test_each_outcome_has_its_fit():
    may, needs, no = FitOutcome
    assert [fit(outcome) for outcome in Outcome] == [may, needs, needs, no]


def test_the_crisis_text_names_every_way_out(settings):
    settings.CLINIC_PHONE = "+1-555-0199"
    text = crisis_text()
    assert text["phones"] == ["988", "911", "+1-555-0199"]
    assert all(number in text["summary"] for number in ("988", "911"))
    assert "+1-555-0199" in text["text"]
    assert "without this app" in text["text"]
    assert len(sentences(text["summary"])) == 2


@pytest.mark.parametrize("status", EnrollmentStatus)
@pytest.mark.parametrize("outcome", ReviewOutcome)
def test_a_later_review_can_only_end_it(status, outcome):
    accepted = outcome == ReviewOutcome.ACCEPTED
    event = review_event(status, outcome)
    later = (EnrollmentStatus.AWAITING_PLAN, EnrollmentStatus.AWAITING_CONSENT)
    if status == EnrollmentStatus.ACTIVE:
        assert event == (None if accepted else EnrollmentEvent.DISCONTINUED)
    elif status in later:
        assert event == (None if accepted else EnrollmentEvent.DECLINED)
    else:
        assert event == (EnrollmentEvent.ACCEPTED if accepted else EnrollmentEvent.DECLINED)


REVIEWED_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
COURSE = Course(lasts=timedelta(days=84))


class TestClearance:
    @pytest.mark.parametrize(
        ("dosed_after", "asked_after", "valid"),
        [
            (None, 83, True),
            (None, 84, False),
            (40, 123, True),
            (40, 124, False),
            (-9, 83, True),
            (-9, 84, False),
        ],
    )
    def test_it_ends_so_long_after_review_or_dose(self, dosed_after, asked_after, valid):
        dosed_at = None if dosed_after is None else REVIEWED_AT + timedelta(days=dosed_after)
        course = Course(last_dosed_at=dosed_at, lasts=timedelta(days=84))
        at = REVIEWED_AT + timedelta(days=asked_after)
        clearance = decide_clearance(self.facts(), course, at=at)
        assert [reason.code for reason in clearance.reasons] == ([] if valid else ["expired"])

    def facts(self, **changed):
        facts: dict[str, Any] = {
            "screening_id": UUID(int=7),
            "policy_version": 3,
            "decides_the_same": True,
            "is_intact": True,
            "is_chart_unchanged": True,
            "is_profile_unchanged": True,
            "record_objects": False,
            "events_since": False,
            "suicidality_since": False,
            "route_since": False,
            "identity": IdentityFacts(),
            "joined_since": False,
            "is_excluded": False,
            "override": None,
            "review": ReviewOutcome.ACCEPTED,
            "reviewed_at": REVIEWED_AT,
            "authority_ends_at": REVIEWED_AT + timedelta(days=200),
        }
        return ClearanceFacts(**facts | changed)

    def test_accepted_unchanged_and_in_force_clears(self):
        clearance = decide_clearance(self.facts(), COURSE, at=REVIEWED_AT)
        assert clearance.valid
        assert clearance.reasons == ()
        assert (clearance.screening_id, clearance.policy_version) == (UUID(int=7), 3)

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"review": None}, "not_reviewed"),
            ({"review": ReviewOutcome.DECLINED}, "declined"),
            ({"decides_the_same": False}, "policy_changed"),
            ({"is_profile_unchanged": False}, "profile_changed"),
            ({"record_objects": True}, "record_objects"),
            ({"identity": IdentityFacts(refuted=True)}, "identity_not_confirmed"),
            ({"joined_since": True}, "charts_joined"),
            ({"is_excluded": True}, "excluded"),
            ({"override": Term(REVIEWED_AT.date(), date(2999, 1, 1))}, "override_ended"),
            ({"override": Term(date(2999, 1, 1), REVIEWED_AT.date())}, "override_ended"),
            ({"events_since": True}, "adverse_event"),
            ({"suicidality_since": True}, "suicidality"),
            ({"route_since": True}, "route_changed"),
            ({"authority_ends_at": None}, "no_authority"),
            ({"authority_ends_at": REVIEWED_AT}, "no_authority"),
            ({"is_intact": False}, "answers_changed"),
            ({"is_chart_unchanged": False}, "chart_changed"),
        ],
    )
    def test_each_fact_alone_voids_it(self, changed, code):
        clearance = decide_clearance(self.facts(**changed), COURSE, at=REVIEWED_AT)
        assert not clearance.valid
        assert [reason.code for reason in clearance.reasons] == [code]

    def test_without_answers_there_is_none(self):
        clearance = decide_clearance(None, COURSE, at=REVIEWED_AT)
        assert not clearance.valid
        assert [reason.code for reason in clearance.reasons] == ["not_screened"]
        assert clearance.screening_id is None

    def test_every_reason_is_given(self):
        clearance = decide_clearance(
            self.facts(review=None, decides_the_same=False, is_intact=False), COURSE, at=REVIEWED_AT
        )
        assert [reason.code for reason in clearance.reasons] == [
            "not_reviewed",
            "policy_changed",
            "answers_changed",
        ]


ALLOWED = {
    (AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED),
    (AlertStatus.ACKNOWLEDGED, AlertStatus.CLOSED),
}


@pytest.mark.parametrize(("before", "after"), list(product(AlertStatus, AlertStatus)))
def test_an_alert_takes_each_step_once_and_skips_none(before, after):
    assert alert_may_become(before, after) == ((before, after) in ALLOWED)


class TestLadder:
    def test_the_steps(self):
        minutes = [LADDER.since_opening(page) / timedelta(minutes=1) for page in range(7)]
        assert minutes == [0, 5, 10, 15, 30, 45, 60]

    def test_in_time_the_next_page_falls_due_by_the_opening(self):
        at = OPENED_AT + timedelta(minutes=5, seconds=4)
        assert next_page_at(OPENED_AT, pages_sent=2, at=at) == OPENED_AT + timedelta(minutes=10)

    def test_after_a_standstill_it_catches_up_a_minute_at_a_time(self):
        at = OPENED_AT + timedelta(hours=3)
        assert next_page_at(OPENED_AT, pages_sent=2, at=at) == at + timedelta(minutes=1)

    @given(pages=st.integers(1, 500), late_s=st.integers(0, 10**6))
    def test_there_is_always_a_next_page_and_never_at_once(self, pages, late_s):
        at = OPENED_AT + LADDER.since_opening(pages - 1) + timedelta(seconds=late_s)
        wait = next_page_at(OPENED_AT, pages_sent=pages, at=at) - at
        assert timedelta(minutes=1) <= wait <= timedelta(minutes=15)

    def test_the_own_clinician_first_then_everybody(self):
        assert called_by_page(0, ["ben", "cyd"]) == ["ben"]
        assert called_by_page(1, ["ben", "cyd"]) == ["ben", "cyd"]
        assert called_by_page(9, ["ben", "cyd"]) == ["ben", "cyd"]

    @pytest.mark.parametrize("page", [0, 1])
    def test_nobody_is_nobody(self, page):
        assert called_by_page(page, []) == []
