"""Closing an account: at once and everywhere, and never the end of a session that was dosed."""

import re
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.core import mail
from rest_framework.test import APIClient

from accounts.errors import WorksHere
from accounts.models import Capability, Patient, SignIn, User
from accounts.sign_ins import SessionStore
from core.actors import Actor
from notifications import rules as notification_rules
from notifications import services as notifications
from programs.enums import EnrollmentStatus
from programs.models import Enrollment
from safety.models import Alert
from sessions import services
from sessions.errors import DoseNotNow, SessionNotStartable
from sessions.models import CheckInDeadline
from sessions.rules import Leaving
from tests import steps
from tests.api import post
from tests.conftest import PASSWORD
from tests.sessions import stages

LOGIN = "/api/v1/auth/app/v1/auth/login"


def close(patient: Patient, at: datetime) -> Leaving:
    return services.close_account(patient.user, at=at)


def codes(said: Any) -> set[str]:
    return {reason.code for reason in said}


# --- what is refused -------------------------------------------------------------------------------------


def test_nobody_closes_it_who_is_not_signed_in_or_holds_a_link(as_dan: APIClient) -> None:
    assert [post(client, "me/closure").status_code for client in (APIClient(), as_dan)] == [401, 403]


def test_not_on_a_device_left_open(ada: Patient, as_ada: APIClient) -> None:
    session = SessionStore(SignIn.objects.get(user=ada.user).session_key)
    shown = session[AUTHENTICATION_METHODS_SESSION_KEY]
    long_ago = time.time() - 301
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [each | {"at": long_ago} for each in shown]
    session.save()
    assert post(as_ada, "me/closure").json()["code"] == "reauthentication_required"
    assert User.objects.get(pk=ada.user_id).is_active


def test_a_body_of_another_shape_is_refused(ada: Patient, as_ada: APIClient) -> None:
    assert post(as_ada, "me/closure", {"user": str(ada.user_id)}).status_code == 400
    assert User.objects.get(pk=ada.user_id).is_active


def test_whoever_works_here_ends_that_first(ben: User, as_ben: APIClient, at: datetime) -> None:
    assert post(as_ben, "me/closure").json()["code"] == "works_here"
    with stages.refused(WorksHere):
        services.close_account(ben, at=at)
    assert User.objects.get(pk=ben.pk).is_active


def test_after_it_signing_in_is_answered_as_a_wrong_password_is(
    ada: Patient, client_of: Any, at: datetime
) -> None:
    def told(email: str, password: str) -> tuple[int, bytes]:
        answer = APIClient().post(LOGIN, {"email": email, "password": password}, format="json")
        return answer.status_code, re.sub(rb'"session_token": "[a-z0-9]{32}"', b"", answer.content)

    assert told(ada.user.email, PASSWORD)[0] == 200
    wrong = told(ada.user.email, "this is not the password")
    close(ada, at)
    assert told(ada.user.email, PASSWORD) == wrong
    assert told(ada.user.email, "this is not the password") == wrong


def test_every_device_is_signed_out_with_its_next_request(ada: Patient, cyd: Patient, client_of: Any) -> None:
    phone, tablet, stranger = client_of(ada.user), client_of(ada.user), client_of(cyd.user)
    assert post(phone, "me/closure").status_code == 201
    assert [client.get("/api/v1/me").status_code for client in (phone, tablet, stranger)] == [401, 401, 200]
    assert post(phone, "me/closure").status_code == 401


# --- at every stage --------------------------------------------------------------------------------------


def test_without_a_program_or_a_chart_it_closes(ada: Patient, client_of: Any, at: datetime) -> None:
    assert close(ada, at).summary.startswith("Your account is closed.")
    newcomer = User.objects.create_user("eve@example.org", PASSWORD)
    assert post(client_of(newcomer), "me/closure").status_code == 201
    assert not User.objects.get(pk=newcomer.pk).is_active


def test_what_is_booked_is_called_off_and_the_program_left(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    said = close(ada, at)
    assert stages.fetch(session).status == "cancelled"
    assert Enrollment.objects.get(pk=session.enrollment_id).status == EnrollmentStatus.WITHDRAWN
    assert {"sign_in", "reminders", "sessions", "booking"} <= codes(said.stops)
    assert not {"watch", "driving", "check_in"} & codes(said.goes_on)
    with stages.refused(SessionNotStartable):
        slipped_by = stages.book_regardless(session.enrollment, at=at)
        services.start_session(slipped_by, actor=Actor.person(ada.user_id), at=at)


def test_before_the_dose_there_is_none_any_more_and_the_monitor_ends_it(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    assert "dose" in codes(close(ada, at).stops)
    with stages.refused(DoseNotNow):
        stages.take(session, monitor, at=at)
    assert services.end_session(session, reason="", actor=monitor, at=at).status == "aborted"


def test_after_the_dose_it_is_watched_to_its_end(ada: Patient, at: datetime) -> None:
    session, monitor = stages.dosed(ada, at=at)
    due = stages.open_due(session)
    said = close(ada, at + timedelta(minutes=1))
    assert {"watch", "driving", "check_in", "help", "record"} <= codes(said.goes_on)
    assert stages.open_due(session) == due != []
    over = at + timedelta(minutes=120)
    assert Capability.objects.get(target_id=session.pk).is_live(over)
    stages.tap(session, monitor, at=at + timedelta(minutes=14))
    for due_at in [moment for moment in stages.open_due(session) if moment <= over]:
        stages.tap(session, monitor, at=due_at)
    stages.recovered(session, monitor, at=over)
    ended = services.end_session(session, reason="", actor=monitor, at=over)
    assert (ended.status, ended.no_drive_until is not None) == ("recovering", True)
    services.watch(at=over + timedelta(days=2))
    assert stages.fetch(session).status == "completed"


def calls_sent(ada: Patient, at: datetime) -> list[str]:
    """Close the account of somebody dosed; let a check-in be missed; return who is written to."""
    session, _ = stages.dosed(ada, at=at)
    close(ada, at + timedelta(minutes=1))
    late = stages.open_due(session)[0] + timedelta(seconds=1)
    services.watch(at=late)
    mail.outbox.clear()
    notifications.deliver_due(at=late)
    assert CheckInDeadline.objects.filter(missed_at=late).exists()
    assert Alert.objects.filter(patient=ada, alert_class="missed_check_in").exists()
    return [to for message in mail.outbox for to in message.to]


def test_a_missed_check_in_pages_and_is_written_to_them_all_the_same(
    ada: Patient, ben: User, at: datetime
) -> None:
    assert {ada.user.email, ben.email, stages.MONITOR_EMAIL} <= set(calls_sent(ada, at))


def test_twin_without_that_exception_the_patient_hears_nothing(
    ada: Patient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notification_rules, "ABOUT_A_LIFE", frozenset())
    assert ada.user.email not in calls_sent(ada, at)


def test_in_recovery_the_answer_still_speaks_of_driving(ada: Patient, at: datetime) -> None:
    stages.reached(ada, "recovering", at=at)
    goes_on = codes(close(ada, at).goes_on)
    assert "driving" in goes_on
    assert "watch" not in goes_on


def test_closing_twice_is_harmless(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    close(ada, at)
    close(ada, at)
    assert session.enrollment.transitions.filter(event="withdrawn").count() == 1


def test_the_record_is_kept_and_her_clinician_still_reads_it(
    ada: Patient, as_ben: APIClient, at: datetime
) -> None:
    enrollment = steps.active(ada, at=at)
    close(ada, at)
    assert as_ben.get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 200


def test_the_answer_says_whom_to_call(as_ada: APIClient, settings: Any) -> None:
    settings.CLINIC_PHONE = "+1-555-0199"
    answer = post(as_ada, "me/closure")
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert said["contact"]["clinic_phone"] == "+1-555-0199"
    assert said["summary"].count(".") <= 2
