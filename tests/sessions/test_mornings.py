"""The morning after: nobody drives again by the clock alone, and who is not heard of is looked after."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from accounts.models import Patient, User
from desk.queries import standing
from desk.rules import next_step
from notifications.models import Delivery
from programs.enums import Route
from safety import services as safety
from safety.enums import AlertClass
from safety.events import queries as events
from safety.models import Alert
from sessions import queries, services
from sessions.errors import NotTheMorning
from sessions.models import MorningAnswer, TreatmentSession
from sessions.rules import Morning, MorningFacts, drive_faults, morning_due_at, morning_faults
from tests import steps
from tests.api import post
from tests.assessments.test_self_harm import close
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


def told(newest: Morning | None = None, **changed: Any) -> MorningFacts:
    """The morning after has come at noon, and nobody has said that they are not awake."""
    facts = MorningFacts(
        no_drive_until=NOON, is_newest=True, newest=newest, not_awake_at=None, open_calls=0, zone=UTC
    )
    return replace(facts, **changed)


@pytest.mark.parametrize(("slept", "is_alert"), list(product((True, False), repeat=2)))
@pytest.mark.parametrize("late", [-SECOND, timedelta(), DAY])
def test_it_takes_the_clock_and_a_yes_to_both(slept: bool, is_alert: bool, late: timedelta) -> None:
    drives = not drive_faults(told(Morning(slept, is_alert, NOON + late)), at=NOON + late)
    assert drives == (slept and is_alert and late >= timedelta())


def test_a_word_from_before_the_time_does_not_count() -> None:
    assert drive_faults(told(Morning(True, True, NOON - SECOND)), at=NOON + DAY)


def test_without_an_answer_nobody_ever_drives() -> None:
    assert drive_faults(told(), at=NOON + 99 * DAY)
    assert drive_faults(told(Morning(True, True, NOON), no_drive_until=None), at=NOON)


def test_nor_by_the_morning_of_an_earlier_session() -> None:
    facts = told(Morning(True, True, NOON), is_newest=False)
    assert drive_faults(facts, at=NOON)
    assert [reason.code for reason in morning_faults(facts, at=NOON)] == ["later_session"]


@pytest.mark.parametrize(("later", "drives"), [(SECOND, False), (6 * HOUR, False), (7 * HOUR, True)])
def test_that_one_is_not_awake_stands_for_its_day(later: timedelta, drives: bool) -> None:
    facts = told(Morning(True, True, NOON + later), not_awake_at=NOON)
    assert (not drive_faults(facts, at=NOON + later)) == drives


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        (told(), ["morning_unanswered"]),
        (told(Morning(True, True, NOON - SECOND)), ["morning_unanswered"]),
        (told(Morning(False, True, NOON)), ["not_slept"]),
        (told(Morning(True, False, NOON), not_awake_at=NOON), ["not_awake"]),
        (told(Morning(True, True, NOON), not_awake_at=NOON - SECOND), ["not_awake"]),
        (told(Morning(True, True, NOON), open_calls=1), ["call_open"]),
        (told(open_calls=2), ["morning_unanswered", "call_open"]),
        (told(Morning(True, True, NOON), open_calls=1, is_newest=False), ["later_session"]),
    ],
)
def test_what_keeps_somebody_from_driving_is_said(facts: MorningFacts, codes: list[str]) -> None:
    assert [reason.code for reason in drive_faults(facts, at=NOON)] == codes


def test_before_its_time_it_says_when() -> None:
    there = told(zone=ZoneInfo("America/New_York"))
    (reason,) = morning_faults(there, at=NOON - SECOND)
    assert (reason.code, reason.detail) == (
        "too_early",
        "Answer from 12:00 on March 2 on. Do not drive yet.",
    )
    assert not list(morning_faults(told(), at=NOON))
    assert [reason.code for reason in morning_faults(told(no_drive_until=None), at=NOON)] == ["no_morning"]


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

    def test_what_only_a_clinician_can_mend_is_said_and_not_asked_for_again(
        self, home: TreatmentSession, as_ada: APIClient, at: datetime
    ) -> None:
        patient = home.enrollment.patient_id
        safety.raise_alert(patient, alert_class=AlertClass.SERIOUS_EVENT, source="test", at=at)
        path = f"sessions/{home.pk}"
        before = as_ada.get(f"/api/v1/{path}").json()
        assert [one["code"] for one in before["drive_reasons"]] == ["morning_unanswered", "call_open"]
        assert before["next_actions"][0] == "answer_morning"
        post(as_ada, f"{path}/morning-answers", {"slept": True, "is_alert": True})
        after = as_ada.get(f"/api/v1/{path}").json()
        assert [one["code"] for one in after["drive_reasons"]] == ["call_open"]
        assert (after["may_drive"], "answer_morning" in after["next_actions"]) == (False, False)

    def test_no_alert_that_may_mean_sedation_is_overridden_by_ones_word(
        self, home: TreatmentSession, at: datetime
    ) -> None:
        answer(home, at=at)
        kept_from_it = set()
        for alert_class in AlertClass:
            with transaction.atomic():
                patient = home.enrollment.patient_id
                safety.raise_alert(patient, alert_class=alert_class, source="test", at=at)
                if not queries.may_drive(home, at=at):
                    kept_from_it.add(alert_class)
                transaction.set_rollback(True)
        assert kept_from_it == {
            "serious_event",
            "adverse_event",
            "missed_check_in",
            "late_dose",
            "refused_dose",
        }
        assert queries.may_drive(home, at=at)

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

    def test_and_again_once_that_is_closed(self, home: TreatmentSession, ben: User, at: datetime) -> None:
        first = answer(home, at=at, is_alert=False)
        close(first.alert, ben, at)
        second = answer(home, at=at + SECOND, is_alert=False)
        assert (second.pk != first.pk, second.alert != first.alert) == (True, True)
        assert Alert.objects.exclude(status="closed").get() == second.alert

    def test_a_second_tap_takes_that_back_for_no_car(self, home: TreatmentSession, as_ada: APIClient) -> None:
        path = f"sessions/{home.pk}"
        post(as_ada, f"{path}/morning-answers", {"slept": True, "is_alert": False})
        said = post(as_ada, f"{path}/morning-answers", {"slept": True, "is_alert": True})
        assert said.json()["what_now"].startswith("Do not drive today")
        assert not as_ada.get(f"/api/v1/{path}").json()["may_drive"]

    def test_a_dose_told_of_since_moves_the_time(
        self, home: TreatmentSession, ben: User, at: datetime
    ) -> None:
        answer(home, at=at)
        assert queries.may_drive(home, at=at)
        dose: Any = {"route": Route.SUBLINGUAL, "dose_mg": steps.ORDER.dose_mg}
        services.keep_unattributed_dose(home, taken_at=at - HOUR, actor=ada_of(home), at=at, **dose)
        assert not queries.may_drive(home, at=at + SECOND)
        with stages.refused(NotTheMorning):
            answer(home, at=at + SECOND)
        answer(home, at=at + 3 * DAY)
        assert not queries.may_drive(home, at=at + 3 * DAY)
        close(Alert.objects.get(), ben, at + 3 * DAY)
        assert queries.may_drive(home, at=at + 3 * DAY)

    def test_the_next_dose_waits_for_who_was_not_awake(self, home: TreatmentSession, at: datetime) -> None:
        assert events.open_tasks(home.enrollment.patient_id, at=at) == 0
        answer(home, at=at, is_alert=False)
        assert events.open_tasks(home.enrollment.patient_id, at=at) == 1

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

    def test_whoever_was_called_about_it_says_so_before_they_drive(
        self, home: TreatmentSession, ben: User
    ) -> None:
        due_at = morning(home) + 6 * HOUR
        services.watch(at=due_at)
        answer(home, at=due_at)
        assert not queries.may_drive(home, at=due_at)
        close(Alert.objects.get(), ben, due_at)
        assert queries.may_drive(home, at=due_at)

    def test_about_a_sealed_session_too(self, home: TreatmentSession) -> None:
        services.watch(at=morning(home))
        stages.review(home, at=morning(home) + HOUR)
        assert services.watch(at=morning(home) + 6 * HOUR).mornings_unanswered == 1

    @pytest.mark.parametrize("slept", [True, False])
    def test_not_about_who_has_answered_but_who_was_to_sleep(
        self, home: TreatmentSession, slept: bool
    ) -> None:
        answer(home, at=morning(home), slept=slept)
        assert services.watch(at=morning(home) + DAY).mornings_unanswered == (not slept)

    def test_nor_by_a_policy_that_calls_nobody(self, home: TreatmentSession) -> None:
        TreatmentSession.objects.filter(pk=home.pk).update(morning_due_at=None)
        assert services.watch(at=morning(home) + DAY).mornings_unanswered == 0
        assert not queries.may_drive(home, at=morning(home) + DAY)
