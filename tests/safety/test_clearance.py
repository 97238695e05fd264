"""A clearance is computed from what is stored now: whatever changes, it notices without being told."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts.models import Signature
from core.actors import Actor
from core.database import as_owner
from core.enums import DocumentKind
from programs import services as programs
from programs.enums import Route
from safety import errors, queries, services
from safety.enums import AlertClass, Grade, ProfileSource, ReviewOutcome, Seriousness
from safety.enums import ProfileSection as Section
from safety.enums import ProfileState as State
from safety.events.enums import ActionTaken, Causality, Challenge, EventOutcome, Expectedness
from safety.events.services import Assessed, assess
from safety.models import Screening, ScreeningReview
from safety.profile import services as profile
from safety.profile.rules import Measurement, Statement
from safety.rules import Course
from safety.screening.health import Vital
from safety.screening.policy import example_policy
from safety.services import EventReport
from tests.policies import enact
from tests.safety.conftest import answered
from tests.steps import ORDER, accepted, active, clinician, enrolled, planned

pytestmark = pytest.mark.django_db


def reasons(enrollment, at):
    return [reason.code for reason in queries.clearance(enrollment.pk, at=at).reasons]


def test_none_before_the_questions(enrollment, at):
    assert reasons(enrollment, at) == ["not_screened"]


def test_none_before_a_decision(screening, enrollment, at):
    assert reasons(enrollment, at) == ["not_reviewed"]


def test_none_after_a_no(screening, enrollment, ben, at):
    services.review(screening.pk, outcome=ReviewOutcome.DECLINED, reason="No.", reviewer=ben, at=at)
    assert reasons(enrollment, at) == ["declined"]


def test_one_after_a_yes(ada, at):
    enrollment = accepted(ada, at=at)
    clearance = queries.clearance(enrollment.pk, at=at)
    assert clearance.valid
    assert clearance.policy_version == 2
    assert clearance.screening_id == Screening.objects.get().pk


def test_a_policy_that_decides_the_same_voids_nothing(ada, at):
    enrollment = accepted(ada, at=at)
    content = example_policy() | {"version": 3}
    enact(DocumentKind.SCREENING_POLICY, version=3, content=content, effective_at=at, at=at)
    assert queries.clearance(enrollment.pk, at=at + timedelta(days=1)).valid


def test_a_policy_that_decides_otherwise_voids_it_from_its_day_on(ada, at):
    enrollment = accepted(ada, at=at)
    effective_at = at + timedelta(days=7)
    policy: Any = example_policy()
    asked = {"question": "high_blood_pressure", "is": "no"}
    strict = policy["rules"][0] | {"id": "new", "code": "new", "level": "review", "when": asked}
    strict.pop("threshold_status", None)
    content = policy | {"version": 3, "rules": [*policy["rules"], strict]}
    enact(DocumentKind.SCREENING_POLICY, version=3, content=content, effective_at=effective_at, at=at)
    assert queries.clearance(enrollment.pk, at=effective_at - timedelta(seconds=1)).valid
    assert reasons(enrollment, effective_at) == ["policy_changed"]


def test_without_any_policy_in_force_there_is_none(ada, at):
    enrollment = accepted(ada, at=at)
    assert reasons(enrollment, at.replace(year=2020)) == ["policy_changed", "no_authority"]


def test_another_birth_date_voids_it(ada, at, client_of):
    enrollment = accepted(ada, at=at)
    body = {"legal_name": ada.legal_name, "birth_on": "2015-01-01", "timezone": ada.timezone}
    assert client_of(ada.user).put("/api/v1/me", body, format="json").status_code == 200
    assert reasons(enrollment, at) == ["chart_changed"]


def test_another_name_does_not(ada, at, client_of):
    enrollment = accepted(ada, at=at)
    body = {"legal_name": "Ada Other", "birth_on": ada.birth_on.isoformat(), "timezone": ada.timezone}
    assert client_of(ada.user).put("/api/v1/me", body, format="json").status_code == 200
    assert reasons(enrollment, at) == []


def test_another_persons_is_not_ones_own(ada, cyd, at):
    accepted(ada, at=at)
    assert reasons(enrolled(cyd, at=at), at) == ["not_screened"]


class TestWhatVoidsIt:
    """From the same commit on, each by itself."""

    @pytest.fixture
    def cleared(self, ada, at):
        enrollment = planned(ada, at=at)
        assert reasons(enrollment, at) == []
        return enrollment

    def told(self, patient, at, section, state, text="", **more):
        said = Statement(section, state, text=text, **more)
        actor, source = Actor.person(patient.user_id), ProfileSource.PATIENT
        return profile.state_fact(patient.pk, said=said, source=source, actor=actor, at=at)

    @pytest.mark.parametrize(
        ("section", "state", "text"),
        [
            (Section.MEDICATION, State.TAKEN, "Sertraline"),
            (Section.CONDITION, State.ACTIVE, "Schizophrenia"),
            (Section.CONDITION, State.UNKNOWN, "Something"),
            (Section.ALLERGY, State.ACTIVE, "Ketamine"),
            (Section.PREGNANCY, State.POSSIBLE, ""),
            (Section.PREGNANCY, State.NOT_PREGNANT, ""),
            (Section.LACTATION, State.LACTATING, ""),
        ],
    )
    def test_something_new_in_the_profile(self, ada, cleared, at, section, state, text):
        self.told(ada, at, section, state, text)
        assert reasons(cleared, at) == ["profile_changed"]

    def test_what_was_said_and_taken_back(self, ada, cleared, at):
        told = self.told(ada, at, Section.MEDICATION, State.TAKEN, "Sertraline")
        later = at + timedelta(days=1)
        said = Statement(Section.MEDICATION, State.WITHDRAWN, text="Sertraline")
        actor, source = Actor.person(ada.user_id), ProfileSource.PATIENT
        profile.state_fact(ada.pk, said=said, source=source, replaces=told.pk, actor=actor, at=later)
        assert reasons(cleared, later) == ["profile_changed"]

    def test_not_the_same_said_again(self, ada, at):
        self.told(ada, at, Section.PREGNANCY, State.NOT_PREGNANT)
        enrollment = accepted(ada, at=at)
        self.told(ada, at, Section.PREGNANCY, State.NOT_PREGNANT)
        assert reasons(enrollment, at) == []

    def test_not_a_measurement_nor_a_confirmation(self, ada, at, ben):
        fact = self.told(ada, at, Section.MEDICATION, State.TAKEN, "Sertraline")
        enrollment = accepted(ada, at=at)
        measured = Measurement(Vital.WEIGHT, 70, "kg", at)
        self.told(ada, at, Section.VITAL, State.MEASURED, measurement=measured)
        profile.confirm_fact(ada.pk, fact.pk, clinician=Actor.person(ben.pk), at=at)
        assert reasons(enrollment, at) == []

    @pytest.mark.parametrize(
        ("is_serious", "grade", "voids"),
        [
            (True, None, True),
            (False, None, True),
            (False, Grade.MODERATE, True),
            (False, Grade.SEVERE, True),
            (False, Grade.MILD, False),
        ],
    )
    def test_an_adverse_event(self, ada, cleared, at, is_serious, grade, voids):
        report = EventReport(description="Not well.", is_serious=is_serious, grade=grade)
        services.report_event(ada.pk, report=report, actor=Actor.person(ada.user_id), at=at)
        assert reasons(cleared, at) == (["adverse_event"] if voids else [])

    @pytest.mark.parametrize(
        ("before", "since", "voids"),
        [
            (Grade.MILD, Grade.MODERATE, True),
            (Grade.MODERATE, Grade.MODERATE, False),
            (Grade.SEVERE, Grade.MODERATE, False),
            (Grade.MODERATE, Grade.SEVERE, True),
            (None, Grade.MILD, False),
            (None, Grade.MODERATE, True),
        ],
    )
    def test_an_event_from_before_that_is_found_to_be_worse(self, ada, at, before, since, voids):
        event = self.reported(ada, before, at)
        enrollment = planned(ada, at=at)
        assert reasons(enrollment, at) == []
        self.assessed(event, since, at)
        assert reasons(enrollment, at) == (["adverse_event"] if voids else [])

    def test_an_event_from_before_that_is_found_to_be_serious(self, ada, at):
        event = self.reported(ada, Grade.SEVERE, at)
        self.assessed(event, Grade.SEVERE, at)
        enrollment = planned(ada, at=at)
        serious = frozenset({Seriousness.IMPORTANT_MEDICAL_EVENT})
        self.assessed(event, Grade.SEVERE, at, seriousness=serious, replaces=1)
        assert "adverse_event" in reasons(enrollment, at)

    def reported(self, patient, grade, at):
        report = EventReport(description="Not well.", is_serious=False, grade=grade)
        return services.report_event(patient.pk, report=report, actor=Actor.person(patient.user_id), at=at)

    def assessed(self, event, grade, at, *, seriousness=frozenset(), replaces=0):
        said = Assessed(
            term="Nausea",
            seriousness=seriousness,
            grade=grade,
            causality=Causality.POSSIBLE,
            expectedness=Expectedness.EXPECTED,
            reference="Label",
            reference_version="1",
            outcome=EventOutcome.RECOVERED,
            action_taken=ActionTaken.DOSE_NOT_CHANGED,
            dechallenge=Challenge.NOT_TRIED,
            rechallenge=Challenge.NOT_TRIED,
            naranjo={},
            product={},
            why_again="Looked at once more." if replaces else "",
        )
        return assess(event, said=said, replaces=replaces, by=clinician(event.patient), at=at)

    def test_an_answer_that_speaks_of_suicide_while_an_alert_from_before_stands(self, ada, ben, at):
        """Two answers in one form: somebody has the first in hand when the second is given."""

        def answer(*, at):
            return services.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:1", at=at)

        enrollment = enrolled(ada, at=at)
        services.acknowledge(answer(at=at), by=ben, at=at)
        services.review(
            answered(enrollment, at=at).pk,
            outcome=ReviewOutcome.ACCEPTED,
            reason="Spoke with her.",
            reviewer=ben,
            at=at,
        )
        assert reasons(enrollment, at) == []
        alert = answer(at=at)
        assert reasons(enrollment, at) == ["suicidality"]
        services.close(
            services.acknowledge(alert, by=ben, at=at), by=ben, reason="Spoke with her again.", at=at
        )
        assert reasons(enrollment, at) == ["suicidality"]

    def test_an_answer_that_speaks_of_suicide(self, ada, cleared, at):
        services.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:1", at=at)
        assert reasons(cleared, at) == ["suicidality"]

    def test_not_another_alert(self, ada, cleared, at):
        services.raise_alert(ada.pk, alert_class=AlertClass.MISSED_CHECK_IN, source="session:1", at=at)
        assert reasons(cleared, at) == []

    @pytest.mark.parametrize(
        ("route", "dose", "codes"), [("subcutaneous", "50", ["route_changed"]), ("sublingual", "200", [])]
    )
    def test_another_route(self, ada, at, route, dose, codes):
        enrollment = active(ada, at=at)
        order = replace(ORDER, route=Route(route), dose_mg=Decimal(dose))
        programs.sign_plan(enrollment.pk, order=order, clinician=clinician(ada), at=at)
        assert reasons(enrollment, at) == codes

    def test_a_new_review_clears_what_it_has_seen(self, ada, at):
        enrollment = active(ada, at=at)
        services.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:1", at=at)
        self.told(ada, at, Section.MEDICATION, State.TAKEN, "Sertraline")
        screening = answered(enrollment, at=at)
        assert reasons(enrollment, at) == ["not_reviewed"]
        decide(screening, ReviewOutcome.ACCEPTED, at)
        assert reasons(enrollment, at) == []

    def test_nobody_accepts_answers_from_before_a_change(self, ada, screening, at):
        self.told(ada, at, Section.MEDICATION, State.TAKEN, "Lithium")
        with pytest.raises(errors.ProfileChanged):
            decide(screening, ReviewOutcome.ACCEPTED, at)

    def test_somebody_elses_news_is_not_ones_own(self, cyd, cleared, at):
        self.told(cyd, at, Section.MEDICATION, State.TAKEN, "Sertraline")
        services.raise_alert(cyd.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:2", at=at)
        assert reasons(cleared, at) == []

    def test_so_long_without_a_dose(self, cleared, at):
        course = Course(lasts=timedelta(days=84))
        for days, codes in ((83, []), (84, ["expired"])):
            found = queries.clearance(cleared.pk, course=course, at=at + timedelta(days=days))
            assert [reason.code for reason in found.reasons] == codes
            assert found.expires_at == at + timedelta(days=84)

    def test_answers_from_before_there_were_profiles_go_on(self, cleared):
        """A row of an older release has no hash."""
        stored = Screening.objects.get()
        whole = queries.review_digest(stored, outcome=ReviewOutcome.ACCEPTED, reason="")
        stored.profile_sha256 = ""
        assert queries.is_profile_unchanged(stored)
        assert queries.review_digest(stored, outcome=ReviewOutcome.ACCEPTED, reason="") != whole


def decide(screening, outcome, at):
    by = clinician(screening.enrollment.patient)
    return services.review(screening.pk, outcome=outcome, reason="Seen.", reviewer=by, at=at)


@pytest.mark.parametrize("step", [accepted, planned])
class TestBetweenAcceptanceAndConsent:
    def test_new_answers_are_taken_and_reviewed(self, ada, at, step):
        enrollment = step(ada, at=at)
        status = enrollment.status
        screening = answered(enrollment, at=at)
        assert reasons(enrollment, at) == ["not_reviewed"]
        decide(screening, ReviewOutcome.ACCEPTED, at)
        enrollment.refresh_from_db()
        assert (enrollment.status, reasons(enrollment, at)) == (status, [])

    def test_a_no_declines(self, ada, at, step):
        enrollment = step(ada, at=at)
        decide(answered(enrollment, at=at), ReviewOutcome.DECLINED, at)
        enrollment.refresh_from_db()
        assert enrollment.status == "declined"


@pytest.mark.django_db(transaction=True)
class TestTampering:
    """The app's role cannot change these rows; whoever can is found out."""

    def change(self, table, assignment):
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {assignment}")  # noqa: S608

    @pytest.mark.parametrize(
        ("table", "assignment"),
        [
            (Screening, "answers = jsonb_set(answers, '{pregnant}', '\"yes\"')"),
            (Screening, f"answers = '{{}}', answers_sha256 = '{'0' * 64}'"),
            (Screening, "decision = jsonb_set(decision, '{crisis}', 'true')"),
            (ScreeningReview, "reason = 'Another.'"),
            (Signature, f"document_sha256 = '{'0' * 64}'"),
        ],
    )
    def test_is_noticed(self, table, assignment, ada, at):
        enrollment = accepted(ada, at=at)
        assert queries.clearance(enrollment.pk, at=at).valid
        self.change(table._meta.db_table, assignment)
        assert reasons(enrollment, at) == ["answers_changed"]

    def test_a_forged_yes_is_noticed(self, ada, at):
        enrollment = enrolled(ada, at=at)
        screening = answered(enrollment, at=at)
        services.review(
            screening.pk, outcome=ReviewOutcome.DECLINED, reason="No.", reviewer=clinician(ada), at=at
        )
        self.change(ScreeningReview._meta.db_table, "outcome = 'accepted'")
        assert reasons(enrollment, at) == ["answers_changed"]
