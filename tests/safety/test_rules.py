"""The room's own decisions: values in, a decision out."""

import copy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from random import Random
from typing import Any
from uuid import UUID

import pytest

from programs.enums import EnrollmentEvent, EnrollmentStatus
from safety.enums import AlertStatus, FitOutcome, ReviewOutcome
from safety.identity.rules import IdentityFacts
from safety.lines import lines_at
from safety.overrides.rules import Term
from safety.rules import (
    AGE,
    ANOTHER_AGE,
    BIRTH_ON,
    FACTS,
    NO_ADVICE,
    Advice,
    ClearanceFacts,
    Course,
    advice_faults,
    age_on,
    alert_may_become,
    answer_faults,
    decide_clearance,
    decide_in_brief,
    decide_screening,
    decides_the_same,
    fit,
    is_adult,
    may_speak_of_suicide,
    objects_now,
    review_event,
)
from safety.screening.health import NOTHING_KNOWN, HealthFacts, InstrumentFact, Vital, VitalFact
from safety.screening.policy import EXAMPLES, Policy, example_policy, parse_policy
from safety.screening.rules import Outcome
from safety.texts import crisis_text, fit_text
from tests.safety.screening_people import AT, WELL, anybody
from tests.safety.test_screening_rules import ADA, POLICY, sentences

FULL = parse_policy(example_policy())
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
        found = [(finding.question, finding.value) for finding in reason.found]
        assert found == [("age_years", said), ("age_by_birth_date", 44)]

    def test_saying_one_is_older_does_not_help(self):
        decision = decide_screening(POLICY, ADA | {"age_years": 44}, age_years=17)
        assert decision.outcome == Outcome.INELIGIBLE
        assert {reason.code for reason in decision.reasons} == {"age_under_18", "age_differs_from_chart"}

    @pytest.mark.parametrize("impossible", [-1, 121])
    def test_an_impossible_birth_date_is_not_an_age(self, impossible):
        decision = decide_screening(POLICY, ADA | {"age_years": None}, age_years=impossible)
        assert decision.outcome == Outcome.NEEDS_REVIEW
        assert "age_years" in decision.missing

    @pytest.mark.parametrize("version", EXAMPLES)
    def test_in_brief_it_is_decided_alike(self, version):
        policy, rng = parse_policy(example_policy(version)), Random(7)  # noqa: S311
        for answers, facts in (anybody(policy, rng) for _ in range(25)):
            for age_years in (17, 44, 65):
                whole = decide_screening(policy, answers, age_years=age_years, facts=facts)
                brief = decide_in_brief(policy, answers, age_years=age_years, facts=facts)
                spoke = {(reason.rule, reason.certainty.value) for reason in whole.reasons}
                assert brief.outcome == whole.outcome.value
                assert set(brief.spoke) == spoke

    @pytest.mark.parametrize(("age_years", "adult"), [(17, False), (18, True), (65, True), (121, True)])
    def test_who_is_adult_is_the_policys_to_say(self, age_years, adult):
        assert is_adult(POLICY, age_years=age_years) is adult
        assert is_adult(FULL, age_years=age_years) is adult


def test_faults_point_into_the_body():
    (fault,) = answer_faults(POLICY, {"pregnant": "maybe"})
    assert fault.pointer == "/answers/pregnant"


class TestHearing:
    KEY = "thinking_of_ending_life_now"

    @pytest.mark.parametrize(
        "said", ["yes", "Yes", " YES ", "maybe", "prefer_not_to_say", True, 1, 7.5, ["yes"], {"value": "yes"}]
    )
    def test_anything_but_a_plain_no_is_heard(self, said):
        for policy in (POLICY, FULL):
            assert may_speak_of_suicide(policy, {"answers": {self.KEY: said}})
            assert may_speak_of_suicide(policy, {self.KEY: said})
            assert may_speak_of_suicide(policy, {"answers": {" Thinking_of_ending_life_now ": said}})

    @pytest.mark.parametrize("said", ["no", " No ", "", "0", 0, False, None])
    def test_a_plain_no_is_none(self, said):
        assert not may_speak_of_suicide(POLICY, {"answers": {self.KEY: said}, self.KEY: said})

    @pytest.mark.parametrize(
        "body",
        [
            None,
            [],
            "yes",
            {},
            {"answers": None},
            {"answers": ["yes"]},
            {"answers": {"pregnant": "yes"}},
            {"answers": {"pregnant": "perhaps", "nonsense": "yes"}, "age_years": "x"},
        ],
    )
    def test_other_questions_and_no_answers_say_nothing(self, body):
        assert may_speak_of_suicide(POLICY, body) is False

    def test_one_answer_among_others_is_heard(self):
        assert may_speak_of_suicide(POLICY, {"answers": ADA | {self.KEY: "yes"}, "note": "x"})
        assert not may_speak_of_suicide(POLICY, {"answers": ADA, "note": "x"})


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
    text = crisis_text(lines_at("US", "NY", file=""))
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


class TestAdvice:
    TODAY = date(2026, 3, 2)

    @pytest.mark.parametrize(
        ("outcome", "advice", "pointers"),
        [
            (ReviewOutcome.ACCEPTED, NO_ADVICE, []),
            (ReviewOutcome.ACCEPTED, Advice(instead="Rest."), ["/outcome"]),
            (ReviewOutcome.ACCEPTED, Advice(ask_again_on=date(2026, 3, 2)), ["/outcome", "/ask_again_on"]),
            (ReviewOutcome.DECLINED, NO_ADVICE, []),
            (ReviewOutcome.DECLINED, Advice(instead="Rest."), []),
            (ReviewOutcome.DECLINED, Advice(ask_again_on=date(2026, 3, 3)), []),
            (ReviewOutcome.DECLINED, Advice(ask_again_on=date(2026, 3, 2)), ["/ask_again_on"]),
        ],
    )
    def test_it_is_for_who_is_declined_and_names_a_day_to_come(self, outcome, advice, pointers):
        found = advice_faults(outcome, advice, today=self.TODAY)
        assert [fault.pointer for fault in found] == pointers
        assert [fault.code for fault in found] == [
            {"/outcome": "not_declined", "/ask_again_on": "not_to_come"}[each] for each in pointers
        ]


def test_what_is_stored_is_found_again_by_these_names() -> None:
    assert (AGE, FACTS, BIRTH_ON, ANOTHER_AGE) == ("age_years", "facts", "birth_on", "age_beside_chart")
    reasons = decide_screening(FULL, WELL | {AGE: 60}, age_years=44, facts=NOTHING_KNOWN).reasons
    assert [reason.rule for reason in reasons] == ["age_beside_chart"]


def kept(policy: Policy, answers: dict[str, Any], facts: HealthFacts = NOTHING_KNOWN) -> dict[str, Any]:
    """What is stored of a decision about somebody of 44."""
    decision = decide_screening(policy, answers, age_years=44, facts=facts)
    return {**decision.as_json(), "chart": {AGE: 44}, FACTS: facts.as_json()}


def changed(index: str, **into: Any) -> Policy:
    """The full policy with one rule changed."""
    content = copy.deepcopy(example_policy())
    next(rule for rule in content["rules"] if rule["id"] == index).update(into)
    return parse_policy(content)


class TestTheSameDecision:
    ANSWERS = WELL | {"glaucoma": "yes"}

    def test_the_same_policy_says_the_same(self):
        assert decides_the_same(FULL, self.ANSWERS, kept(FULL, self.ANSWERS))

    def test_another_outcome_is_not_the_same(self):
        stricter = changed("glaucoma", level="exclude")
        assert not decides_the_same(stricter, self.ANSWERS, kept(FULL, self.ANSWERS))
        milder = changed("glaucoma", level="note")
        assert not decides_the_same(milder, self.ANSWERS, kept(FULL, self.ANSWERS))

    def test_a_new_reason_is_not_the_same_though_the_outcome_is(self):
        answers = self.ANSWERS | {"seizures": "yes"}
        decided = kept(FULL, answers)
        (first, second) = decided["reasons"]
        assert decides_the_same(FULL, answers, decided)
        for left in (first, second):
            assert not decides_the_same(FULL, answers, decided | {"reasons": [left]})

    def test_a_reason_less_is_the_same_where_the_outcome_is(self):
        decided = kept(FULL, self.ANSWERS)
        more = kept(FULL, self.ANSWERS | {"seizures": "yes"})["reasons"]
        assert decides_the_same(FULL, self.ANSWERS, decided | {"reasons": more})

    @pytest.mark.parametrize("part", ["level", "certainty"])
    def test_a_reason_of_other_weight_is_new(self, part):
        decided = kept(FULL, self.ANSWERS)
        (reason,) = decided["reasons"]
        assert not decides_the_same(FULL, self.ANSWERS, decided | {"reasons": [reason | {part: "note"}]})

    def test_answers_that_it_cannot_read_are_not_the_same(self):
        decided = kept(FULL, self.ANSWERS)
        for read_by_none in ({"glaucoma": "perhaps"}, {"nobody_asks": "yes"}):
            assert decides_the_same(FULL, self.ANSWERS | read_by_none, decided) is False

    def test_it_decides_on_what_was_pinned(self):
        high = HealthFacts(at=AT, vitals=(VitalFact(Vital.SYSTOLIC, 185, "mm[Hg]", AT),))
        decided = kept(FULL, WELL, high)
        assert decided["outcome"] == "ineligible"
        assert decides_the_same(FULL, WELL, decided)
        assert not decides_the_same(FULL, WELL, decided | {FACTS: NOTHING_KNOWN.as_json()})
        assert not decides_the_same(FULL, WELL, decided | {"chart": {AGE: 17}})


def read(systolic_mmhg: float) -> HealthFacts:
    return HealthFacts(at=AT, vitals=(VitalFact(Vital.SYSTOLIC, systolic_mmhg, "mm[Hg]", AT),))


def asked(triage: str) -> HealthFacts:
    return HealthFacts(at=AT, instruments=(InstrumentFact("cssrs", "triage", triage, AT),))


class TestWhatIsMeasuredLater:
    @pytest.mark.parametrize(
        ("measured", "objects"),
        [
            (read(185), True),
            (read(150), False),
            (read(118), False),
            (asked("high"), True),
            (asked("moderate"), True),
            (asked("low"), False),
            (HealthFacts(at=AT), False),
        ],
    )
    def test_what_excludes_or_speaks_of_suicide_objects(self, measured, objects):
        assert objects_now(FULL, WELL, kept(FULL, WELL), measured=measured) is objects

    def test_what_asks_for_another_day_objects(self):
        policy = changed("blood_pressure_on_record_elevated", level="hold_today")
        assert objects_now(policy, WELL, kept(policy, WELL), measured=read(150))

    @pytest.mark.parametrize("known", [read(185), asked("high"), asked("moderate")])
    def test_what_was_there_already_is_not_new(self, known):
        assert not objects_now(FULL, WELL, kept(FULL, WELL, known), measured=known)

    def test_of_answers_that_it_cannot_read_it_says_nothing(self):
        answers = WELL | {"nobody_asks": "yes"}
        assert objects_now(FULL, answers, kept(FULL, WELL), measured=read(185)) is False

    def test_a_worse_answer_than_then_is_new(self):
        assert objects_now(FULL, WELL, kept(FULL, WELL, asked("moderate")), measured=asked("high"))

    def test_the_rest_of_the_record_stays_as_it_was(self):
        measured = replace(read(118), pregnancy=None, conditions=None, location="DE")
        pinned = HealthFacts(at=AT, conditions=(), medications=(), allergies=())
        assert not objects_now(FULL, WELL, kept(FULL, WELL, pinned), measured=measured)

    def test_an_exclusion_that_is_open_is_not_one_that_holds(self):
        unreadable = HealthFacts(at=AT, vitals=(VitalFact(Vital.SYSTOLIC, 185, "stone", AT),))
        assert not objects_now(FULL, WELL, kept(FULL, WELL), measured=unreadable)

    def test_the_first_format_knows_no_measurements(self):
        assert not objects_now(POLICY, ADA, kept(POLICY, ADA), measured=read(185))

    def test_answers_that_cannot_be_read_are_for_another_to_refuse(self):
        answers = WELL | {"glaucoma": "perhaps"}
        assert not objects_now(FULL, answers, kept(FULL, answers), measured=read(185))


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

    @pytest.mark.parametrize(
        ("changed", "lasts", "days"),
        [
            ({}, timedelta(days=84), 84),
            ({}, None, 200),
            ({"reviewed_at": None, "review": None}, timedelta(days=84), 200),
            ({"authority_ends_at": REVIEWED_AT + timedelta(days=7)}, timedelta(days=84), 7),
            ({"authority_ends_at": None, "reviewed_at": None, "review": None}, None, None),
        ],
    )
    def test_it_lasts_until_the_first_of_its_ends(self, changed, lasts, days):
        clearance = decide_clearance(self.facts(**changed), Course(lasts=lasts), at=REVIEWED_AT)
        assert clearance.expires_at == (None if days is None else REVIEWED_AT + timedelta(days=days))

    def test_an_override_ends_with_the_day_before_it_is_asked_anew(self):
        midnight = datetime(2026, 4, 1, tzinfo=UTC)
        for term in (Term(date(2026, 4, 1), date(2026, 5, 1)), Term(date(2026, 5, 1), date(2026, 4, 1))):
            facts = self.facts(override=term)
            before = decide_clearance(facts, COURSE, at=midnight - timedelta(microseconds=1))
            assert (before.valid, before.expires_at) == (True, midnight)
            assert not decide_clearance(facts, COURSE, at=midnight).valid

    def test_who_was_declined_is_told_that_and_not_that_they_are_excluded(self):
        facts = self.facts(review=ReviewOutcome.DECLINED, is_excluded=True)
        clearance = decide_clearance(facts, COURSE, at=REVIEWED_AT)
        assert [reason.code for reason in clearance.reasons] == ["declined"]

    def test_each_reason_has_two_short_sentences_at_most(self):
        facts = self.facts(events_since=True, record_objects=True, route_since=True, joined_since=True)
        reasons = decide_clearance(facts, COURSE, at=REVIEWED_AT).reasons
        assert len(reasons) == 4
        assert all(1 <= len(sentences(reason.detail)) <= 2 for reason in reasons)

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
