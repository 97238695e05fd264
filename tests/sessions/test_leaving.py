"""Pausing, leaving, taking an agreement back: at once, at every stage, never the end of a dosed session."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from accounts.models import Capability, Patient, User
from core.actors import Actor
from desk.queries import standing
from desk.rules import next_step
from notifications.models import Delivery, Suppression
from programs import queries as programs
from programs import services as program_services
from programs.enums import OPTIONAL_CONSENTS, ConsentKind, EnrollmentStatus
from programs.errors import WrongEnrollmentState
from programs.models import Consent, ConsentWithdrawal, Enrollment, Pause
from safety.models import Alert
from sessions import queries, services
from sessions.errors import DoseNotNow, NotOverYet, SessionNotStartable
from sessions.models import CheckInDeadline, TreatmentSession
from tests import steps
from tests.api import post
from tests.sessions import stages

Stop = Callable[[TreatmentSession, datetime], Any]


def leave(session: TreatmentSession, at: datetime) -> Any:
    return services.leave(session.enrollment_id, reason="", patient_user=user_of(session), at=at)


def pause(session: TreatmentSession, at: datetime) -> Any:
    return services.pause(session.enrollment_id, patient_user=user_of(session), at=at)


def take_back(session: TreatmentSession, at: datetime) -> Any:
    return services.take_back(
        session.enrollment_id, kind=ConsentKind.TREATMENT, patient_user=user_of(session), at=at
    )


def user_of(session: TreatmentSession) -> User:
    return session.enrollment.patient.user


STOPS: list[tuple[Stop, str]] = [
    (leave, "enrollment_not_active"),
    (pause, "paused"),
    (take_back, "consent_missing"),
]
ways = pytest.mark.parametrize("stop", [stop for stop, _ in STOPS])
ways_and_codes = pytest.mark.parametrize(("stop", "code"), STOPS)


def codes(said: Any) -> set[str]:
    return {reason.code for reason in said}


# --- what is booked --------------------------------------------------------------------------------------


@ways
@pytest.mark.parametrize("status", ["scheduled", "ready"])
def test_what_is_booked_is_called_off_and_its_link_opens_nothing(
    ada: Patient, at: datetime, stop: Stop, status: str
) -> None:
    session = stages.reached(ada, status, at=at)
    _, said = stop(session, at)
    assert stages.fetch(session).status == "cancelled"
    assert {"sessions", "booking"} <= codes(said.stops)
    assert not Capability.objects.filter(target_id=session.pk, revoked_at=None).exists()
    reminders = Delivery.objects.filter(dedupe_key__startswith=f"session-tomorrow:{session.pk}")
    assert not reminders.exclude(status="cancelled").exists()


@ways_and_codes
def test_nothing_can_be_started_whatever_is_still_booked(
    ada: Patient, at: datetime, stop: Stop, code: str
) -> None:
    """A booking that slipped by meets the gate."""
    session = stages.booked(ada, at=at - timedelta(minutes=10))
    link = stages.prepared(session, at=at)
    program_alone(stop, session, at)
    with stages.refused(SessionNotStartable) as refused:
        services.start_session(stages.fetch(session), actor=Actor.person(ada.user_id), at=at)
    assert codes(refused.value.reasons) == {code}
    with stages.refused(SessionNotStartable) as told:
        services.start_session(stages.fetch(session), actor=Actor.capability(link.pk), at=at)
    assert codes(told.value.reasons) == {"something_else"}


def program_alone(stop: Stop, session: TreatmentSession, at: datetime) -> None:
    """Do what the lower room does, without calling off what is booked."""
    user, own = user_of(session), session.enrollment_id
    if stop is leave:
        program_services.withdraw(own, patient_user=user, reason="", at=at)
    elif stop is pause:
        program_services.pause(own, patient_user=user, at=at)
    else:
        program_services.withdraw_consent(own, kind=ConsentKind.TREATMENT, patient_user=user, at=at)


def test_twin_without_the_gates_question_a_paused_patient_is_started(
    ada: Patient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = stages.booked(ada, at=at - timedelta(minutes=10))
    stages.prepared(session, at=at)
    program_alone(pause, session, at)
    monkeypatch.setattr("sessions.queries.facts.programs.is_paused", lambda enrollment_id: False)
    started = services.start_session(stages.fetch(session), actor=Actor.person(ada.user_id), at=at)
    assert started.status == "in_progress"


@pytest.mark.parametrize("stop", [leave, pause])
def test_nothing_can_be_booked_then(ada: Patient, at: datetime, stop: Stop) -> None:
    session = stages.booked(ada, at=at)
    stop(session, at)
    with stages.refused(WrongEnrollmentState):
        stages.book(Enrollment.objects.get(pk=session.enrollment_id), at=at)


# --- a session that runs ---------------------------------------------------------------------------------


@ways_and_codes
def test_before_the_dose_there_is_none_any_more_and_the_monitor_ends_it(
    ada: Patient, at: datetime, stop: Stop, code: str
) -> None:
    session, monitor = stages.started(ada, at=at)
    due = stages.open_due(session)
    _, said = stop(stages.fetch(session), at)
    assert "dose" in codes(said.stops)
    assert stages.fetch(session).status == "in_progress"
    assert stages.open_due(session) == due
    with stages.refused(DoseNotNow) as refused:
        stages.take(session, Actor.person(ada.user_id), at=at)
    assert codes(refused.value.reasons) == {code}
    assert services.end_session(session, reason="", actor=monitor, at=at).status == "aborted"


@ways
def test_after_the_dose_it_is_watched_to_its_end(ada: Patient, at: datetime, stop: Stop) -> None:
    session, monitor = stages.dosed(ada, at=at)
    due = stages.open_due(session)
    _, said = stop(stages.fetch(session), at + timedelta(minutes=1))
    after = stages.fetch(session)
    assert (after.status, after.dosed_at) == ("in_progress", at)
    assert stages.open_due(session) == due != []
    assert {"watch", "driving", "help"} <= codes(said.goes_on)
    assert not {"dose", "booking"} & codes(said.stops)
    assert Capability.objects.get(target_id=session.pk).is_live(at + timedelta(hours=2))
    with stages.refused(NotOverYet):
        services.end_session(after, reason="", actor=monitor, at=at + timedelta(minutes=30))


@ways
def test_silence_after_it_raises_the_alarm_and_calls_everybody(
    ada: Patient, at: datetime, stop: Stop
) -> None:
    session, _ = stages.dosed(ada, at=at)
    stop(stages.fetch(session), at)
    later = max(stages.open_due(session)) + timedelta(minutes=1)
    missed = services.watch(at=later).check_ins_missed
    assert missed == CheckInDeadline.objects.filter(session=session).count()
    assert Alert.objects.filter(patient=ada, alert_class="missed_check_in").count() == 1
    calls = Delivery.objects.filter(kind="check_in_missed")
    assert calls.filter(user=ada.user).count() == missed
    assert calls.count() == 2 * missed
    assert not Suppression.objects.filter(user=ada.user, kind="check_in_missed").exists()


@ways
def test_the_recovery_and_its_no_driving_time_run_on(ada: Patient, at: datetime, stop: Stop) -> None:
    session, monitor = stages.dosed(ada, at=at - timedelta(minutes=120))
    stop(stages.fetch(session), at - timedelta(minutes=100))
    for due_at in [due for due in stages.open_due(session) if due <= at]:
        stages.tap(session, monitor, at=due_at)
    stages.recovered(session, monitor, at=at)
    ended = services.end_session(stages.fetch(session), reason="", actor=monitor, at=at)
    assert ended.status == "recovering"
    assert ended.no_drive_until is not None
    assert services.watch(at=ended.no_drive_until).sessions_completed == 1


@ways
def test_in_recovery_it_changes_nothing(ada: Patient, at: datetime, stop: Stop) -> None:
    session = stages.reached(ada, "recovering", at=at)
    _, said = stop(session, at)
    after = stages.fetch(session)
    assert (after.status, after.no_drive_until) == ("recovering", session.no_drive_until)
    assert "driving" in codes(said.goes_on)


@ways
@pytest.mark.parametrize("status", ["completed", "aborted", "missed", "cancelled"])
def test_what_is_over_stays_as_it_is(ada: Patient, at: datetime, stop: Stop, status: str) -> None:
    session = stages.reached(ada, status, at=at)
    _, said = stop(session, at)
    assert stages.fetch(session).version == session.version
    assert not {"watch", "driving"} & codes(said.goes_on)


@ways
def test_harm_is_heard_all_the_same(ada: Patient, at: datetime, stop: Stop, client_of: Any) -> None:
    session, _ = stages.dosed(ada, at=at)
    stop(stages.fetch(session), at)
    answer = post(client_of(ada.user), "adverse-events", {"description": "I feel sick."})
    assert answer.status_code == 201
    assert Alert.objects.filter(patient=ada, alert_class="serious_event").exists()


@pytest.mark.parametrize("stop", [leave, pause])
def test_reminders_are_stopped(ada: Patient, at: datetime, stop: Stop) -> None:
    session = stages.booked(ada, at=at)
    stop(session, at)
    stopped = Suppression.objects.filter(user=ada.user, lifted_at=None)
    assert set(stopped.values_list("kind", flat=True)) == {"assessment_due", "session_tomorrow"}


# --- going on --------------------------------------------------------------------------------------------


def test_after_a_pause_one_books_and_starts_again(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at - timedelta(minutes=20))
    pause(session, at - timedelta(minutes=15))
    assert next_step(standing(session.enrollment, at=at)).code == "paused"
    services.resume(session.enrollment_id, patient_user=ada.user, at=at - timedelta(minutes=12))
    assert not Suppression.objects.filter(user=ada.user, lifted_at=None).exists()
    again = stages.book(session.enrollment, at=at - timedelta(minutes=10))
    stages.prepared(again, at=at)
    assert again.number == session.number
    started = services.start_session(stages.fetch(again), actor=Actor.person(ada.user_id), at=at)
    assert started.status == "in_progress"


def test_a_hold_outlasts_a_pause(ada: Patient, ben: User, at: datetime) -> None:
    from tests.sessions.test_gate import hold

    session = stages.booked(ada, at=at)
    hold(session, at)
    pause(session, at)
    services.resume(session.enrollment_id, patient_user=ada.user, at=at)
    assert next_step(standing(session.enrollment, at=at)).code == "on_hold"
    assert Suppression.objects.filter(user=ada.user, cause__startswith="hold:", lifted_at=None).exists()


def test_pausing_resuming_and_leaving_twice_is_harmless(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    for _ in range(2):
        pause(session, at)
    assert Pause.objects.count() == 1
    for _ in range(2):
        services.resume(session.enrollment_id, patient_user=ada.user, at=at)
    assert Pause.objects.get().resumed_at == at
    for _ in range(2):
        leave(session, at)
    assert session.enrollment.transitions.filter(event="withdrawn").count() == 1


def test_what_has_ended_is_not_paused(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    leave(session, at)
    with stages.refused(WrongEnrollmentState):
        pause(session, at)


@pytest.mark.from_the_start
def test_two_pauses_cannot_stand_together(ada: Patient, at: datetime) -> None:
    own = {"enrollment": steps.enrolled(ada, at=at), "actor_kind": "person", "actor_id": "x"}
    Pause.objects.create(**own, paused_at=at)
    with pytest.raises(IntegrityError, match="pause_one_at_a_time"), transaction.atomic():
        Pause.objects.create(**own, paused_at=at)
    with pytest.raises(IntegrityError, match="pause_ends_after_it_began"), transaction.atomic():
        Pause.objects.update(resumed_at=at - timedelta(seconds=1))


def test_a_new_program_begins_with_nothing_stopped_by_the_old_one(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    pause(session, at)
    leave(session, at)
    steps.enrolled(ada, at=at)
    stopped = Suppression.objects.filter(user=ada.user, lifted_at=None)
    assert set(stopped.values_list("cause", flat=True)) == {"no messaging consent"}


# --- taking an agreement back ----------------------------------------------------------------------------


def test_what_is_taken_back_can_be_given_again(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    take_back(session, at)
    own = session.enrollment_id
    assert programs.consents_missing(own, at=at) == [ConsentKind.TREATMENT]
    (text,) = programs.consents_open(own, at=at)
    read = program_services.Agreement(document_id=text.pk, sha256=text.sha256)
    program_services.give_consent(own, agreements=[read], patient_user=ada.user, at=at)
    assert programs.consents_missing(own, at=at) == []
    assert Consent.objects.get(after__isnull=False).after == ConsentWithdrawal.objects.get()


@pytest.mark.parametrize("kind", OPTIONAL_CONSENTS)
def test_what_is_free_to_refuse_calls_nothing_off(ada: Patient, at: datetime, kind: ConsentKind) -> None:
    session = stages.booked(ada, at=at)
    _, said = services.take_back(session.enrollment_id, kind=kind, patient_user=ada.user, at=at)
    assert said.stops == ()
    assert stages.fetch(session).status == "scheduled"
    assert programs.consents_missing(session.enrollment_id, at=at) == []
    stopped = Suppression.objects.filter(user=ada.user, lifted_at=None).exists()
    assert stopped is (kind == ConsentKind.MESSAGING)


@pytest.mark.from_the_start
def test_taking_back_what_was_never_given_is_not_refused(ada: Patient, at: datetime) -> None:
    enrollment = steps.enrolled(ada, at=at)
    for kind in ConsentKind:
        services.take_back(enrollment.pk, kind=kind, patient_user=ada.user, at=at)
    assert not ConsentWithdrawal.objects.exists()


def test_one_text_is_agreed_to_once_unless_it_was_taken_back(ada: Patient, at: datetime) -> None:
    steps.active(ada, at=at)
    consent = Consent.objects.values().first()
    assert consent is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        Consent.objects.create(**consent | {"id": uuid4()})


# --- over HTTP -------------------------------------------------------------------------------------------

PATHS = {
    "withdrawals": {},
    "pauses": {},
    "resumptions": {},
    "consent-withdrawals": {"kind": "treatment_consent"},
}


@pytest.mark.parametrize(("path", "body"), PATHS.items())
def test_the_answer_says_what_stops_what_goes_on_and_whom_to_call(
    session: TreatmentSession, as_ada: APIClient, path: str, body: dict[str, Any], settings: Any
) -> None:
    settings.CLINIC_PHONE = "+1-555-0199"
    answer = post(as_ada, f"enrollments/{session.enrollment_id}/{path}", body)
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert said["contact"]["clinic_phone"] == "+1-555-0199"
    assert said["summary"].count(".") <= 2
    assert codes_of(said["goes_on"]) >= {"help"}
    assert said["is_paused"] is (path == "pauses")
    assert said["status"] == ("withdrawn" if path == "withdrawals" else "active")
    assert ("sessions" in codes_of(said["stops"])) is (path != "resumptions")


def codes_of(said: list[dict[str, str]]) -> set[str]:
    return {one["code"] for one in said}


@pytest.mark.parametrize(("path", "body"), PATHS.items())
def test_nobody_else_does_it_for_the_patient(
    session: TreatmentSession,
    as_ben: APIClient,
    as_cyd: APIClient,
    as_dan: APIClient,
    path: str,
    body: dict[str, Any],
) -> None:
    address = f"enrollments/{session.enrollment_id}/{path}"
    answers = [post(client, address, body).status_code for client in (as_ben, as_cyd, as_dan, APIClient())]
    assert answers == [403, 404, 403, 401]
    assert stages.fetch(session).status == "scheduled"
    assert session.enrollment.status == EnrollmentStatus.ACTIVE


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("pauses", {"reason": "I am tired"}),
        ("resumptions", {"at": "2026-01-01T00:00:00Z"}),
        ("withdrawals", {"reason": ["no"]}),
        ("withdrawals", {"reason": "x" * 2001}),
        ("consent-withdrawals", {}),
        ("consent-withdrawals", {"kind": "session_policy"}),
        ("consent-withdrawals", {"kind": None}),
    ],
)
def test_a_body_of_another_shape_is_refused(
    session: TreatmentSession, as_ada: APIClient, path: str, body: dict[str, Any]
) -> None:
    assert post(as_ada, f"enrollments/{session.enrollment_id}/{path}", body).status_code == 400
    assert stages.fetch(session).status == "scheduled"


def test_the_program_shows_that_it_is_paused(session: TreatmentSession, as_ada: APIClient) -> None:
    own = f"/api/v1/enrollments/{session.enrollment_id}"
    assert as_ada.get(own).json()["is_paused"] is False
    post(as_ada, f"enrollments/{session.enrollment_id}/pauses")
    assert as_ada.get(own).json()["is_paused"] is True
    assert as_ada.get("/api/v1/enrollments").json()["results"][0]["is_paused"] is True
    titles = [entry["title"] for entry in as_ada.get(f"{own}/timeline").json()["results"]]
    assert "Paused by the patient" in titles


def test_the_running_session_is_found_before_one_that_is_over(ada: Patient, at: datetime) -> None:
    session = stages.reached(ada, "recovering", at=at)
    assert queries.running_session(session.enrollment_id) == session
    services.watch(at=at + timedelta(days=2))
    assert queries.running_session(session.enrollment_id) is None
