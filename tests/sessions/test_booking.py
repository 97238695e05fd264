from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from accounts.models import Patient
from core import clock
from notifications.enums import DeliveryStatus, MessageKind
from notifications.models import Delivery
from programs import services as programs
from sessions.models import PreparationItem, TreatmentSession
from tests import steps
from tests.api import post
from tests.sessions import stages


def booking(**changed: Any) -> dict[str, Any]:
    """Return what the app sends to book for three days from now."""
    in_three_days = clock.now() + timedelta(days=3)
    return {"scheduled_at": in_three_days.isoformat(), "timezone": "America/New_York"} | changed


def reminders(**conditions: Any) -> Any:
    return Delivery.objects.filter(kind=MessageKind.SESSION_TOMORROW, **conditions)


def codes(answer: Any) -> set[str]:
    return {reason["code"] for reason in answer.json()["reasons"]}


def test_a_booking_has_its_number_its_preparation_and_its_reminder(
    ada: Patient, at: datetime, as_ada: APIClient
) -> None:
    enrollment = steps.active(ada, at=at)
    answer = post(as_ada, f"enrollments/{enrollment.pk}/sessions", booking())
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["number"], body["status"], answer["ETag"]) == (1, "scheduled", '"v1"')
    assert answer["Location"] == f"/api/v1/sessions/{body['id']}"
    assert PreparationItem.objects.filter(session=body["id"], done_at=None).count() == 5
    session = TreatmentSession.objects.get(pk=body["id"])
    assert reminders().get().due_at == session.scheduled_at - timedelta(days=1)


def test_without_a_zone_the_patients_own_is_taken(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    enrollment = steps.active(ada, at=at)
    body = booking()
    del body["timezone"]
    answer = post(as_ada, f"enrollments/{enrollment.pk}/sessions", body)
    assert answer.json()["timezone"] == ada.timezone


def test_a_booking_for_today_reminds_nobody_of_tomorrow(session: TreatmentSession) -> None:
    assert not reminders().exists()


def test_booking_is_done_once_per_key(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    path = f"enrollments/{steps.active(ada, at=at).pk}/sessions"
    body = booking()
    answers = [post(as_ada, path, body, key="k") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert TreatmentSession.objects.count() == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"scheduled_at": "2020-03-02T12:00:00-05:00"}, "in_the_past"),
        ({"scheduled_at": "2999-03-02T12:00:00-05:00"}, "too_far_ahead"),
        ({"scheduled_at": "9999-12-31T23:59:59Z"}, "too_far_ahead"),
        ({"scheduled_at": "0001-01-01T00:00:00Z"}, "in_the_past"),
    ],
)
def test_a_time_that_cannot_be_is_refused(
    ada: Patient, at: datetime, as_ada: APIClient, changed: dict[str, Any], code: str
) -> None:
    answer = post(as_ada, f"enrollments/{steps.active(ada, at=at).pk}/sessions", booking(**changed))
    assert (answer.status_code, codes(answer)) == (422, {code})
    assert not TreatmentSession.objects.exists()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_time_at_the_end_of_time_is_refused_after_a_dose_too(
    ada: Patient, at: datetime, as_ada: APIClient, zone: str, moment: str
) -> None:
    done = stages.reached(ada, "completed", at=at)
    body = booking(scheduled_at=moment, timezone=zone)
    answer = post(as_ada, f"enrollments/{done.enrollment_id}/sessions", body)
    assert answer.status_code == 422, answer.content


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"timezone": ""}, "/timezone"),
        ({"timezone": 5}, "/timezone"),
        ({"timezone": "../../etc/passwd"}, "/timezone"),
        ({"scheduled_at": "2026-03-02T12:00:00"}, "/scheduled_at"),
        ({"scheduled_at": "tomorrow"}, "/scheduled_at"),
        ({"scheduled_at": None}, "/scheduled_at"),
        ({"scheduled_at": 1772460000}, "/scheduled_at"),
        ({"number": 3}, "/number"),
    ],
)
def test_a_malformed_booking_is_a_400(
    ada: Patient, at: datetime, as_ada: APIClient, changed: dict[str, Any], pointer: str
) -> None:
    answer = post(as_ada, f"enrollments/{steps.active(ada, at=at).pk}/sessions", booking(**changed))
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_there_is_one_open_session_at_a_time(session: TreatmentSession, as_ada: APIClient) -> None:
    answer = post(as_ada, f"enrollments/{session.enrollment_id}/sessions", booking())
    assert (answer.status_code, answer.json()["code"]) == (409, "session_already_booked")


@pytest.mark.from_the_start
@pytest.mark.parametrize("stage", [steps.enrolled, steps.accepted, steps.planned])
def test_nothing_is_booked_before_everything_is_agreed(
    ada: Patient, at: datetime, as_ada: APIClient, stage: Any
) -> None:
    answer = post(as_ada, f"enrollments/{stage(ada, at=at).pk}/sessions", booking())
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_enrollment_state")


def test_nothing_is_booked_after_leaving(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    enrollment = steps.active(ada, at=at)
    programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
    answer = post(as_ada, f"enrollments/{enrollment.pk}/sessions", booking())
    assert answer.status_code == 409


def test_the_next_session_keeps_its_distance(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    """Two days ago there was a dose; the plan says seven."""
    done = stages.reached(ada, "completed", at=at)
    path = f"enrollments/{done.enrollment_id}/sessions"
    answer = post(as_ada, path, booking())
    assert (answer.status_code, codes(answer)) == (422, {"too_soon"})
    later = (clock.now() + timedelta(days=7)).isoformat()
    assert post(as_ada, path, booking(scheduled_at=later)).json()["number"] == 2


def test_a_seventh_of_six_is_not_booked(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    done = stages.reached(ada, "completed", at=at)
    TreatmentSession.objects.filter(pk=done.pk).update(number=6)
    later = (clock.now() + timedelta(days=7)).isoformat()
    answer = post(as_ada, f"enrollments/{done.enrollment_id}/sessions", booking(scheduled_at=later))
    assert (answer.status_code, codes(answer)) == (422, {"all_sessions_used"})


def test_sessions_are_listed_oldest_first(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    first = stages.reached(ada, "cancelled", at=at)
    second = stages.book(first.enrollment, at=at)
    listed = as_ada.get(f"/api/v1/enrollments/{first.enrollment_id}/sessions").json()
    assert [row["id"] for row in listed["results"]] == [str(first.pk), str(second.pk)]
    assert [row["number"] for row in listed["results"]] == [1, 1]


# --- moving, calling off -----------------------------------------------------------------------------------


def test_a_session_can_be_moved_with_its_reminder_and_its_link(
    session: TreatmentSession, as_ada: APIClient, at: datetime
) -> None:
    link, _ = stages.invited(session, at=at)
    body = booking()
    answer = post(as_ada, f"sessions/{session.pk}/reschedule", body)
    assert answer.status_code == 200, answer.content
    moved = stages.fetch(session)
    assert (moved.scheduled_at.isoformat(), moved.timezone) == (body["scheduled_at"], "America/New_York")
    assert reminders().get().due_at == moved.scheduled_at - timedelta(days=1)
    link.refresh_from_db()
    assert link.expires_at > moved.scheduled_at + timedelta(days=1)


def test_a_reminder_of_the_old_time_is_called_back(session: TreatmentSession, as_ada: APIClient) -> None:
    for days in (3, 4):
        later = (clock.now() + timedelta(days=days)).isoformat()
        post(as_ada, f"sessions/{session.pk}/reschedule", booking(scheduled_at=later))
    assert reminders(status=DeliveryStatus.CANCELLED).count() == 1
    assert reminders(status=DeliveryStatus.DUE).count() == 2  # three days before, and one


def test_moving_a_session_asks_the_monitor_again(
    session: TreatmentSession, as_ada: APIClient, as_dan: APIClient
) -> None:
    assert post(as_dan, f"sessions/{session.pk}/attestations", {"kind": "monitor_present"}).status_code == 201
    assert stages.fetch(session).status == "ready"
    assert post(as_ada, f"sessions/{session.pk}/reschedule", booking()).json()["status"] == "scheduled"


def test_moving_to_where_nothing_can_be_booked_is_refused(
    session: TreatmentSession, as_ada: APIClient
) -> None:
    answer = post(
        as_ada, f"sessions/{session.pk}/reschedule", booking(scheduled_at="2020-03-02T12:00:00-05:00")
    )
    assert (answer.status_code, codes(answer)) == (422, {"in_the_past"})
    assert stages.fetch(session).version == 1


@pytest.mark.parametrize("verb", ["reschedule", "cancel"])
@pytest.mark.parametrize("status", ["in_progress", "recovering", "completed", "aborted", "missed"])
def test_what_has_begun_or_passed_is_neither_moved_nor_called_off(
    ada: Patient, at: datetime, as_ada: APIClient, verb: str, status: str
) -> None:
    session = stages.reached(ada, status, at=at)
    body = booking() if verb == "reschedule" else {}
    answer = post(as_ada, f"sessions/{session.pk}/{verb}", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_session_state")
    assert stages.fetch(session).status == status


def test_calling_off_frees_the_number_and_closes_the_link(
    session: TreatmentSession, as_ada: APIClient, as_dan: APIClient
) -> None:
    answer = post(as_ada, f"sessions/{session.pk}/cancel", {"reason": "A cold."})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert as_dan.get(f"/api/v1/sessions/{session.pk}").status_code == 401
    mails = Delivery.objects.filter(kind=MessageKind.MONITOR_INVITATION)
    assert [mail.status for mail in mails] == [DeliveryStatus.CANCELLED]
    again = post(as_ada, f"enrollments/{session.enrollment_id}/sessions", booking())
    assert again.json()["number"] == 1


def test_calling_off_twice_is_harmless(session: TreatmentSession, as_ada: APIClient) -> None:
    answers = [post(as_ada, f"sessions/{session.pk}/cancel") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert stages.fetch(session).version == 2


# --- getting ready ------------------------------------------------------------------------------------------


def tick(client: APIClient, session: TreatmentSession, items: Any, *, match: str | None = '"v1"') -> Any:
    headers = {"If-Match": match} if match else {}
    with transaction.atomic():
        return client.patch(
            f"/api/v1/sessions/{session.pk}/preparation", {"items": items}, format="json", headers=headers
        )


def test_ticks_are_kept_and_taken_back(session: TreatmentSession, as_ada: APIClient) -> None:
    ticked = tick(as_ada, session, {"space": True, "supplies": True})
    assert (ticked.status_code, ticked["ETag"]) == (200, '"v2"')
    back = tick(as_ada, session, {"space": False}, match='"v2"')
    done = {item["key"] for item in back.json()["items"] if item["done_at"]}
    assert done == {"supplies"}


def test_a_tick_keeps_its_time(session: TreatmentSession, as_ada: APIClient) -> None:
    first = tick(as_ada, session, {"space": True}).json()
    assert tick(as_ada, session, {"space": True}, match='"v2"').json() == first


def test_the_clinician_may_read_what_is_prepared(session: TreatmentSession, as_ben: APIClient) -> None:
    answer = as_ben.get(f"/api/v1/sessions/{session.pk}/preparation")
    assert [item["key"] for item in answer.json()["items"]] == [
        "intention",
        "space",
        "fasting",
        "supplies",
        "monitor_briefed",
    ]


@pytest.mark.parametrize(
    ("items", "match", "status"),
    [
        ({"space": True}, None, 428),
        ({"space": True}, '"v0"', 412),
        ({"space": True}, "*", 412),
        ({"snacks": True}, '"v1"', 400),
        ({"space": "perhaps"}, '"v1"', 400),
        ({}, '"v1"', 400),
        (["space"], '"v1"', 400),
        (None, '"v1"', 400),
    ],
)
def test_a_tick_that_cannot_be_kept_changes_nothing(
    session: TreatmentSession, as_ada: APIClient, items: Any, match: str | None, status: int
) -> None:
    assert tick(as_ada, session, items, match=match).status_code == status
    assert not PreparationItem.objects.exclude(done_at=None).exists()
    assert stages.fetch(session).version == 1


def test_what_has_begun_is_not_prepared_any_more(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    session, _ = stages.started(ada, at=at)
    assert tick(as_ada, session, {"space": True}, match=f'"v{session.version}"').status_code == 409
