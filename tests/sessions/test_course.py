from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from accounts.models import Capability, Patient
from assessments.models import Assessment
from programs import services as programs
from programs.enums import Route
from safety import services as safety
from safety.enums import AlertClass
from safety.models import Alert
from sessions import rules, services
from sessions.errors import DoseAlreadyTaken, DoseNotNow, NotOverYet, WrongSessionState
from sessions.models import CheckInDeadline, Dose, SessionTransition, TreatmentSession
from tests import steps
from tests.sessions import stages
from tests.sessions.facts import POLICY
from tests.sessions.test_gate import ada_of, hold, newer_text, revoked_link


def steps_of(session: TreatmentSession) -> list[str]:
    """Return the session's history."""
    return list(SessionTransition.objects.filter(session=session).values_list("event", flat=True))


def test_a_start_writes_deadlines_and_history_at_once(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    assert (session.status, session.started_at, session.version) == ("in_progress", at, 3)
    assert stages.open_due(session) == rules.deadlines(at, POLICY)
    assert steps_of(session) == ["booked", "monitor_accepted", "started"]
    last = SessionTransition.objects.filter(session=session).last()
    assert last is not None
    assert session.gate is not None
    assert (last.actor, last.policy_version) == (monitor, session.gate.policy.version)


def test_starting_twice_is_the_same_start(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    again = services.start_session(session, actor=monitor, at=at + timedelta(minutes=1))
    assert (again.started_at, again.version) == (at, session.version)
    assert steps_of(session).count("started") == 1


def test_somebody_elses_second_start_is_refused(ada: Patient, at: datetime) -> None:
    session, _ = stages.started(ada, at=at)
    with stages.refused(WrongSessionState):
        services.start_session(session, actor=ada_of(stages.fetch(session)), at=at)


def test_a_dose_points_at_the_gate_it_passed(ada: Patient, at: datetime) -> None:
    session, _ = stages.dosed(ada, at=at)
    dose = Dose.objects.get(session=session)
    assert dose.gate_id == session.gate_id
    assert (session.dosed_at, session.dosed_on) == (at, at.astimezone(ZoneInfo(session.timezone)).date())
    assert (dose.route, dose.dose_mg) == (Route.SUBLINGUAL, Decimal("300.0"))


def test_the_same_dose_said_twice_is_one_dose(ada: Patient, at: datetime) -> None:
    session, monitor = stages.dosed(ada, at=at)
    stages.take(session, monitor, at=at + timedelta(minutes=1))
    assert Dose.objects.filter(session=session).count() == 1


@pytest.mark.parametrize("minutes", [1, 29])
def test_there_is_never_a_second_dose(ada: Patient, at: datetime, minutes: int) -> None:
    session, _ = stages.dosed(ada, at=at)
    with stages.refused(DoseAlreadyTaken):
        stages.take(session, ada_of(session), at=at + timedelta(minutes=minutes))


@pytest.mark.parametrize("status", ["scheduled", "ready", "cancelled", "aborted", "missed"])
def test_no_dose_without_a_start(ada: Patient, at: datetime, status: str) -> None:
    session = stages.reached(ada, status, at=at)
    with stages.refused(WrongSessionState):
        stages.take(session, ada_of(stages.fetch(session)), at=at)
    assert not Dose.objects.exists()


def alert(session: TreatmentSession, at: datetime) -> None:
    safety.raise_alert(
        session.enrollment.patient_id, alert_class=AlertClass.MISSED_CHECK_IN, source="test", at=at
    )


def withdrawal(session: TreatmentSession, at: datetime) -> None:
    user = session.enrollment.patient.user
    programs.withdraw(session.enrollment_id, patient_user=user, reason="", at=at)


def another_plan(session: TreatmentSession, at: datetime) -> None:
    by = steps.clinician(session.enrollment.patient)
    programs.sign_plan(session.enrollment_id, order=steps.ORDER, clinician=by, at=at)


def safety_alerts() -> list[str]:
    return list(Alert.objects.values_list("alert_class", flat=True))


def a_high_reading(session: TreatmentSession, at: datetime) -> None:
    entry = stages.reading(at=at, seq=9, pressure=(150, 80))
    services.observe(session, entry=entry, actor=ada_of(session), at=at)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (hold, "on_hold"),
        (alert, "alert_open"),
        (withdrawal, "enrollment_not_active"),
        (another_plan, "order_changed"),
        (a_high_reading, "systolic_too_high"),
        (newer_text, "consent_missing"),
        (revoked_link, "monitor_missing"),
    ],
)
def test_what_has_changed_since_the_start_refuses_the_dose(
    ada: Patient, at: datetime, spoil: object, code: str
) -> None:
    session, monitor = stages.started(ada, at=at)
    spoil(stages.fetch(session), at + timedelta(minutes=1))  # type: ignore[operator]
    with stages.refused(DoseNotNow) as refused:
        stages.take(session, monitor, at=at + timedelta(minutes=2))
    told = code if code in {"systolic_too_high", "monitor_missing"} else "something_else"
    assert [reason.code for reason in refused.value.reasons] == [told]
    with stages.refused(DoseNotNow) as refused:
        stages.take(session, ada_of(stages.fetch(session)), at=at + timedelta(minutes=2))
    assert [reason.code for reason in refused.value.reasons] == [code]
    assert stages.fetch(session).dosed_at is None
    assert not Dose.objects.exists()


@pytest.mark.parametrize("status", ["in_progress", "recovering"])
@pytest.mark.parametrize("pressure", [(240, 100), (150, 140)])
def test_a_crisis_reading_in_a_session_raises_the_alarm(
    ada: Patient, at: datetime, status: str, pressure: tuple[int, int]
) -> None:
    session = stages.reached(ada, status, at=at)
    for seq, taken in ((8, (150, 90)), (9, pressure)):
        assert not safety_alerts()
        entry = stages.reading(at=at, seq=seq, pressure=taken)
        services.observe(session, entry=entry, actor=ada_of(session), at=at)
    assert safety_alerts() == [AlertClass.SERIOUS_EVENT]


@pytest.mark.parametrize(
    ("changed", "minutes", "code"),
    [
        ({"dose_mg": Decimal("450.0")}, 1, "other_amount"),
        ({"dose_mg": Decimal("30.0")}, 1, "other_amount"),
        ({"route": Route.SUBCUTANEOUS}, 1, "other_route"),
        ({}, 31, "dose_window_over"),
    ],
)
def test_a_dose_that_was_not_ordered_is_refused(
    ada: Patient, at: datetime, changed: dict[str, object], minutes: int, code: str
) -> None:
    session, monitor = stages.started(ada, at=at)
    with stages.refused(DoseNotNow) as refused:
        stages.take(session, monitor, at=at + timedelta(minutes=minutes), **changed)
    assert [reason.code for reason in refused.value.reasons] == [code]


def test_an_end_begins_the_recovery(ada: Patient, at: datetime) -> None:
    session, monitor = stages.ended(ada, at=at)
    assert (session.status, session.ended_at) == ("recovering", at)
    zones = (session.timezone, ada.timezone)
    assert session.no_drive_until == max(rules.no_drive_until(at, ZoneInfo(zone), POLICY) for zone in zones)
    assert stages.open_due(session) == []
    waived = CheckInDeadline.objects.filter(session=session, waived_at=at)
    assert [row.due_at for row in waived] == [at + timedelta(minutes=15), at + timedelta(minutes=30)]
    link = Capability.objects.get(pk=monitor.id)
    assert link.expires_at == at + timedelta(hours=2)


@pytest.mark.parametrize("zone", ["Pacific/Pago_Pago", "Pacific/Kiritimati"])
def test_nobody_drives_sooner_by_the_zone_of_a_booking(ada: Patient, at: datetime, zone: str) -> None:
    """A session booked where it is nearly tomorrow, or hardly today."""
    session, monitor = stages.dosed(ada, at=at - timedelta(minutes=120))
    TreatmentSession.objects.filter(pk=session.pk).update(timezone=zone)
    stages.recovered(session, monitor, at=at)
    ended = services.end_session(session, reason="", actor=monitor, at=at)
    assert ended.no_drive_until is not None
    assert ended.no_drive_until >= rules.no_drive_until(at, ZoneInfo(ada.timezone), POLICY)
    assert ended.no_drive_until >= rules.no_drive_until(at, ZoneInfo(zone), POLICY)


@pytest.mark.parametrize("minutes", [0, 60, 119])
def test_a_dosed_session_is_not_ended_early(ada: Patient, at: datetime, minutes: int) -> None:
    session, monitor = stages.dosed(ada, at=at)
    with stages.refused(NotOverYet) as refused:
        services.end_session(session, reason="", actor=monitor, at=at + timedelta(minutes=minutes))
    assert [reason.code for reason in refused.value.reasons] == ["still_watched"]


@pytest.mark.parametrize("spoil", [hold, withdrawal])
def test_neither_a_hold_nor_leaving_ends_a_dosed_session(ada: Patient, at: datetime, spoil: object) -> None:
    session, monitor = stages.dosed(ada, at=at)
    spoil(session, at + timedelta(minutes=10))  # type: ignore[operator]
    assert stages.fetch(session).status == "in_progress"
    assert len(stages.open_due(session)) == 10
    with stages.refused(NotOverYet):
        services.end_session(session, reason="", actor=monitor, at=at + timedelta(minutes=20))
    stages.recovered(session, monitor, at=at + timedelta(minutes=120))
    over = services.end_session(session, reason="", actor=monitor, at=at + timedelta(minutes=120))
    assert over.status == "recovering"


def test_a_session_without_its_dose_is_aborted_and_its_number_is_free(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    over = services.end_session(session, reason="Felt ill.", actor=monitor, at=at)
    assert (over.status, over.no_drive_until) == ("aborted", None)
    assert stages.book(stages.fetch(session).enrollment, at=at).number == 1


def test_ending_twice_is_the_same_end(ada: Patient, at: datetime) -> None:
    session, monitor = stages.ended(ada, at=at)
    again = services.end_session(session, reason="", actor=monitor, at=at + timedelta(hours=1))
    assert again.no_drive_until == session.no_drive_until
    assert steps_of(session).count("ended") == 1


def test_somebody_elses_second_end_is_refused(ada: Patient, at: datetime) -> None:
    session, _ = stages.ended(ada, at=at)
    with stages.refused(WrongSessionState):
        services.end_session(session, reason="", actor=ada_of(stages.fetch(session)), at=at)


@pytest.mark.parametrize(("number", "forms"), [(1, 0), (2, 3)])
def test_the_second_session_asks_how_it_went(ada: Patient, at: datetime, number: int, forms: int) -> None:
    session, monitor = stages.dosed(ada, at=at - timedelta(minutes=120))
    TreatmentSession.objects.filter(pk=session.pk).update(number=number)
    stages.recovered(session, monitor, at=at)
    services.end_session(session, reason="", actor=monitor, at=at)
    assert Assessment.objects.filter(after_session=number).count() == forms
