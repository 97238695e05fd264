"""The morning after: nobody drives again by the clock alone, and who is not heard of is looked after."""

from datetime import datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rest_framework.test import APIClient

from accounts.models import Patient
from desk.queries import standing
from desk.rules import next_step
from notifications.models import Delivery
from safety.models import Alert
from sessions import queries, services
from sessions.errors import NotTheMorning
from sessions.models import MorningAnswer, TreatmentSession
from sessions.rules import Morning, may_drive, morning_due_at, morning_faults
from tests.api import post
from tests.sessions import stages
from tests.sessions.conftest import by_link
from tests.sessions.facts import NOON, POLICY
from tests.sessions.test_constraints import refused_by
from tests.sessions.test_gate import ada_of

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
UTC = ZoneInfo("UTC")


@pytest.fixture
def home(ada: Patient, at: datetime) -> TreatmentSession:
    """Ada's session ended two days ago, and the no-driving time is over; nobody has said anything yet."""
    session, _ = stages.ended(ada, at=at - 2 * DAY)
    return stages.fetch(session)


def morning(session: TreatmentSession) -> datetime:
    assert session.no_drive_until is not None
    return session.no_drive_until


def answer(session: TreatmentSession, *, at: datetime, slept: bool = True, is_alert: bool = True) -> Any:
    return services.answer_morning(session, slept=slept, is_alert=is_alert, actor=ada_of(session), at=at)


@pytest.mark.parametrize(("slept", "is_alert"), list(product((True, False), repeat=2)))
@pytest.mark.parametrize("late", [-SECOND, timedelta(), DAY])
def test_it_takes_the_clock_and_a_yes_to_both(slept: bool, is_alert: bool, late: timedelta) -> None:
    drives = may_drive(NOON, Morning(slept, is_alert), at=NOON + late)
    assert drives == (slept and is_alert and late >= timedelta())


def test_without_an_answer_nobody_ever_drives() -> None:
    assert not may_drive(NOON, None, at=NOON + 99 * DAY)
    assert not may_drive(None, Morning(slept=True, is_alert=True), at=NOON)


def test_before_its_time_it_says_when() -> None:
    (reason,) = morning_faults(NOON, zone=ZoneInfo("America/New_York"), at=NOON - SECOND)
    assert (reason.code, reason.detail) == (
        "too_early",
        "Answer from 12:00 on March 2 on. Do not drive yet.",
    )
    assert not list(morning_faults(NOON, zone=UTC, at=NOON))
    assert [reason.code for reason in morning_faults(None, zone=UTC, at=NOON)] == ["no_morning"]


def test_how_long_one_waits_is_the_policys() -> None:
    assert morning_due_at(NOON, POLICY) == NOON + 6 * HOUR


class TestAnswering:
    def test_it_is_ones_own_word_that_lifts_it(self, home: TreatmentSession, as_ada: APIClient) -> None:
        path = f"sessions/{home.pk}"
        before = as_ada.get(f"/api/v1/{path}").json()
        assert (before["may_drive"], before["next_actions"][0]) == (False, "answer_morning")
        said = post(as_ada, f"{path}/morning-answers", {"slept": True, "is_alert": True})
        assert (said.status_code, said.json()["what_now"][:21]) == (201, "You may drive again. ")
        after = as_ada.get(f"/api/v1/{path}").json()
        assert (after["may_drive"], "answer_morning" in after["next_actions"]) == (True, False)

    def test_nobody_says_it_for_them(
        self, home: TreatmentSession, as_ben: APIClient, as_cyd: APIClient
    ) -> None:
        said, path = {"slept": True, "is_alert": True}, f"sessions/{home.pk}/morning-answers"
        dan = by_link(stages.token_in_mail(home))
        assert [post(who, path, said).status_code for who in (as_ben, as_cyd, dan)] == [403, 404, 401]
        assert not MorningAnswer.objects.exists()

    @pytest.mark.parametrize("body", [{}, {"slept": True}, {"slept": None, "is_alert": True}])
    def test_half_an_answer_is_none(
        self, home: TreatmentSession, as_ada: APIClient, body: dict[str, Any]
    ) -> None:
        assert post(as_ada, f"sessions/{home.pk}/morning-answers", body).status_code == 400

    def test_not_before_its_time(self, home: TreatmentSession) -> None:
        with stages.refused(NotTheMorning):
            answer(home, at=morning(home) - SECOND)
        answer(home, at=morning(home))
        assert queries.may_drive(home, at=morning(home))

    def test_nor_where_nothing_was_taken(self, ada: Patient, at: datetime) -> None:
        session = stages.reached(ada, "aborted", at=at)
        with stages.refused(NotTheMorning):
            answer(session, at=at + 2 * DAY)

    def test_who_has_not_slept_answers_again(self, home: TreatmentSession, at: datetime) -> None:
        answer(home, at=at, slept=False)
        assert not queries.may_drive(home, at=at)
        assert not Alert.objects.exists()
        answer(home, at=at + HOUR)
        assert queries.may_drive(home, at=at + HOUR)

    def test_who_is_not_awake_is_seen_to(self, home: TreatmentSession, at: datetime) -> None:
        said = [answer(home, at=at, is_alert=False) for _ in range(2)]
        assert said[0] == said[1]
        assert said[0].alert == Alert.objects.get()

    def test_the_newest_counts(self, home: TreatmentSession, at: datetime) -> None:
        answer(home, at=at)
        answer(home, at=at + HOUR, is_alert=False)
        assert not queries.may_drive(home, at=at + HOUR)

    def test_after_the_seal_it_is_taken_and_marked(self, home: TreatmentSession, at: datetime) -> None:
        services.watch(at=morning(home))
        stages.review(home, at=at)
        assert answer(home, at=at, is_alert=False).pk
        assert MorningAnswer.objects.get().after_seal
        (line,) = [line for line in queries.log(home, at=at).lines if line.kind == "morning_answer"]
        assert (line.by, line.says, line.after_seal) == ("patient", {"slept": True, "is_alert": False}, True)

    def test_the_database_keeps_none_that_calls_nobody(self, home: TreatmentSession, at: datetime) -> None:
        by = {"actor_kind": "person", "actor_id": "x"}
        with refused_by("morning_not_awake_means_alert"):
            MorningAnswer.objects.create(session=home, slept=True, is_alert=False, given_at=at, **by)


class TestAsking:
    def test_a_message_waits_for_the_morning(self, ada: Patient, at: datetime) -> None:
        session, _ = stages.ended(ada, at=at)
        (mail,) = Delivery.objects.filter(dedupe_key__startswith=f"morning:{session.pk}")
        assert (mail.kind, mail.due_at, mail.expires_at) == (
            "news",
            session.no_drive_until,
            session.morning_due_at,
        )

    def test_who_has_answered_is_not_asked(self, home: TreatmentSession, at: datetime) -> None:
        answer(home, at=at)
        (mail,) = Delivery.objects.filter(dedupe_key__startswith=f"morning:{home.pk}")
        assert mail.status == "cancelled"

    def test_it_is_the_next_step_until_it_is_answered(self, home: TreatmentSession) -> None:
        enrollment, due_at = home.enrollment, morning(home)
        assert next_step(standing(enrollment, at=due_at - SECOND)).code == "recovering"
        asked = next_step(standing(enrollment, at=due_at))
        assert (asked.code, str(home.pk) in asked.link) == ("answer_morning", True)
        answer(home, at=due_at)
        assert next_step(standing(enrollment, at=due_at)).code != "answer_morning"


class TestSilence:
    def test_a_clinician_is_called_once(self, home: TreatmentSession, at: datetime) -> None:
        due_at = morning(home) + 6 * HOUR
        assert services.watch(at=due_at - SECOND).mornings_unanswered == 0
        assert services.watch(at=due_at).mornings_unanswered == 1
        assert Alert.objects.get().source == f"morning-unanswered:{home.pk}"
        assert services.watch(at=due_at + DAY).mornings_unanswered == 0

    def test_about_a_sealed_session_too(self, home: TreatmentSession) -> None:
        services.watch(at=morning(home))
        stages.review(home, at=morning(home) + HOUR)
        assert services.watch(at=morning(home) + 6 * HOUR).mornings_unanswered == 1

    @pytest.mark.parametrize("slept", [True, False])
    def test_not_about_who_has_answered(self, home: TreatmentSession, slept: bool) -> None:
        answer(home, at=morning(home), slept=slept)
        assert services.watch(at=morning(home) + DAY).mornings_unanswered == 0

    def test_nor_by_a_policy_that_calls_nobody(self, home: TreatmentSession) -> None:
        TreatmentSession.objects.filter(pk=home.pk).update(morning_due_at=None)
        assert services.watch(at=morning(home) + DAY).mornings_unanswered == 0
        assert not queries.may_drive(home, at=morning(home) + DAY)
