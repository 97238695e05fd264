"""Of one person's two charts one goes on, and what stands in the other counts there."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Patient
from core.actors import Actor
from safety import services
from safety.enums import ComparisonOutcome, HoldReason, ProfileSource, ProfileState, ReviewOutcome
from safety.identity.queries import charts_of, identity_facts, possible_duplicates
from safety.identity.rules import identity_faults
from safety.identity.services import compare_charts
from safety.profile import queries as profile
from safety.profile.serializers import StatementInput
from safety.profile.services import confirm_fact, state_fact
from safety.queries import clearance
from safety.services import EventReport
from sessions import services as sessions
from sessions.errors import NotBookable
from tests import steps
from tests.conftest import make_patient
from tests.core.test_looks import looks
from tests.safety.conftest import answered
from tests.safety.test_health_profile import ASTHMA, SERTRALINE, facts, said, weighed
from tests.safety.test_possible_duplicates import operator
from tests.sessions import stages
from tests.sessions.test_doses_per_week import dosed_before

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SCHIZOPHRENIA = {
    "section": "condition",
    "state": "active",
    "text": "Schizophrenia",
    "codings": [{"system": "icd10cm", "code": "F20.9"}],
}
NO_CONDITIONS = {"section": "condition", "state": "none"}


@pytest.fixture
def again(ada) -> Patient:
    """Ada's other chart, which nobody has compared with hers yet."""
    return make_patient("ada2@example.org", "Ada Example")


@pytest.fixture
def olga(at):
    """The operator."""
    return operator("olga@clinic.example", at)


@pytest.fixture
def compare(ada, again, olga, at):
    """Says of the two charts what they are; unless another is named, Ada's goes on."""

    def compare(outcome=ComparisonOutcome.SAME, *, kept=ada, other=again):
        compare_charts(kept.pk, other.pk, outcome=outcome, reason="Called both.", by=olga, at=at)

    return compare


@pytest.fixture
def as_again(again, client_of):
    return client_of(again.user)


def read_statement(body):
    form = StatementInput(data=body)
    form.is_valid(raise_exception=True)
    return form.statement()


def held(patient):
    return [(fact.text or fact.section, fact.state, fact.source) for fact in profile.current(patient.pk)]


def codes(patient):
    return [reason.code for reason in identity_faults(identity_facts(patient))]


def cleared(enrollment, ben, at):
    screening = answered(enrollment, at=at)
    services.review(screening.pk, outcome=ReviewOutcome.ACCEPTED, reason="Well.", reviewer=ben, at=at)
    return [reason.code for reason in clearance(enrollment.pk, at=at).reasons]


class TestHealth:
    def test_what_the_other_chart_says_is_said_in_the_one_that_goes_on(
        self, ada, again, as_again, compare, at
    ):
        for body in (ASTHMA, SERTRALINE, {"section": "pregnancy", "state": "possible"}):
            assert said(as_again, again, body).status_code == 201
        compare()
        assert sorted(held(ada)) == [
            ("Asthma", "active", "import"),
            ("Sertraline", "taken", "import"),
            ("pregnancy", "possible", "import"),
        ]
        found = facts(ada, at)
        assert [entry.codings[0].code for entry in found.conditions] == ["J45.909"]
        assert found.pregnancy == "possible"

    def test_a_contraindication_there_excludes_here(self, ada, again, as_again, compare, at):
        enrollment = steps.enrolled(ada, at=at)
        assert said(as_again, again, SCHIZOPHRENIA).status_code == 201
        compare()
        assert answered(enrollment, at=at).outcome == "ineligible"

    def test_twin_unless_it_is_carried_over_nobody_would_know(
        self, ada, again, as_again, compare, at, monkeypatch
    ):
        monkeypatch.setattr("safety.profile.services.carry_over", lambda *_, **__: None)
        enrollment = steps.enrolled(ada, at=at)
        said(as_again, again, SCHIZOPHRENIA)
        compare()
        assert answered(enrollment, at=at).outcome == "eligible"

    def test_that_there_is_nothing_and_what_was_measured_stay_behind(self, ada, again, as_again, compare, at):
        for body in (NO_CONDITIONS, weighed(at)):
            assert said(as_again, again, body).status_code == 201
        compare()
        assert held(ada) == []
        assert facts(ada, at).conditions is None

    def test_what_both_say_is_said_once(self, ada, again, as_ada, as_again, compare):
        for client, patient in ((as_ada, ada), (as_again, again)):
            said(client, patient, SERTRALINE)
        compare()
        compare()
        assert held(ada) == [("Sertraline", "taken", "patient")]

    def test_what_a_clinician_struck_out_is_not_brought_back(self, ada, again, as_ben, as_again, compare):
        said(as_again, again, ASTHMA)
        compare()
        fact = profile.current(ada.pk).get()
        gone = ASTHMA | {"state": "withdrawn", "replaces": str(fact.pk)}
        assert said(as_ben, ada, gone).status_code == 201
        compare()
        assert held(ada) == []

    @pytest.mark.parametrize(
        ("here", "there", "counts"),
        [
            ("not_pregnant", "pregnant", "pregnant"),
            ("pregnant", "not_pregnant", "pregnant"),
            ("possible", "pregnant", "pregnant"),
            ("pregnant", "possible", "pregnant"),
            ("not_pregnant", "not_applicable", "not_pregnant"),
        ],
    )
    def test_of_a_pregnancy_the_word_counts_that_leaves_more_to_heed(
        self, ada, again, as_ada, as_again, compare, at, here, there, counts
    ):
        for client, patient, state in ((as_ada, ada, here), (as_again, again, there)):
            assert said(client, patient, {"section": "pregnancy", "state": state}).status_code == 201
        compare()
        assert facts(ada, at).pregnancy == counts

    def test_a_mistake_is_taken_back(self, ada, ben, again, as_again, compare, at):
        for body in (ASTHMA, SERTRALINE):
            said(as_again, again, body)
        compare()
        confirmed = profile.current(ada.pk).get(text="Asthma")
        confirm_fact(ada.pk, confirmed.pk, clinician=Actor.person(ben.pk), at=at)
        compare(ComparisonOutcome.DIFFERENT)
        assert held(ada) == [("Asthma", "active", "clinician")]
        assert len(held(again)) == 2
        taken_back = profile.statements(ada.pk).get(state=ProfileState.WITHDRAWN)
        assert (taken_back.text, taken_back.source) == ("Sertraline", ProfileSource.IMPORT)

    def test_what_was_taken_back_by_mistake_is_told_again(self, ada, again, as_again, compare):
        said(as_again, again, ASTHMA)
        for outcome in (ComparisonOutcome.SAME, ComparisonOutcome.DIFFERENT, ComparisonOutcome.SAME):
            compare(outcome)
        assert held(ada) == [("Asthma", "active", "import")]

    def test_a_copy_does_not_come_back_as_another(self, ada, again, as_again, compare):
        said(as_again, again, ASTHMA)
        compare()
        compare(kept=again, other=ada)
        assert held(again) == [("Asthma", "active", "patient")]

    @pytest.mark.parametrize("body", [SCHIZOPHRENIA, {"section": "pregnancy", "state": "pregnant"}])
    def test_what_a_clinician_said_there_is_not_the_patients_to_take_back_here(
        self, ada, again, as_ada, as_ben, compare, ben, at, body
    ):
        enrollment = steps.enrolled(ada, at=at)
        own = said(as_ada, ada, body).json()["id"]
        state_fact(
            again.pk,
            said=read_statement(body),
            source=ProfileSource.CLINICIAN,
            actor=Actor.person(ben.pk),
            at=at,
        )
        compare()
        said(as_ada, ada, body | {"state": "withdrawn", "replaces": own})
        assert answered(enrollment, at=at).outcome == "ineligible"

    def test_that_there_is_no_pregnancy_is_not_said_on(self, ada, again, as_again, compare, at):
        for section, state in (("pregnancy", "not_pregnant"), ("lactation", "not_lactating")):
            said(as_again, again, {"section": section, "state": state})
        compare()
        assert held(ada) == []

    def test_taken_back_the_word_before_holds_again(self, ada, again, as_ada, as_ben, as_again, compare, at):
        said(as_ben, ada, {"section": "pregnancy", "state": "possible"})
        said(as_again, again, {"section": "pregnancy", "state": "pregnant"})
        compare()
        assert facts(ada, at).pregnancy == "pregnant"
        compare(ComparisonOutcome.DIFFERENT)
        assert held(ada) == [("pregnancy", "possible", "clinician")]
        answer = said(as_ada, ada, {"section": "pregnancy", "state": "not_pregnant"})
        assert (answer.status_code, answer.json()["code"]) == (403, "ask_your_clinician")

    def test_the_other_way_round_too(self, ada, again, as_ada, as_again, compare):
        said(as_ada, ada, ASTHMA)
        said(as_again, again, SERTRALINE)
        compare()
        compare(kept=again, other=ada)
        assert sorted(text for text, _, _ in held(again)) == ["Asthma", "Sertraline"]
        assert codes(ada)[-1] == "second_chart"


class TestNews:
    """What is told in the chart that was given up, after somebody has looked at both."""

    @pytest.fixture
    def enrollment(self, ada, ben, compare, at):
        """Ada, accepted after both charts were found to be hers."""
        enrollment = steps.enrolled(ada, at=at)
        compare()
        assert cleared(enrollment, ben, at) == []
        return enrollment

    @pytest.mark.parametrize("what", ["statement", "answers", "event"])
    def test_ends_the_clearance_until_somebody_has_looked_again(
        self, ada, ben, again, enrollment, as_again, compare, at, what
    ):
        if what == "statement":
            said(as_again, again, SCHIZOPHRENIA)
        elif what == "answers":
            answered(steps.enrolled(again, at=at), at=at)
        else:
            report = EventReport(description="A rash.", is_serious=False)
            services.report_event(again.pk, report=report, actor=Actor.person(again.user_id), at=at)
        assert [reason.code for reason in clearance(enrollment.pk, at=at).reasons] == ["possible_duplicate"]
        assert {chart.pk for chart in possible_duplicates()} == {ada.pk, again.pk}
        compare()
        assert not possible_duplicates()
        assert "charts_joined" in [reason.code for reason in clearance(enrollment.pk, at=at).reasons]
        if what == "statement":
            assert answered(enrollment, at=at).outcome == "ineligible"
        else:
            assert cleared(enrollment, ben, at) == []

    def test_a_decision_on_answers_from_before_is_news(self, ada, ben, again, compare, at):
        waits = answered(steps.enrolled(again, at=at), at=at)
        enrollment = steps.enrolled(ada, at=at)
        compare()
        assert cleared(enrollment, ben, at) == []
        services.review(waits.pk, outcome=ReviewOutcome.DECLINED, reason="Voices.", reviewer=ben, at=at)
        assert [reason.code for reason in clearance(enrollment.pk, at=at).reasons] == ["possible_duplicate"]

    def test_answers_from_before_the_joining_clear_nobody(self, ada, ben, compare, at):
        enrollment = steps.enrolled(ada, at=at)
        screening = answered(enrollment, at=at)
        compare()
        services.review(screening.pk, outcome=ReviewOutcome.ACCEPTED, reason="Well.", reviewer=ben, at=at)
        assert [reason.code for reason in clearance(enrollment.pk, at=at).reasons] == ["charts_joined"]

    def test_of_somebody_else_is_none(self, again, enrollment, as_again, compare):
        compare(ComparisonOutcome.DIFFERENT)
        said(as_again, again, SCHIZOPHRENIA)
        assert not possible_duplicates()

    def test_charts_that_do_not_look_alike_wait_too(self, ada, cyd, olga, client_of, at):
        compare_charts(ada.pk, cyd.pk, outcome=ComparisonOutcome.SAME, reason="Told us.", by=olga, at=at)
        assert not possible_duplicates()
        said(client_of(cyd.user), cyd, SERTRALINE)
        assert {chart.pk for chart in possible_duplicates()} == {ada.pk, cyd.pk}
        assert "possible_duplicate" in codes(ada)


class TestAChain:
    def test_what_was_given_up_for_the_one_given_up_belongs_to_it(self, ada, ben, again, compare, at):
        third = make_patient("ada3@example.org", "Ada Example")
        compare(kept=again, other=third)
        compare()
        assert charts_of(ada.pk) == (ada.pk, again.pk, third.pk)
        actor = Actor.person(ben.pk)
        services.place_hold(third.pk, reason=HoldReason.CLINICAL, note="", actor=actor, at=at)
        assert "other_chart_held" in codes(ada)

    @pytest.fixture
    def zoe(self):
        """A chart that looks like nobody's."""
        return make_patient("zoe@example.org", "Zoe Quiteother")

    def test_what_is_told_at_its_end_is_news_at_its_beginning(
        self, ada, ben, again, zoe, compare, client_of, at
    ):
        enrollment = steps.enrolled(ada, at=at)
        compare(kept=again, other=zoe)
        compare()
        assert cleared(enrollment, ben, at) == []
        said(client_of(zoe.user), zoe, SCHIZOPHRENIA)
        assert "possible_duplicate" in [reason.code for reason in clearance(enrollment.pk, at=at).reasons]
        compare(kept=again, other=zoe)
        compare()
        assert answered(enrollment, at=at).outcome == "ineligible"

    def test_a_link_that_is_found_later_ends_the_clearance(self, ada, ben, again, zoe, compare, at):
        enrollment = steps.enrolled(ada, at=at)
        compare()
        assert cleared(enrollment, ben, at) == []
        compare(kept=again, other=zoe)
        assert "charts_joined" in [reason.code for reason in clearance(enrollment.pk, at=at).reasons]

    def test_a_mistake_at_its_end_is_taken_back_at_its_beginning(self, ada, again, zoe, compare, client_of):
        said(client_of(zoe.user), zoe, SCHIZOPHRENIA)
        compare(kept=again, other=zoe)
        compare()
        assert held(ada) == [("Schizophrenia", "active", "import")]
        compare(ComparisonOutcome.DIFFERENT, kept=again, other=zoe)
        assert "possible_duplicate" in codes(ada)
        compare()
        assert held(ada) == []

    def test_back_and_forth_ends(self, ada, again, compare):
        compare()
        compare(kept=again, other=ada)
        assert charts_of(ada.pk) == (ada.pk,)
        assert charts_of(again.pk) == (again.pk, ada.pk)


class TestDoses:
    @pytest.fixture
    def joined(self, ada, cyd, compare, at):
        """Ada in treatment; five days ago she had a dose under a name that is not hers."""
        dosed_before(cyd, at=at, days=(5,))
        compare(other=cyd)
        compare(ComparisonOutcome.DIFFERENT)
        return steps.active(ada, at=at)

    def book(self, enrollment, ada, at):
        sessions.book(
            enrollment.pk,
            scheduled_at=at + timedelta(hours=1),
            timezone=ada.timezone,
            actor=Actor.person(ada.user_id),
            at=at,
        )

    @pytest.mark.from_the_start
    def test_in_the_chart_that_was_given_up_count(self, joined, ada, at):
        with stages.refused(NotBookable) as refused:
            self.book(joined, ada, at)
        assert "too_soon" in {reason.code for reason in refused.value.reasons}

    @pytest.mark.from_the_start
    def test_twin_unless_both_charts_are_read_the_next_is_booked(self, joined, ada, at, monkeypatch):
        monkeypatch.setattr("sessions.queries.facts.charts_of", lambda patient_id: (patient_id,))
        self.book(joined, ada, at)


class TestWhoeverDecides:
    @pytest.fixture
    def screening(self, ada, ben, again, compare, at):
        """Ada's answers, after another chart of hers was given up in which she was declined."""
        before = answered(steps.enrolled(again, at=at), at=at, psychotic_disorder="active")
        services.review(
            before.pk,
            outcome=ReviewOutcome.DECLINED,
            reason="Told us of voices.",
            reviewer=ben,
            at=at,
        )
        report = EventReport(description="A rash.", is_serious=False)
        services.report_event(again.pk, report=report, actor=Actor.person(again.user_id), at=at)
        compare()
        return answered(steps.enrolled(ada, at=at), at=at)

    def test_reads_what_stands_in_the_other_chart(self, screening, ada, again, ben, as_ben, as_ada):
        shown = as_ben.get(f"/api/v1/screenings/{screening.pk}").json()["given_up_charts"]
        assert [one["chart"] for one in shown] == [str(again.pk)]
        (before,), (event,) = shown[0]["screenings"], shown[0]["adverse_events"]
        assert before["outcome"] == "ineligible"
        assert "psychosis" in before["clinician_text"].lower()
        assert before["review"]["reason"] == "Told us of voices."
        assert event["description"] == "A rash."
        assert [who for who, _, _ in looks(again)] == [f"person:{ben.pk}"]
        assert "given_up_charts" not in as_ada.get(f"/api/v1/screenings/{screening.pk}").json()

    def test_in_the_admin(self, screening, again, ben):
        client = Client()
        client.force_login(ben)
        page = client.get(f"/admin/safety/screening/{screening.pk}/change/").content.decode()
        assert "Told us of voices." in page
        assert "A rash." in page
        assert [(who, what) for who, what, _ in looks(again)] == [(f"person:{ben.pk}", "admin:screening")]

    def test_without_another_chart_there_is_none(self, enrollment, as_ben, at):
        screening = answered(enrollment, at=at)
        assert as_ben.get(f"/api/v1/screenings/{screening.pk}").json()["given_up_charts"] == []

    def test_whoever_may_not_see_the_patient_sees_neither(self, screening, cyd_practises, client_of):
        assert client_of(cyd_practises).get(f"/api/v1/screenings/{screening.pk}").status_code == 404
