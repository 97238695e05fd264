"""What must never be false is the database's business: each constraint attacked by SQL as the app's role."""

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.enums import SignatureMeaning
from accounts.services import sign
from safety import services
from safety.enums import ReviewOutcome
from safety.models import AdverseEvent, Alert, Hold, Screening, ScreeningReview
from tests.conftest import role_in_use

pytestmark = pytest.mark.django_db


def execute(sql, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def refused(match, sql, *values):
    with pytest.raises(DatabaseError, match=match):
        execute(sql, *values)


def insert(table, columns):
    names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {table} ({names}) VALUES ({marks})", *columns.values()  # noqa: S608


@pytest.fixture
def signature(ben, at):
    return sign(ben, meaning=SignatureMeaning.CLOSED, document_sha256="0" * 64, at=at)


def test_the_attacker_is_the_apps_role():
    assert role_in_use() == "rekindle_app"


@pytest.mark.parametrize("model", [Screening, ScreeningReview, AdverseEvent])
@pytest.mark.parametrize("verb", ["UPDATE {table} SET id = id", "DELETE FROM {table}"])
def test_what_is_written_stays_written(model, verb):
    refused("permission denied", verb.format(table=model._meta.db_table))


class TestEvent:
    def insert(self, hold, **changed):
        columns = {
            "id": "00000000-0000-7000-8000-000000000001",
            "patient_id": hold.patient_id,
            "description": "Fell.",
            "action_taken": "",
            "is_serious": True,
            "seriousness": [],
            "ascertainment": "asked",
            "reported_at": hold.placed_at,
            "hold_id": hold.pk,
            "alert_id": Alert.objects.get().pk,
            "actor_kind": "service",
            "actor_id": "test",
        } | changed
        return insert("safety_adverseevent", columns)

    def test_the_attack_itself_is_sound(self, hold):
        execute(*self.insert(hold))

    def test_no_serious_one_without_its_hold(self, hold):
        refused("event_serious_means_held", *self.insert(hold, hold_id=None))

    def test_none_without_an_alert(self, hold):
        refused("alert_id", *self.insert(hold, alert_id=None))

    @pytest.mark.parametrize("grade", [0, 6])
    def test_no_grade_that_there_is_not(self, grade, hold):
        refused("event_grade_is_1_to_5", *self.insert(hold, grade=grade))

    def test_no_other_way_of_finding_out(self, hold):
        refused("event_ascertainment_is_known", *self.insert(hold, ascertainment="rumour"))


class TestScreening:
    def test_no_other_outcome(self, screening):
        refused(
            "screening_outcome_is_known",
            "INSERT INTO safety_screening SELECT actor_kind, actor_id, %s, answers, answers_sha256,"
            " 'cleared', decision, submitted_at, enrollment_id, policy_id FROM safety_screening",
            "00000000-0000-7000-8000-000000000001",
        )

    def review(self, screening, signature, **changed):
        columns = {
            "id": "00000000-0000-7000-8000-000000000001",
            "screening_id": screening.pk,
            "outcome": "accepted",
            "reason": "Because.",
            "signature_id": signature.pk,
        } | changed
        return insert("safety_screeningreview", columns)

    def test_the_attack_itself_is_sound(self, screening, signature):
        execute(*self.review(screening, signature))

    @pytest.mark.parametrize(
        ("changed", "constraint"),
        [
            ({"outcome": "perhaps"}, "review_outcome_is_known"),
            ({"reason": ""}, "review_gives_a_reason"),
            ({"signature_id": None}, "signature_id"),
        ],
    )
    def test_no_review_that_says_nothing(self, changed, constraint, screening, signature):
        refused(constraint, *self.review(screening, signature, **changed))

    def test_no_second_review(self, screening, ben, signature, at):
        services.review(screening.pk, outcome=ReviewOutcome.DECLINED, reason="No.", reviewer=ben, at=at)
        refused("screening_id", *self.review(screening, signature))

    def test_no_signature_for_two(self, screening, enrollment, ben, at):
        services.review(screening.pk, outcome=ReviewOutcome.DECLINED, reason="No.", reviewer=ben, at=at)
        enrollment.refresh_from_db()
        used = ScreeningReview.objects.get().signature
        other = Screening.objects.create(
            enrollment=enrollment,
            policy=screening.policy,
            answers={},
            answers_sha256="0" * 64,
            outcome="eligible",
            decision={},
            submitted_at=at,
            actor_kind="service",
            actor_id="test",
        )
        refused("signature_id", *self.review(other, used))


class TestAlert:
    @pytest.mark.parametrize(
        ("assignment", "constraint"),
        [
            ("alert_class = 'boredom'", "alert_class_is_known"),
            ("status = 'ignored', next_page_at = NULL", "alert_status_is_known"),
            ("acknowledged_at = now()", "alert_acknowledged_by_somebody"),
            ("status = 'closed', next_page_at = NULL", "alert_closed_by_signature"),
            ("next_page_at = NULL", "alert_open_means_a_page_is_to_come"),
            ("pages_sent = -1", "pages_sent"),
        ],
    )
    def test_no_such_state(self, assignment, constraint, alert):
        refused(constraint, f"UPDATE safety_alert SET {assignment}")  # noqa: S608

    def test_no_signature_while_it_is_not_closed(self, alert, signature):
        refused("alert_closed_by_signature", "UPDATE safety_alert SET signature_id = %s", signature.pk)

    def test_no_second_one_of_the_same_source(self, alert):
        with pytest.raises(DatabaseError, match="alert_one_open_per_source"), transaction.atomic():
            Alert.objects.create(
                patient=alert.patient,
                alert_class=alert.alert_class,
                source=alert.source,
                opened_at=alert.opened_at,
                next_page_at=alert.opened_at,
            )


class TestHold:
    @pytest.mark.parametrize(
        ("assignment", "constraint"),
        [
            ("reason = 'holiday'", "hold_reason_is_known"),
            ("lifted_at = now()", "hold_lifted_by_signature_with_reason"),
            ("lifted_at = now(), lift_reason = 'x'", "hold_lifted_by_signature_with_reason"),
            ("lift_reason = 'x'", "hold_lifted_by_signature_with_reason"),
        ],
    )
    def test_no_such_state(self, assignment, constraint, hold):
        refused(constraint, f"UPDATE safety_hold SET {assignment}")  # noqa: S608

    def test_not_lifted_without_a_reason(self, hold, signature):
        refused(
            "hold_lifted_by_signature_with_reason",
            "UPDATE safety_hold SET lifted_at = now(), lift_signature_id = %s",
            signature.pk,
        )

    def test_not_deleted_from_under_its_event(self, hold):
        refused("permission denied", "DELETE FROM safety_hold; SET CONSTRAINTS ALL IMMEDIATE")
        assert Hold.objects.exists()
