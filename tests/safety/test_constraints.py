"""What must never be false is the database's business: each constraint attacked by SQL as the app's role."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.enums import SignatureMeaning
from accounts.services import sign
from core.actors import Actor
from core.database import as_owner
from safety import services
from safety.enums import HoldReason, ReviewOutcome
from safety.identity.models import ChartComparison
from safety.models import AdverseEvent, Alert, Hold, ProgramResult, Screening, ScreeningReview
from safety.overrides.models import ExclusionOverride
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


@pytest.mark.parametrize(
    "model", [Screening, ScreeningReview, AdverseEvent, ProgramResult, ChartComparison, ExclusionOverride]
)
@pytest.mark.parametrize("verb", ["UPDATE {table} SET id = id", "DELETE FROM {table}"])
def test_what_is_written_stays_written(model, verb):
    refused("permission denied", verb.format(table=model._meta.db_table))


@pytest.fixture
def deferred():
    """Ask at once what is otherwise asked at commit."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.usefixtures("deferred")
class TestEvent:
    """Each attack is a sound event but for what it names."""

    ID = "00000000-0000-7000-8000-000000000001"

    def alert(self, patient, at, **changed):
        opened = {"alert_class": "serious_event", "source": f"event:{self.ID}", "next_page_at": at} | changed
        return Alert.objects.create(patient=patient, opened_at=at, **opened)

    def hold(self, patient, at, **changed):
        placed = {"reason": "serious_event"} | changed
        return Hold.objects.create(
            patient=patient, placed_at=at, actor_kind="service", actor_id="watch", **placed
        )

    def event(self, patient, at, hold, alert, **changed):
        columns = {
            "id": self.ID,
            "patient_id": patient.pk,
            "description": "Fell.",
            "action_taken": "",
            "is_serious": True,
            "seriousness": [],
            "ascertainment": "asked",
            "reported_at": at,
            "hold_id": hold and hold.pk,
            "alert_id": alert and alert.pk,
            "actor_kind": "service",
            "actor_id": "test",
        } | changed
        return insert("safety_adverseevent", columns)

    def test_the_attack_itself_is_sound(self, ada, at):
        execute(*self.event(ada, at, self.hold(ada, at), self.alert(ada, at)))

    def test_no_serious_one_without_a_hold(self, ada, at):
        refused("event_serious_means_held", *self.event(ada, at, None, self.alert(ada, at)))

    def test_none_without_an_alert(self, ada, at):
        refused("alert_id", *self.event(ada, at, self.hold(ada, at), None))

    @pytest.mark.parametrize(
        "changed", [{"alert_class": "adverse_event"}, {"source": "event:another"}, {"source": "events:all"}]
    )
    def test_no_serious_one_with_another_alert(self, changed, ada, at):
        alert = self.alert(ada, at, **changed)
        refused("event_means_its_alert", *self.event(ada, at, self.hold(ada, at), alert))

    @pytest.mark.parametrize("serious", [True, False])
    def test_none_with_somebody_elses_alert(self, serious, ada, cyd, at):
        event = self.event(ada, at, self.hold(ada, at), self.alert(cyd, at), is_serious=serious)
        refused("event_means_its_alert", *event)

    def test_no_alert_begins_closed(self, ada, at, signature):
        with pytest.raises(DatabaseError, match="alert_begins_open"), transaction.atomic():
            self.alert(ada, at, status="closed", signature=signature, close_reason="Seen.")

    def test_no_serious_one_with_somebody_elses_hold(self, ada, cyd, at):
        event = self.event(ada, at, self.hold(cyd, at), self.alert(ada, at))
        refused("event_serious_means_its_hold", *event)

    def test_no_serious_one_with_a_hold_placed_for_something_else(self, ada, at):
        event = self.event(ada, at, self.hold(ada, at, reason="clinical"), self.alert(ada, at))
        refused("event_serious_means_its_hold", *event)

    def test_no_hold_begins_lifted(self, ada, at, signature):
        with pytest.raises(DatabaseError, match="hold_begins_standing"), transaction.atomic():
            self.hold(ada, at, lifted_at=at, lift_reason="Recovered.", lift_signature=signature)

    def test_no_serious_one_with_an_older_hold(self, ada, at):
        hold = self.hold(ada, at - timedelta(seconds=1))
        refused("event_serious_means_its_hold", *self.event(ada, at, hold, self.alert(ada, at)))

    def test_no_serious_one_with_another_ones_hold(self, ada, at, hold):
        refused("event_serious_means_its_hold", *self.event(ada, at, hold, self.alert(ada, at)))

    @pytest.mark.parametrize("grade", [0, 6])
    def test_no_grade_that_there_is_not(self, grade, ada, at):
        event = self.event(ada, at, self.hold(ada, at), self.alert(ada, at), grade=grade)
        refused("event_grade_is_1_to_5", *event)

    def test_no_other_way_of_finding_out(self, ada, at):
        event = self.event(ada, at, self.hold(ada, at), self.alert(ada, at), ascertainment="rumour")
        refused("event_ascertainment_is_known", *event)


class TestSerialized:
    """The same asked of a real commit, and of a database that has lost the trigger."""

    @pytest.fixture
    def unguarded(self, transactional_db):
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE safety_adverseevent DISABLE TRIGGER escalated")
        yield
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE safety_adverseevent ENABLE TRIGGER escalated")

    def attack(self, patient, at):
        """A serious event with the hold and the alert of an earlier one, which then nobody would look at."""
        made = TestEvent()
        hold, alert = made.hold(patient, at), made.alert(patient, at, source="event:another")
        execute(*made.event(patient, at, hold, alert))

    @pytest.mark.django_db(transaction=True)
    def test_nothing_of_it_is_committed(self, ada, at):
        with pytest.raises(DatabaseError, match="event_means_its_alert"):
            self.attack(ada, at)
        assert not AdverseEvent.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_twin_without_the_trigger_it_is(self, unguarded, ada, at):
        self.attack(ada, at)
        assert AdverseEvent.objects.exists()


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
            ("alert_class = 'late_dose'", "alert_stays_what_it_was"),
            ("source = 'another'", "alert_stays_what_it_was"),
            ("opened_at = now()", "alert_stays_what_it_was"),
            ("ladder = '{}'", "alert_stays_what_it_was"),
            ("status = 'ignored', next_page_at = NULL", "alert_status_is_known"),
            ("acknowledged_at = now()", "alert_acknowledged_by_somebody"),
            ("status = 'closed', next_page_at = NULL", "alert_closed_by_signature"),
            ("next_page_at = NULL", "alert_open_means_a_page_is_to_come"),
            ("pages_sent = -1", "pages_sent"),
        ],
    )
    def test_no_such_state(self, assignment, constraint, alert):
        refused(constraint, f"UPDATE safety_alert SET {assignment}")  # noqa: S608

    def test_no_class_that_there_is_not(self, ada, at):
        with pytest.raises(DatabaseError, match="alert_class_is_known"), transaction.atomic():
            TestEvent().alert(ada, at, alert_class="boredom")

    def test_not_given_to_somebody_else(self, alert, cyd):
        refused("alert_stays_what_it_was", "UPDATE safety_alert SET patient_id = %s", cyd.pk)

    def test_not_opened_again_once_it_is_closed(self, alert, ben, at):
        services.close(services.acknowledge(alert, by=ben, at=at), by=ben, reason="Seen.", at=at)
        again = "UPDATE safety_alert SET status = 'open', signature_id = NULL, next_page_at = now()"
        refused("alert_stays_what_it_was", again)

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
            ("reason = 'clinical'", "hold_stays_what_it_was"),
            ("note = 'x'", "hold_stays_what_it_was"),
            ("placed_at = now()", "hold_stays_what_it_was"),
            ("actor_id = 'another'", "hold_stays_what_it_was"),
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

    def test_no_reason_that_there_is_not(self, ada, at):
        with pytest.raises(DatabaseError, match="hold_reason_is_known"), transaction.atomic():
            TestEvent().hold(ada, at, reason="holiday")

    def test_not_given_to_somebody_else(self, hold, cyd):
        refused("hold_stays_what_it_was", "UPDATE safety_hold SET patient_id = %s", cyd.pk)

    LIFT = "UPDATE safety_hold SET lifted_at = now(), lift_reason = 'x', lift_signature_id = %s"

    def test_not_lifted_by_who_placed_it(self, ada, ben, signature, at):
        placed_by = Actor.person(ben.pk)
        services.place_hold(ada.pk, reason=HoldReason.CLINICAL, note="x", actor=placed_by, at=at)
        refused("hold_is_lifted_by_another_clinician", self.LIFT, signature.pk)

    def test_not_lifted_by_who_is_no_clinician(self, hold, ada, at):
        signed = sign(ada.user, meaning=SignatureMeaning.DECIDED, document_sha256="0" * 64, at=at)
        refused("hold_is_lifted_by_another_clinician", self.LIFT, signed.pk)

    def test_not_held_again_once_it_is_lifted(self, hold, signature):
        execute(self.LIFT, signature.pk)
        nothing = "lifted_at = NULL, lift_reason = '', lift_signature_id = NULL"
        refused("hold_stays_what_it_was", f"UPDATE safety_hold SET {nothing}")  # noqa: S608

    def test_not_deleted_from_under_its_event(self, hold):
        refused("permission denied", "DELETE FROM safety_hold; SET CONSTRAINTS ALL IMMEDIATE")
        assert Hold.objects.exists()
