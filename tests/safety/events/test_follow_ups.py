"""Somebody asks again until it is known how an event ended; what nobody found out in time calls people."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Patient, RoleGrant, User
from accounts.services import grant_role, save_profile
from core.actors import Actor
from programs.models import Enrollment
from safety.enums import AlertClass
from safety.events import watching
from safety.events.following import HOW_IT_ENDED, Asked, set_follow_up
from safety.events.models import FollowUp
from safety.models import AdverseEvent, Alert
from safety.services import EventReport, acknowledge, close, report_event
from tests import steps
from tests.api import post
from tests.conftest import make_clinician, make_user
from tests.safety.events.test_assessments import assess, code

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
OPEN = {"outcome": "recovering"}
AGAIN = {"replaces": 1, "why_again": "She called."}


@pytest.fixture
def as_ben(ben: User, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(ben)


@pytest.fixture
def event(ada: Patient, ben: User, at: datetime) -> AdverseEvent:
    """Ada was sick, and said that it was nothing serious."""
    told = EventReport(description="Threw up twice.", is_serious=False)
    return report_event(ada.pk, report=told, actor=Actor.person(ada.user_id), at=at)


@pytest.fixture
def letter(event: AdverseEvent, ben: User, at: datetime) -> FollowUp:
    """Ben is to ask for a letter until tomorrow."""
    return set_follow_up(
        event, asked=Asked("Ask for the letter.", ben.pk, at + DAY), actor=Actor.person(ben.pk), at=at
    )


def ask(client: APIClient, event: AdverseEvent, assignee: Any, due_at: datetime, what: str = "Ask.") -> Any:
    said = {"what": what, "assignee": str(assignee), "due_at": due_at.isoformat()}
    return post(client, f"adverse-events/{event.pk}/follow-ups", said)


def end(client: APIClient, follow_up: FollowUp, end: str = "done", found: str = "It is here.") -> Any:
    return post(client, f"follow-ups/{follow_up.pk}/ends", {"end": end, "found": found})


def standing(kind: str = "outcome") -> list[FollowUp]:
    return list(FollowUp.objects.filter(ended_at=None, kind=kind))


class TestFromTheReport:
    def test_somebody_is_to_find_out_how_it_ended_though_nobody_assesses_it(
        self, event: AdverseEvent, ben: User, at: datetime
    ) -> None:
        (row,) = standing()
        assert (row.event, row.assignee, row.what) == (event, ben, HOW_IT_ENDED)
        assert (row.set_at, row.due_at, row.actor) == (at, at + 7 * DAY, event.actor)
        assert watching.watch_follow_ups(at=at + 7 * DAY) == 1
        assert Alert.objects.filter(alert_class=AlertClass.FOLLOW_UP_DUE, pages_sent=1).count() == 1

    def test_of_each_event_and_people_are_called_about_all_of_a_persons_at_once(
        self, event: AdverseEvent, ada: Patient, at: datetime
    ) -> None:
        """However many are reported, they do not drown anybody's page."""
        for _ in range(3):
            report_event(ada.pk, report=EventReport("Sick."), actor=Actor.person(ada.user_id), at=at)
        assert len(standing()) == 4
        assert watching.watch_follow_ups(at=at + 7 * DAY) == 4
        assert Alert.objects.filter(alert_class=AlertClass.FOLLOW_UP_DUE).count() == 1

    def test_nobody_finds_it_out_about_themselves(self, ben: User, at: datetime) -> None:
        cyd = make_clinician(make_user("cyd@clinic.example"), "Cyd Example, NP", at=at)
        ill = save_profile(
            ben, legal_name="Ben", preferred_name="Ben", birth_on=date(1980, 1, 1), timezone="UTC"
        )
        report_event(ill.pk, report=EventReport("Fell."), actor=Actor.person(ben.pk), at=at)
        (row,) = standing()
        assert row.assignee == cyd

    def test_where_nobody_practises_who_looks_after_safety_does(self, ada: Patient, at: datetime) -> None:
        RoleGrant.objects.update(ends_at=at)
        eva = make_user("eva@clinic.example")
        grant_role(eva, Role.SAFETY_OFFICER, granted_by=None, at=at - DAY)
        report_event(ada.pk, report=EventReport("Fell."), actor=Actor.person(ada.user_id), at=at)
        (row,) = standing()
        assert row.assignee == eva

    def test_with_nobody_at_all_it_is_recorded_all_the_same(self, ada: Patient, at: datetime) -> None:
        RoleGrant.objects.update(ends_at=at)
        event = report_event(ada.pk, report=EventReport("Fell."), actor=Actor.person(ada.user_id), at=at)
        assert standing() == []
        assert event.alert.status == "open"


class TestTheOutcome:
    def test_an_open_one_has_the_assessor_ask_again(
        self, event: AdverseEvent, as_ben: APIClient, ben: User
    ) -> None:
        assess(as_ben, event, **OPEN)
        (row,) = standing()
        assert (row.kind, row.assignee, row.what) == ("outcome", ben, HOW_IT_ENDED)
        assert row.due_at - row.set_at == 7 * DAY

    def test_a_known_one_leaves_nothing_to_ask(self, event: AdverseEvent, as_ben: APIClient) -> None:
        assess(as_ben, event)
        assert standing() == []

    def test_is_asked_for_once_however_often_it_is_assessed(
        self, event: AdverseEvent, as_ben: APIClient
    ) -> None:
        assess(as_ben, event, **OPEN)
        assess(as_ben, event, **OPEN, **AGAIN)
        assert len(standing()) == 1

    def test_an_assessment_asks_anew(self, event: AdverseEvent, as_ben: APIClient, at: datetime) -> None:
        """What was to be found out after the report is: it goes on."""
        (first,) = standing()
        assess(as_ben, event, **OPEN)
        first.refresh_from_db()
        assert (first.end, first.found) == ("done", "Assessment version 1: recovering.")
        (second,) = standing()
        assert second != first

    def test_settled_it_ends_and_other_questions_stay(
        self, event: AdverseEvent, letter: FollowUp, as_ben: APIClient
    ) -> None:
        assess(as_ben, event, **OPEN)
        assert assess(as_ben, event, **AGAIN).status_code == 201
        assert (standing(), standing("detail")) == ([], [letter])
        assert FollowUp.objects.filter(kind="outcome").latest("set_at").end == "settled"

    def test_asked_and_still_not_known_the_next_begins(self, event: AdverseEvent, as_ben: APIClient) -> None:
        assess(as_ben, event, **OPEN)
        (first,) = standing()
        assert end(as_ben, first, found="Still dizzy.").status_code == 201
        (second,) = standing()
        assert (second.kind, second.assignee) == (first.kind, first.assignee)
        assert second.pk != first.pk

    def test_given_up_under_signature_nothing_begins(
        self, event: AdverseEvent, as_ben: APIClient, ben: User
    ) -> None:
        assess(as_ben, event, **OPEN)
        (row,) = standing()
        answer = end(as_ben, row, "not_to_be_had", "Moved away, three letters came back.")
        assert answer.json()["signature"]["signer_name"] == "Ben Example, MD"
        assert standing() == []

    def test_goes_on_when_the_program_is_over(
        self, ada: Patient, ben: User, as_ben: APIClient, at: datetime
    ) -> None:
        enrollment = steps.enrolled(ada, at=at)
        event = report_event(ada.pk, report=EventReport("Fell."), actor=Actor.person(ada.user_id), at=at)
        Enrollment.objects.filter(pk=enrollment.pk).update(status="withdrawn")
        assert assess(as_ben, event, **OPEN).status_code == 201
        assert watching.watch_follow_ups(at=at + 8 * DAY) == 1


class TestSetting:
    def test_by_whom_and_by_when(
        self, event: AdverseEvent, as_ben: APIClient, ben: User, at: datetime
    ) -> None:
        answer = ask(as_ben, event, ben.pk, at + DAY)
        assert answer.status_code == 201, answer.content
        assert (answer.json()["kind"], answer.json()["assignee"]) == ("detail", str(ben.pk))

    def test_a_safety_officer_sets_and_ends_but_does_not_give_up(
        self, event: AdverseEvent, ben: User, at: datetime, client_of: Callable[[User], APIClient]
    ) -> None:
        eva = make_user("eva@clinic.example")
        grant_role(eva, Role.SAFETY_OFFICER, granted_by=None, at=at - DAY)
        client = client_of(eva)
        assert ask(client, event, eva.pk, at + DAY).status_code == 201
        (row,) = standing("detail")
        assert code(end(client, row, "not_to_be_had")) == (422, "may_not_treat")
        assert standing("detail") == [row]
        assert end(client, row).status_code == 201

    def test_not_by_somebody_who_follows_no_events(
        self, event: AdverseEvent, as_ben: APIClient, ada: Patient, at: datetime
    ) -> None:
        for nobody in (ada.user_id, uuid4()):
            assert code(ask(as_ben, event, nobody, at + DAY)) == (400, "not_a_follow_up")
        assert standing("detail") == []

    @pytest.mark.parametrize("ahead", [timedelta(0), -DAY, 400 * DAY])
    def test_not_until_a_time_that_makes_no_sense(
        self, ahead: timedelta, event: AdverseEvent, as_ben: APIClient, ben: User, at: datetime
    ) -> None:
        assert code(ask(as_ben, event, ben.pk, at + ahead)) == (400, "not_a_follow_up")

    @pytest.mark.parametrize("what", ["", " ", "x" * 4001])
    def test_not_without_words(
        self, what: str, event: AdverseEvent, as_ben: APIClient, ben: User, at: datetime
    ) -> None:
        assert ask(as_ben, event, ben.pk, at + DAY, what).status_code == 400


class TestEnding:
    def test_once(self, letter: FollowUp, as_ben: APIClient) -> None:
        end(as_ben, letter)
        assert code(end(as_ben, letter, found="Again.")) == (409, "follow_up_has_ended")

    @pytest.mark.parametrize(("how", "found"), [("settled", "x"), ("", "x"), ("done", ""), ("done", " ")])
    def test_malformed(self, how: str, found: str, letter: FollowUp, as_ben: APIClient) -> None:
        assert end(as_ben, letter, how, found).status_code == 400
        assert standing("detail") == [letter]

    def test_lists(self, letter: FollowUp, as_ben: APIClient, at: datetime) -> None:
        def listed(which: str) -> int:
            return len(as_ben.get(f"/api/v1/follow-ups?status={which}").json()["results"])

        assert [listed(which) for which in ("open", "overdue", "mine", "ended", "all")] == [2, 0, 2, 0, 2]
        end(as_ben, letter)
        assert [listed(which) for which in ("open", "mine", "ended")] == [1, 1, 1]
        assert as_ben.get("/api/v1/follow-ups?status=lost").status_code == 400


class TestCalling:
    def test_nobody_before_it_is_due(self, letter: FollowUp, at: datetime) -> None:
        assert watching.watch_follow_ups(at=at + DAY - timedelta(minutes=1)) == 0

    def test_people_when_it_is_and_once_a_day(self, letter: FollowUp, at: datetime) -> None:
        called = [
            watching.watch_follow_ups(at=at + hours * timedelta(hours=1)) for hours in (24, 25, 47, 48, 49)
        ]
        assert called == [1, 0, 0, 1, 0]
        alert = Alert.objects.get(alert_class=AlertClass.FOLLOW_UP_DUE)
        assert alert.source == f"follow-ups:{letter.patient_id}"

    def test_again_though_somebody_closed_the_alert(self, letter: FollowUp, ben: User, at: datetime) -> None:
        watching.watch_follow_ups(at=at + DAY)
        alert = Alert.objects.get(alert_class=AlertClass.FOLLOW_UP_DUE)
        close(acknowledge(alert, by=ben, at=at), by=ben, reason="Later.", at=at)
        assert watching.watch_follow_ups(at=at + 2 * DAY) == 1
        assert Alert.objects.filter(alert_class=AlertClass.FOLLOW_UP_DUE, status="open").exists()

    def test_nobody_once_it_has_ended(self, letter: FollowUp, as_ben: APIClient, at: datetime) -> None:
        end(as_ben, letter)
        assert watching.watch_follow_ups(at=at + 6 * DAY) == 0


class TestBySql:
    def run(self, statement: str, *values: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ("what = 'x'", "permission denied"),
            ("due_at = now()", "permission denied"),
            ("ended_at = now()", "follow_up_ends_with_what_was_found"),
            ("ended_at = now(), \"end\" = 'done', found = 'x'", "follow_up_ends_with_what_was_found"),
            (
                "ended_at = now(), \"end\" = 'not_to_be_had', found = 'x', ended_by_id = assignee_id",
                "follow_up_ends",
            ),
            ("ended_at = now(), \"end\" = 'done', found = '', ended_by_id = assignee_id", "follow_up_ends"),
        ],
    )
    def test_no_such_change(self, change: str, refusal: str, letter: FollowUp) -> None:
        with pytest.raises(DatabaseError, match=refusal):
            self.run(f"UPDATE safety_followup SET {change}")  # noqa: S608

    def test_what_has_ended_stays(self, letter: FollowUp, as_ben: APIClient) -> None:
        end(as_ben, letter)
        with pytest.raises(DatabaseError, match="follow_up_ends_once"):
            self.run("UPDATE safety_followup SET found = 'x' WHERE kind = 'detail'")
        with pytest.raises(DatabaseError, match="permission denied"):
            self.run("DELETE FROM safety_followup")

    COPY = (
        "INSERT INTO safety_followup (id, event_id, patient_id, kind, what, assignee_id, due_at, set_at,"
        ' "end", found, actor_kind, actor_id) SELECT gen_random_uuid(), event_id, {patient}, {kind}, what,'
        " assignee_id, {due}, set_at, '', '', actor_kind, actor_id FROM safety_followup WHERE kind = 'detail'"
    )

    def test_the_attack_itself_is_sound(self, letter: FollowUp) -> None:
        self.run(self.COPY.format(patient="patient_id", kind="kind", due="due_at"))

    @pytest.mark.parametrize(
        ("changed", "refusal"),
        [
            ({"kind": "'whim'"}, "follow_up_kind_is_known"),
            ({"due": "set_at"}, "follow_up_due_after_it_was_set"),
        ],
    )
    def test_no_such_row(self, changed: dict[str, str], refusal: str, letter: FollowUp) -> None:
        sound = {"patient": "patient_id", "kind": "kind", "due": "due_at"}
        with pytest.raises(DatabaseError, match=refusal):
            self.run(self.COPY.format(**sound | changed))

    def test_not_of_somebody_elses_event(self, letter: FollowUp, cyd: Patient) -> None:
        with pytest.raises(DatabaseError, match="follow_up_of_its_patient"):
            self.run(self.COPY.format(patient=f"'{cyd.pk}'", kind="kind", due="due_at"))

    def test_one_at_a_time_asks_for_the_outcome(
        self, letter: FollowUp, event: AdverseEvent, as_ben: APIClient
    ) -> None:
        assess(as_ben, event, **OPEN)
        with pytest.raises(DatabaseError, match="follow_up_asks_for_the_outcome_once"):
            self.run(self.COPY.format(patient="patient_id", kind="'outcome'", due="due_at"))
