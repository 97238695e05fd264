"""A clearance is computed from what is stored now: whatever changes, it notices without being told."""

from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import Signature
from core.database import as_owner
from core.enums import DocumentKind
from safety import queries, services
from safety.enums import ReviewOutcome
from safety.models import Screening, ScreeningReview
from safety.screening.policy import example_policy
from tests.policies import enact
from tests.safety.conftest import answered
from tests.steps import accepted, clinician, enrolled

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


def test_a_later_policy_voids_it_from_its_day_on(ada, at):
    enrollment = accepted(ada, at=at)
    effective_at = at + timedelta(days=7)
    content = example_policy() | {"version": 3}
    enact(DocumentKind.SCREENING_POLICY, version=3, content=content, effective_at=effective_at, at=at)
    assert queries.clearance(enrollment.pk, at=effective_at - timedelta(seconds=1)).valid
    assert reasons(enrollment, effective_at) == ["policy_changed"]


def test_without_any_policy_in_force_there_is_none(ada, at):
    enrollment = accepted(ada, at=at)
    assert reasons(enrollment, at.replace(year=2020)) == ["policy_changed"]


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
