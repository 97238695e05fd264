"""Who is heard from in time, and what silence does."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from accounts.models import Patient, User
from core.actors import Actor
from notifications.enums import MessageKind
from notifications.models import Delivery
from programs import services as programs
from programs.models import Enrollment
from safety import services as safety
from safety.enums import AlertClass, ReviewOutcome
from safety.models import Alert
from safety.queries import open_holds
from sessions import services
from sessions.errors import WrongSessionState
from sessions.models import CheckIn, CheckInDeadline, MonitorInvitation, TreatmentSession
from sessions.services import CheckInEntry, Watched
from tests import steps
from tests.sessions import stages
from tests.sessions.test_gate import ada_of

NOTHING = Watched(check_ins_missed=0, sessions_completed=0, sessions_called_off=0, sessions_missed=0)


def first_deadline(session: TreatmentSession) -> CheckInDeadline:
    return CheckInDeadline.objects.filter(session=session).earliest("due_at")


def test_the_monitors_check_in_meets_the_next_deadline_alone(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    stages.tap(session, monitor, at=at + timedelta(minutes=14))
    stages.tap(session, monitor, at=at + timedelta(minutes=14, seconds=30))
    assert first_deadline(session).met_at == at + timedelta(minutes=14)
    assert len(stages.open_due(session)) == 9


def test_the_patients_own_tap_is_kept_and_meets_nothing(ada: Patient, at: datetime) -> None:
    session, _ = stages.started(ada, at=at)
    stages.tap(session, ada_of(stages.fetch(session)), at=at + timedelta(minutes=14))
    assert CheckIn.objects.filter(session=session).count() == 1
    assert len(stages.open_due(session)) == 10


def test_silence_raises_an_alert_and_calls_both(ada: Patient, at: datetime) -> None:
    session, _ = stages.started(ada, at=at)
    late = at + timedelta(minutes=15, seconds=1)
    assert services.watch(at=late) == replace(NOTHING, check_ins_missed=1)
    missed = first_deadline(session)
    assert missed.missed_at == late
    alert = Alert.objects.get(alert_class=AlertClass.MISSED_CHECK_IN)
    assert (alert.patient_id, alert.source, missed.alert_id) == (ada.pk, f"check-in:{session.pk}", alert.pk)
    calls = Delivery.objects.filter(kind=MessageKind.CHECK_IN_MISSED)
    assert {call.user_id for call in calls} == {ada.user_id, None}
    assert Delivery.objects.filter(kind=MessageKind.ALERT_PAGE).count() == 1


def test_a_monitors_address_that_no_key_opens_undoes_no_alert(ada: Patient, at: datetime) -> None:
    stages.started(ada, at=at)
    MonitorInvitation.objects.update(address=b"no key opens this")
    assert services.watch(at=at + timedelta(minutes=16)).check_ins_missed == 1
    (call,) = Delivery.objects.filter(kind=MessageKind.CHECK_IN_MISSED)
    assert call.user_id == ada.user_id
    assert Delivery.objects.filter(kind=MessageKind.ALERT_PAGE).count() == 1


def test_looking_again_finds_nothing_new(ada: Patient, at: datetime) -> None:
    stages.started(ada, at=at)
    late = at + timedelta(minutes=16)
    services.watch(at=late)
    before = Delivery.objects.count()
    assert services.watch(at=late + timedelta(seconds=5)) == NOTHING
    assert (Alert.objects.count(), Delivery.objects.count()) == (1, before)


def test_nothing_is_missed_at_the_very_deadline(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    due = at + timedelta(minutes=15)
    assert services.watch(at=due) == NOTHING
    stages.tap(session, monitor, at=due)
    assert first_deadline(session).met_at == due


@pytest.mark.parametrize("look_first", [True, False])
def test_a_late_check_in_leaves_the_missed_one_missed(ada: Patient, at: datetime, look_first: bool) -> None:
    """Whether or not somebody has looked by then, and whenever the phone says it was made."""
    session, monitor = stages.started(ada, at=at)
    late = at + timedelta(minutes=16)
    if look_first:
        services.watch(at=late)
    stages.tap(session, monitor, at=late)
    services.watch(at=late)
    first, second = CheckInDeadline.objects.filter(session=session)[:2]
    assert first.missed_at == late
    assert first.met_at is None
    assert second.met_at == late


@pytest.mark.parametrize(("minutes", "met"), [(15, True), (15.1, False), (60, False), (20_000, False)])
def test_an_old_word_from_a_phones_queue_is_kept_and_meets_nothing(
    ada: Patient, at: datetime, minutes: float, met: bool
) -> None:
    session, monitor = stages.dosed(ada, at=at)
    now = at + timedelta(minutes=20)
    said_at = now - timedelta(minutes=minutes)
    entry = CheckInEntry(all_well=True, client_id=uuid4(), client_seq=0, observed_at=said_at)
    services.check_in(stages.fetch(session), entry=entry, actor=monitor, at=now)
    assert CheckIn.objects.filter(session=session).count() == 1
    assert CheckInDeadline.objects.filter(session=session, met_at=now).exists() is met


def test_an_end_leaves_a_missed_deadline_to_be_found(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    late = at + timedelta(minutes=16)
    services.end_session(session, reason="", actor=monitor, at=late)
    assert services.watch(at=late).check_ins_missed == 1


def test_a_silent_session_has_one_alert_and_is_called_for_at_every_deadline(
    ada: Patient, at: datetime
) -> None:
    session, _ = stages.dosed(ada, at=at)
    for step in range(1, 14):
        services.watch(at=at + timedelta(minutes=15 * step, seconds=1))
    alert = Alert.objects.get(alert_class=AlertClass.MISSED_CHECK_IN)
    missed = CheckInDeadline.objects.filter(session=session, missed_at__isnull=False)
    assert {row.alert_id for row in missed} == {alert.pk}
    assert missed.count() == 10
    assert Delivery.objects.filter(kind=MessageKind.CHECK_IN_MISSED, user=ada.user).count() == 10


def test_silence_that_goes_on_calls_again_whoever_has_the_alert_in_hand(
    ada: Patient, ben: User, at: datetime
) -> None:
    """And once the alert was closed, it opens another."""
    stages.dosed(ada, at=at)
    first, second, third = (at + timedelta(minutes=15 * step, seconds=1) for step in (1, 2, 3))
    services.watch(at=first)
    alert = safety.acknowledge(Alert.objects.get(), by=ben, at=first)
    services.watch(at=second)
    alert.refresh_from_db()
    assert (alert.status, alert.pages_sent) == ("open", 2)
    safety.close(safety.acknowledge(alert, by=ben, at=second), by=ben, reason="Called.", at=second)
    services.watch(at=third)
    assert [one.status for one in Alert.objects.order_by("id")] == ["closed", "open"]


def test_leaving_the_program_does_not_end_the_watch(ada: Patient, at: datetime) -> None:
    session, _ = stages.dosed(ada, at=at)
    programs.withdraw(session.enrollment_id, patient_user=ada.user, reason="", at=at)
    assert services.watch(at=at + timedelta(minutes=16)).check_ins_missed == 1


def test_help_wanted_raises_an_alert_at_once_and_counts_as_heard(ada: Patient, at: datetime) -> None:
    session, monitor = stages.dosed(ada, at=at)
    stages.tap(session, monitor, at=at + timedelta(minutes=5), all_well=False)
    alert = Alert.objects.get()
    assert (alert.alert_class, alert.pages_sent) == (AlertClass.SERIOUS_EVENT, 1)
    assert first_deadline(session).met_at is not None


@pytest.mark.parametrize("days", [-20_000, -2, 2, 20_000])
def test_a_phone_with_a_wrong_clock_is_heard_all_the_same(ada: Patient, at: datetime, days: int) -> None:
    session, monitor = stages.dosed(ada, at=at)
    entry = CheckInEntry(
        all_well=False, client_id=uuid4(), client_seq=0, observed_at=at + timedelta(days=days)
    )
    services.check_in(stages.fetch(session), entry=entry, actor=monitor, at=at + timedelta(minutes=5))
    assert Alert.objects.count() == 1
    assert first_deadline(session).met_at == at + timedelta(minutes=5)


def test_help_wanted_holds_what_comes_and_ends_nothing_that_runs(ada: Patient, at: datetime) -> None:
    session, monitor = stages.dosed(ada, at=at)
    stages.tap(session, monitor, at=at + timedelta(minutes=1), all_well=False)
    (hold,) = open_holds(ada.pk)
    assert (hold.reason, hold.placed_at) == ("safety_trigger", at + timedelta(minutes=1))
    assert stages.fetch(session).status == "in_progress"
    assert stages.open_due(session)
    stages.tap(session, monitor, at=at + timedelta(minutes=2))


def test_the_patient_may_ask_for_help_too(ada: Patient, at: datetime) -> None:
    session, _ = stages.dosed(ada, at=at)
    stages.tap(session, ada_of(session), at=at + timedelta(minutes=5), all_well=False)
    assert Alert.objects.count() == 1
    assert first_deadline(session).met_at is None


@pytest.mark.parametrize("status", ["scheduled", "ready", "cancelled", "missed", "aborted", "completed"])
def test_there_is_nothing_to_check_in_to_outside_a_session(ada: Patient, at: datetime, status: str) -> None:
    session = stages.reached(ada, status, at=at)
    with stages.refused(WrongSessionState):
        stages.tap(session, Actor.capability(session.pk), at=at)


def test_recovery_ends_with_the_no_driving_time(ada: Patient, at: datetime) -> None:
    session, _ = stages.ended(ada, at=at)
    until = session.no_drive_until
    assert until is not None
    assert services.watch(at=until - timedelta(seconds=1)) == NOTHING
    assert services.watch(at=until).sessions_completed == 1
    assert stages.fetch(session).status == "completed"
    assert Enrollment.objects.get(pk=session.enrollment_id).status == "active"


def test_the_last_session_of_the_plan_completes_the_program(ada: Patient, at: datetime) -> None:
    session, _ = stages.ended(ada, at=at)
    TreatmentSession.objects.filter(pk=session.pk).update(number=6)
    services.watch(at=at + timedelta(days=2))
    assert Enrollment.objects.get(pk=session.enrollment_id).status == "completed"


def test_the_last_session_of_a_program_that_was_left_completes_without_it(ada: Patient, at: datetime) -> None:
    session, _ = stages.ended(ada, at=at)
    TreatmentSession.objects.filter(pk=session.pk).update(number=6)
    programs.withdraw(session.enrollment_id, patient_user=ada.user, reason="", at=at)
    assert services.watch(at=at + timedelta(days=2)).sessions_completed == 1
    assert Enrollment.objects.get(pk=session.enrollment_id).status == "withdrawn"


def test_a_session_that_nobody_started_is_missed_a_day_later(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    link, _ = stages.invited(session, at=at)
    assert services.watch(at=at + timedelta(hours=24)) == NOTHING
    assert services.watch(at=at + timedelta(hours=24, minutes=2)).sessions_missed == 1
    link.refresh_from_db()
    assert link.revoked_at is not None
    assert stages.book(session.enrollment, at=at + timedelta(days=2)).number == 1


def test_a_booking_in_a_program_that_was_ended_is_called_off(ada: Patient, at: datetime) -> None:
    """By a clinician who declined new answers, say: the link opens nothing, its mail is called back."""
    session = stages.booked(ada, at=at)
    link, _ = stages.invited(session, at=at)
    answers = safety.screen(session.enrollment_id, answers=steps.HEALTHY, actor=ada_of(session), at=at)
    safety.review(
        answers.pk, outcome=ReviewOutcome.DECLINED, reason="No.", reviewer=steps.clinician(ada), at=at
    )
    assert services.watch(at=at) == replace(NOTHING, sessions_called_off=1)
    assert services.watch(at=at) == NOTHING
    link.refresh_from_db()
    assert (stages.fetch(session).status, link.revoked_at) == ("cancelled", at)
    (mail,) = Delivery.objects.filter(kind=MessageKind.MONITOR_INVITATION)
    assert mail.status == "cancelled"


def test_what_runs_in_a_program_that_was_ended_is_not_called_off(ada: Patient, at: datetime) -> None:
    session, _ = stages.dosed(ada, at=at)
    programs.withdraw(session.enrollment_id, patient_user=ada.user, reason="", at=at)
    assert services.watch(at=at) == NOTHING
