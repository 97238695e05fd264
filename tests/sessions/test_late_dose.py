"""A dose that was taken in its window and written down after it: late and marked, but never unseen."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from accounts.models import Patient, User
from core import clock
from core.actors import Actor
from notifications.models import Delivery
from programs.enums import Route
from programs.queries import current_plan
from safety import services as safety
from safety.enums import AlertClass, HoldReason
from safety.models import Alert
from sessions import queries, rules, services
from sessions.errors import DoseAlreadyTaken, DoseNotNow, NotALateDose, NotOverYet, WrongSessionState
from sessions.models import Dose, SessionTransition, TreatmentSession, UnattributedDose
from tests import steps
from tests.api import post
from tests.sessions import stages
from tests.sessions.facts import POLICY
from tests.sessions.test_constraints import TABLE, refused_by, run
from tests.sessions.test_gate import hold

MINUTE = timedelta(minutes=1)


def report(
    session: TreatmentSession, actor: Actor, *, taken_at: datetime, at: datetime, **changed: Any
) -> Dose:
    said: dict[str, Any] = {"route": Route.SUBLINGUAL, "dose_mg": steps.ORDER.dose_mg} | changed
    return services.record_late_dose(session, taken_at=taken_at, actor=actor, at=at, **said)


def nothing_written(session: TreatmentSession) -> bool:
    return not Dose.objects.exists() and stages.fetch(session).dosed_at is None and not Alert.objects.exists()


# --- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taken", "code"),
    [(-1, "before_the_start"), (31, "dose_window_over"), (45, "in_the_future")],
)
def test_a_time_outside_the_window_is_refused(ada: Patient, at: datetime, taken: int, code: str) -> None:
    session, monitor = stages.started(ada, at=at)
    with stages.refused(NotALateDose) as refused:
        report(session, monitor, taken_at=at + taken * MINUTE, at=at + 40 * MINUTE)
    assert [reason.code for reason in refused.value.reasons] == [code]
    assert nothing_written(session)


def test_within_the_window_the_ordinary_way_is_the_way(ada: Patient, at: datetime) -> None:
    """What is asked at the moment of a dose is not got round by calling it late."""
    session, monitor = stages.started(ada, at=at)
    hold(stages.fetch(session), at)
    with stages.refused(NotALateDose):
        report(session, monitor, taken_at=at + MINUTE, at=at + 2 * MINUTE)
    with stages.refused(DoseNotNow):
        stages.take(session, monitor, at=at + 2 * MINUTE)
    assert nothing_written(session)


@pytest.mark.parametrize("status", ["scheduled", "ready", "cancelled", "missed", "aborted"])
def test_without_a_session_that_runs_there_is_none(ada: Patient, at: datetime, status: str) -> None:
    session = stages.reached(ada, status, at=at)
    with stages.refused(WrongSessionState) as refused:
        report(session, Actor.person(ada.user_id), taken_at=at + MINUTE, at=at + 40 * MINUTE)
    assert "call us" in str(refused.value.detail)
    assert nothing_written(session)


@pytest.mark.parametrize("status", ["recovering", "completed"])
def test_there_is_never_a_second_dose_after_the_end(ada: Patient, at: datetime, status: str) -> None:
    session = stages.reached(ada, status, at=at)
    with stages.refused(DoseAlreadyTaken):
        report(session, Actor.person(ada.user_id), taken_at=at, at=at)
    assert Dose.objects.count() == 1


def test_there_is_never_a_second_dose(ada: Patient, at: datetime) -> None:
    session, monitor = stages.dosed(ada, at=at)
    with stages.refused(DoseAlreadyTaken):
        report(session, monitor, taken_at=at + 20 * MINUTE, at=at + 40 * MINUTE)
    assert not Alert.objects.exists()


def test_nor_a_second_late_one(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    report(session, monitor, taken_at=at + 10 * MINUTE, at=at + 40 * MINUTE)
    with stages.refused(DoseAlreadyTaken):
        report(session, monitor, taken_at=at + 11 * MINUTE, at=at + 41 * MINUTE)
    with stages.refused(DoseAlreadyTaken):
        report(session, Actor.person(ada.user_id), taken_at=at + 10 * MINUTE, at=at + 41 * MINUTE)


def test_the_database_keeps_a_late_dose_to_its_alert_and_every_dose_to_its_own_gate(
    ada: Patient, cyd: Patient, at: datetime
) -> None:
    session, _ = stages.started(ada, at=at)
    other, _ = stages.started(cyd, at=at)
    columns = "id, session_id, gate_id, route, dose_mg, taken_at, recorded_at, actor_kind, actor_id"
    values = "%s, %s, %s, 'sublingual', 1, %s, %s, 'person', 'x'"
    insert = f"INSERT INTO {TABLE}dose ({columns}) VALUES ({values})"  # noqa: S608
    before, after = at, at + MINUTE
    with refused_by("dose_reported_late_means_alert"):
        run(insert, uuid4(), session.pk, session.gate_id, before, after)
    with refused_by("dose_taken_before_it_is_recorded"):
        run(insert, uuid4(), session.pk, session.gate_id, after, before)
    with refused_by("dose_passed_its_own_gate"):
        run(insert, uuid4(), session.pk, other.gate_id, at, at)


# --- what follows ----------------------------------------------------------------------------------------


def test_it_is_a_dose_from_its_own_time_marked_late_with_a_clinician_paged(
    ada: Patient, ben: User, at: datetime
) -> None:
    session, monitor = stages.started(ada, at=at)
    taken_at, now = at + 10 * MINUTE, at + 40 * MINUTE
    dose = report(session, monitor, taken_at=taken_at, at=now)
    after = stages.fetch(session)
    assert (after.status, after.dosed_at) == ("in_progress", taken_at)
    assert (dose.taken_at, dose.recorded_at, dose.is_late, dose.actor) == (taken_at, now, True, monitor)
    alert = Alert.objects.get()
    assert (dose.alert, alert.alert_class, alert.status, alert.patient_id) == (
        alert,
        "late_dose",
        "open",
        ada.pk,
    )
    assert Delivery.objects.filter(kind="triage_page", user=ben).exists()
    step = SessionTransition.objects.filter(session=session).last()
    assert step is not None
    assert (step.event, step.at, step.actor) == ("dosed", now, monitor)


def test_an_alert_that_cannot_be_raised_takes_the_dose_back(
    ada: Patient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, monitor = stages.started(ada, at=at)
    monkeypatch.setattr("safety.services._page", lambda alert, at: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        report(session, monitor, taken_at=at + MINUTE, at=at + 40 * MINUTE)
    assert nothing_written(session)


def test_asking_twice_is_one_dose_and_one_alert(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    for minutes in (40, 41):
        report(session, monitor, taken_at=at + MINUTE, at=at + minutes * MINUTE)
    assert (Dose.objects.count(), Alert.objects.count()) == (1, 1)


def test_it_is_written_down_whatever_would_have_kept_it_from_being_taken(ada: Patient, at: datetime) -> None:
    session, _ = stages.started(ada, at=at)
    hold(stages.fetch(session), at + 35 * MINUTE)
    services.leave(session.enrollment_id, reason="", patient_user=ada.user, at=at + 36 * MINUTE)
    dose = report(session, Actor.person(ada.user_id), taken_at=at, at=at + 40 * MINUTE, dose_mg="150.0")
    assert dose.is_late


def test_deadlines_stand_and_it_ends_at_the_most_cautious_moment(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    due = stages.open_due(session)
    report(session, monitor, taken_at=at, at=at + 31 * MINUTE)
    assert stages.open_due(session) == due
    over = at + POLICY.dose_window + POLICY.watched_after_dose
    with stages.refused(NotOverYet):
        services.end_session(session, reason="", actor=monitor, at=over - timedelta(seconds=1))
    stages.recovered(session, monitor, at=over)
    ended = services.end_session(session, reason="", actor=monitor, at=over)
    assert ended.status == "recovering"
    assert ended.no_drive_until is not None
    assert ended.no_drive_until > over
    assert over == rules.deadlines(at, POLICY)[-1]


def test_a_late_dose_counts_for_the_days_until_the_next(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    report(session, monitor, taken_at=at + MINUTE, at=at + 31 * MINUTE)
    facts = queries.booking_facts(
        session.enrollment, scheduled_at=at + timedelta(days=1), at=at + 32 * MINUTE
    )
    assert facts.last_dosed_at == at + MINUTE


# --- what should not have been taken ---------------------------------------------------------------------


def held(session: TreatmentSession, at: datetime) -> None:
    """A hold stood when the dose was taken, and is lifted by the time somebody says so."""
    patient = session.enrollment.patient
    themselves = Actor.person(patient.user_id)
    placed = safety.place_hold(patient.pk, reason=HoldReason.CLINICAL, note="", actor=themselves, at=at)
    safety.lift_hold(placed, by=steps.clinician(patient), reason="All is well.", at=at + 20 * MINUTE)


def in_crisis(session: TreatmentSession, at: datetime) -> None:
    entry = stages.reading(at=at, seq=50, pressure=(185, 100))
    services.observe(session, entry=entry, actor=Actor.person(session.enrollment.patient.user_id), at=at)


@pytest.mark.parametrize(
    ("changed", "before"),
    [
        ({"route": Route.SUBCUTANEOUS}, None),
        ({"dose_mg": steps.ORDER.dose_mg + 50}, None),
        ({"dose_mg": steps.ORDER.dose_mg - 50}, None),
        ({}, held),
        ({}, hold),
        ({}, in_crisis),
    ],
)
def test_one_that_should_not_have_been_calls_at_once(
    ada: Patient, ben: User, at: datetime, changed: dict[str, Any], before: Any
) -> None:
    session, monitor = stages.started(ada, at=at)
    if before is not None:
        before(stages.fetch(session), at)
    dose = report(session, monitor, taken_at=at + 10 * MINUTE, at=at + 40 * MINUTE, **changed)
    assert dose.alert is not None
    assert dose.alert.alert_class == "serious_event"
    assert Delivery.objects.filter(kind="alert_page", user=ben).exists()


def test_it_does_not_hide_behind_one_that_can_wait(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    report(session, monitor, taken_at=at + 10 * MINUTE, at=at + 40 * MINUTE)
    said: dict[str, Any] = {"route": Route.SUBLINGUAL, "dose_mg": steps.ORDER.dose_mg * 2}
    taken_at, now = at + 20 * MINUTE, at + 41 * MINUTE
    assert services.keep_unattributed_dose(session, taken_at=taken_at, actor=monitor, at=now, **said)
    assert {alert.alert_class for alert in Alert.objects.all()} == {"late_dose", "serious_event"}


# --- over HTTP -------------------------------------------------------------------------------------------


def body(at: datetime, **changed: Any) -> dict[str, Any]:
    return {"route": "sublingual", "dose_mg": "300.0", "taken_at": at.isoformat()} | changed


def test_patient_and_clinician_report_it_and_nobody_else(
    ada: Patient, at: datetime, as_ada: APIClient, as_ben: APIClient, as_cyd: APIClient
) -> None:
    session, _ = stages.started(ada, at=at - 40 * MINUTE)
    path = f"sessions/{session.pk}/late-doses"
    said = body(at - 30 * MINUTE)
    assert [post(client, path, said).status_code for client in (as_cyd, APIClient())] == [404, 401]
    answer = post(as_ben, path, said)
    assert answer.status_code == 201, answer.content
    assert answer.json()["is_late"] is True
    assert post(as_ada, path, said).json()["code"] == "dose_already_taken"


@pytest.mark.parametrize(
    "changed",
    [
        {"taken_at": None},
        {"taken_at": "2026-03-02T17:10:00"},
        {"dose_mg": "0"},
        {"route": "x"},
        {"is_late": False},
    ],
)
def test_a_body_of_another_shape_is_refused_and_heard(
    ada: Patient, at: datetime, as_ada: APIClient, changed: dict[str, Any]
) -> None:
    session, _ = stages.started(ada, at=at - 40 * MINUTE)
    said = body(at - 30 * MINUTE, **changed)
    answer = post(as_ada, f"sessions/{session.pk}/late-doses", said)
    assert (answer.status_code, answer.json()["reasons"][-1]["code"]) == (400, "clinician_called")
    assert not Dose.objects.exists()
    assert Alert.objects.get().source == f"refused-dose:{session.pk}"
    assert queries.dosed_by(stages.fetch(session)) is not None


# --- kept by a phone for a while -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes_ago", "kept", "is_late"), [(5, 5, True), (1, 0, False), (-1, 0, False), (15, 10, True)]
)
def test_a_dose_sent_later_within_its_window_keeps_its_time_and_is_marked_late(
    ada: Patient, at: datetime, as_ada: APIClient, minutes_ago: int, kept: int, is_late: bool
) -> None:
    session, _ = stages.started(ada, at=at - 10 * MINUTE)
    answer = post(as_ada, f"sessions/{session.pk}/doses", body(at - minutes_ago * MINUTE))
    assert (answer.status_code, answer.json().get("is_late")) == (201, is_late), answer.content
    dose = Dose.objects.get()
    assert abs(dose.taken_at - (at - kept * MINUTE)) < MINUTE
    assert stages.fetch(session).dosed_at == dose.taken_at
    assert [alert.alert_class for alert in Alert.objects.all()] == (["late_dose"] if is_late else [])


def test_what_speaks_against_a_dose_now_speaks_against_one_sent_later(
    ada: Patient, at: datetime, as_ada: APIClient
) -> None:
    session, _ = stages.started(ada, at=at - 10 * MINUTE)
    hold(stages.fetch(session), at)
    assert post(as_ada, f"sessions/{session.pk}/doses", body(at - 5 * MINUTE)).status_code == 422
    assert not Dose.objects.exists()


# --- refused, and kept -----------------------------------------------------------------------------------


def tell(client: APIClient, session: TreatmentSession, taken_at: datetime, **changed: Any) -> Any:
    return post(client, f"sessions/{session.pk}/late-doses", body(taken_at, **changed))


def is_kept(answer: Any, *, status: int) -> bool:
    """Tell whether a refusal says that a clinician was told, and whether one was."""
    assert answer.status_code == status, answer.content
    said = "clinician_told" in {reason["code"] for reason in answer.json().get("reasons", [])}
    assert said is UnattributedDose.objects.exists() is Alert.objects.exists()
    return said


@pytest.mark.parametrize("minutes_ago", [41, 5])
def test_a_dose_before_the_start_or_after_the_window_is_kept(
    ada: Patient, at: datetime, as_ada: APIClient, minutes_ago: int
) -> None:
    session, _ = stages.started(ada, at=at - 40 * MINUTE)
    taken_at = at - minutes_ago * MINUTE
    for _ in range(2):
        assert is_kept(tell(as_ada, session, taken_at), status=422)
    kept = UnattributedDose.objects.get()
    assert (kept.taken_at, kept.session_id, kept.alert.alert_class) == (taken_at, session.pk, "late_dose")
    assert stages.fetch(session).dosed_at is None


@pytest.mark.parametrize("status", ["scheduled", "ready", "cancelled", "missed", "aborted"])
def test_a_dose_without_a_session_that_runs_is_kept_and_the_next_one_waits(
    ada: Patient, at: datetime, as_ada: APIClient, status: str
) -> None:
    session = stages.reached(ada, status, at=at)
    taken_at = at - 5 * MINUTE
    assert is_kept(tell(as_ada, session, taken_at), status=409)
    facts = queries.booking_facts(session.enrollment, scheduled_at=at + timedelta(hours=3), at=at)
    assert [fault.code for fault in rules.booking_faults(facts)] == ["too_soon"]
    plan = current_plan(session.enrollment_id)
    start = queries.start_facts(stages.fetch(session), plan=plan, policy=POLICY, at=at)
    assert "too_soon" in {fault.code for fault in rules.decide_start(start, POLICY).reasons}


def test_a_dose_before_the_start_keeps_the_sessions_own_from_being_taken(
    ada: Patient, at: datetime, as_ada: APIClient
) -> None:
    session, _ = stages.started(ada, at=at - 10 * MINUTE)
    assert is_kept(tell(as_ada, session, at - 60 * MINUTE), status=422)
    with stages.refused(DoseNotNow) as refused:
        stages.take(session, Actor.person(ada.user_id), at=at + MINUTE)
    assert [reason.code for reason in refused.value.reasons] == ["too_soon"]


def test_somebody_who_says_they_took_it_is_watched(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    session, monitor = stages.started(ada, at=at - 40 * MINUTE)
    taken_at = at - 5 * MINUTE
    assert is_kept(tell(as_ada, session, taken_at), status=422)
    over = taken_at + POLICY.watched_after_dose
    with stages.refused(NotOverYet):
        services.end_session(session, reason="", actor=monitor, at=over - timedelta(seconds=1))
    stages.recovered(session, monitor, at=over)
    assert services.end_session(session, reason="", actor=monitor, at=over).status == "aborted"


def test_a_second_dose_is_kept_and_the_same_one_is_not(
    ada: Patient, at: datetime, as_ada: APIClient, as_ben: APIClient
) -> None:
    session, _ = stages.started(ada, at=at - 40 * MINUTE)
    taken_at = at - 30 * MINUTE
    assert tell(as_ada, session, taken_at).status_code == 201
    assert "reasons" not in tell(as_ben, session, taken_at).json()
    assert not UnattributedDose.objects.exists()
    assert is_kept(tell(as_ben, session, taken_at + 10 * MINUTE), status=409)


@pytest.mark.parametrize("minutes", [-5, 60])
def test_what_can_be_recorded_or_is_to_come_is_not_kept(
    ada: Patient, at: datetime, as_ada: APIClient, minutes: int
) -> None:
    session, _ = stages.started(ada, at=at - 10 * MINUTE)
    assert not is_kept(tell(as_ada, session, at + minutes * MINUTE), status=422)


@pytest.mark.parametrize("ahead_s", [1, 60, 120])
def test_a_clock_that_goes_a_little_ahead_hides_no_dose(
    ada: Patient, at: datetime, as_ada: APIClient, ahead_s: int
) -> None:
    session, _ = stages.started(ada, at=at - 40 * MINUTE)
    assert is_kept(tell(as_ada, session, clock.now() + timedelta(seconds=ahead_s)), status=422)
    assert UnattributedDose.objects.get().taken_at <= clock.now()


def test_nor_does_one_that_goes_far_ahead(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    session, _ = stages.started(ada, at=at - 40 * MINUTE)
    assert is_kept(tell(as_ada, session, at + timedelta(days=400)), status=422)
    assert Alert.objects.get().status == "open"


def test_a_stranger_tells_of_nothing(ada: Patient, at: datetime, as_cyd: APIClient) -> None:
    session, _ = stages.started(ada, at=at - 40 * MINUTE)
    assert not is_kept(tell(as_cyd, session, at - 5 * MINUTE), status=404)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("'sublingual', 0, now(), now()", "unattributed_dose_is_positive"),
        ("'nasal', 1, now(), now()", "unattributed_dose_route_is_known"),
        ("'sublingual', 1, now(), now() - interval '1 second'", "unattributed_dose_taken_before_recorded"),
    ],
)
def test_the_database_keeps_it_possible(
    ada: Patient, at: datetime, session: TreatmentSession, values: str, constraint: str
) -> None:
    columns = "id, session_id, alert_id, route, dose_mg, taken_at, recorded_at, actor_kind, actor_id"
    alert = safety.raise_alert(ada.pk, alert_class=AlertClass.LATE_DOSE, source="test", at=at)
    with refused_by(constraint):
        run(
            f"INSERT INTO {TABLE}unattributeddose ({columns}) VALUES (%s, %s, %s, {values}, 'person', 'x')",  # noqa: S608
            uuid4(),
            session.pk,
            alert.pk,
        )
