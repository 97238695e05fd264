"""A dose that is recorded and refused may have been swallowed: somebody hears of it, whatever the reason."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Patient, User
from core.actors import Actor
from notifications.models import Delivery
from safety import services as safety
from safety.models import Alert
from sessions import queries, services
from sessions.errors import NotOverYet
from sessions.models import Dose, TreatmentSession
from sessions.views.course import MAY_BE_SWALLOWED
from tests.api import post
from tests.sessions import stages
from tests.sessions.conftest import by_link
from tests.sessions.facts import POLICY
from tests.sessions.test_devices import on
from tests.sessions.test_gate import hold, refusal

MINUTE = timedelta(minutes=1)
DOSE = {"route": "sublingual", "dose_mg": "300.0"}
Before = Callable[[Patient, datetime], TreatmentSession]


def not_started(ada: Patient, at: datetime) -> TreatmentSession:
    return stages.reached(ada, "ready", at=at)


def window_over(ada: Patient, at: datetime) -> TreatmentSession:
    return stages.started(ada, at=at - 31 * MINUTE)[0]


def on_hold(ada: Patient, at: datetime) -> TreatmentSession:
    session, _ = stages.started(ada, at=at - MINUTE)
    hold(stages.fetch(session), at)
    return session


def aborted(ada: Patient, at: datetime) -> TreatmentSession:
    return stages.reached(ada, "aborted", at=at)


def dosed_before(ada: Patient, at: datetime) -> TreatmentSession:
    """By the monitor, a while ago: what the patient says now is another dose."""
    return stages.dosed(ada, at=at - 10 * MINUTE)[0]


@pytest.mark.parametrize("before", [not_started, window_over, on_hold, aborted, dosed_before])
def test_a_refused_dose_calls_a_clinician(
    ada: Patient, ben: User, at: datetime, as_ada: APIClient, before: Before
) -> None:
    session = before(ada, at)
    known = Dose.objects.count()
    answer = post(as_ada, f"sessions/{session.pk}/doses", DOSE)
    assert answer.status_code in (409, 422), answer.content
    assert answer.json()["reasons"][-1] == vars_of(MAY_BE_SWALLOWED)
    assert answer.json()["contact"]["clinic_phone"]
    alert = Alert.objects.get(alert_class="refused_dose")
    assert (alert.patient_id, alert.status, Dose.objects.count()) == (ada.pk, "open", known)
    assert Delivery.objects.filter(kind="alert_page", user=ben, dedupe_key__contains=str(alert.pk)).exists()


def vars_of(reason: Any) -> dict[str, str]:
    return {"code": reason.code, "detail": reason.detail}


@pytest.mark.parametrize(
    "said", [DOSE | {"dose_mg": "600.0"}, DOSE | {"dose_mg": "30.0"}, DOSE | {"route": "subcutaneous"}]
)
def test_another_dose_than_was_ordered_is_heard_and_leaves_the_way_to_the_right_one(
    ada: Patient, at: datetime, as_ada: APIClient, said: dict[str, str]
) -> None:
    session, _ = stages.started(ada, at=at)
    assert post(as_ada, f"sessions/{session.pk}/doses", said).status_code == 422
    assert Alert.objects.get().alert_class == "refused_dose"
    assert post(as_ada, f"sessions/{session.pk}/doses", DOSE).status_code == 201


def test_until_somebody_has_looked_no_session_starts(
    ada: Patient, ben: User, at: datetime, as_ada: APIClient
) -> None:
    """Else a dose swallowed before the start would be followed by one through the gate."""
    session = not_started(ada, at)
    post(as_ada, f"sessions/{session.pk}/doses", DOSE)
    assert refusal(session, at=at) == {"alert_open"}
    taken = safety.acknowledge(Alert.objects.get(), by=ben, at=at)
    safety.close(taken, by=ben, reason="She had only pressed the button.", at=at)
    assert services.start_session(session, actor=Actor.person(ada.user_id), at=at).status == "in_progress"


def test_two_who_tap_at_once_call_nobody(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    session, _ = stages.dosed(ada, at=at)
    answer = post(as_ada, f"sessions/{session.pk}/doses", DOSE)
    assert answer.status_code == 409
    assert "reasons" not in answer.json()
    assert not Alert.objects.exists()


def test_another_amount_at_once_is_another_dose(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    session, _ = stages.dosed(ada, at=at)
    assert post(as_ada, f"sessions/{session.pk}/doses", DOSE | {"dose_mg": "150.0"}).status_code == 409
    assert Alert.objects.get().alert_class == "refused_dose"


def test_another_dose_under_a_used_key_is_heard(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    session, _ = stages.started(ada, at=at)
    path = f"sessions/{session.pk}/doses"
    assert post(as_ada, path, DOSE, key="one").status_code == 201
    assert post(as_ada, path, DOSE | {"dose_mg": "600.0"}, key="one").status_code == 422
    assert Alert.objects.get().alert_class == "refused_dose"


def test_the_monitor_is_told_too_and_nothing_of_the_chart(ada: Patient, at: datetime) -> None:
    session = on_hold(ada, at)
    answer = post(by_link(stages.token_in_mail(session)), f"sessions/{session.pk}/doses", DOSE)
    codes = [reason["code"] for reason in answer.json()["reasons"]]
    assert codes == ["something_else", "clinician_called"]


def test_asked_again_and_again_it_is_one_alert(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    session = window_over(ada, at)
    for _ in range(3):
        post(as_ada, f"sessions/{session.pk}/doses", DOSE)
    assert Alert.objects.count() == 1


def test_a_stranger_calls_nobody(ada: Patient, at: datetime, as_cyd: APIClient, as_ben: APIClient) -> None:
    session = window_over(ada, at)
    answers = [post(client, f"sessions/{session.pk}/doses", DOSE).status_code for client in (as_cyd, as_ben)]
    assert answers == [404, 403]
    assert not Alert.objects.exists()


@pytest.mark.parametrize("path", ["doses", "late-doses"])
@pytest.mark.parametrize(
    ("said", "key", "code"),
    [
        ({"route": "sublingual"}, "one", 400),
        ({"route": "by mouth", "dose_mg": "three hundred"}, "one", 400),
        (DOSE | {"amount": "all of it"}, "one", 400),
        (DOSE, "x" * 101, 400),
        (DOSE, "", 428),
    ],
)
def test_whatever_else_is_wrong_with_the_request_a_dose_is_heard(
    ada: Patient, at: datetime, as_ada: APIClient, path: str, said: dict[str, str], key: str, code: int
) -> None:
    session = window_over(ada, at)
    headers = {"Idempotency-Key": key} if key else {}
    answer = as_ada.post(f"/api/v1/sessions/{session.pk}/{path}", said, format="json", headers=headers)
    assert (answer.status_code, answer.json()["reasons"][-1]["code"]) == (code, "clinician_called")
    assert (Alert.objects.get().alert_class, Dose.objects.count()) == ("refused_dose", 0)
    assert queries.dosed_by(stages.fetch(session)) is not None


@pytest.mark.parametrize("path", ["doses", "late-doses"])
@pytest.mark.parametrize("held", ["by nobody", "by another phone"])
def test_from_a_device_that_the_link_is_not_bound_to_a_dose_is_heard_and_not_stored(
    ada: Patient, at: datetime, path: str, held: str
) -> None:
    session, _ = stages.started(ada, at=at)
    token = stages.token_in_mail(session)
    if held == "by nobody":
        services.release_monitor(session, at=at)
    said = DOSE if path == "doses" else DOSE | {"taken_at": at.isoformat()}
    answer = post(on("the-key-of-an-old-tablet-2", token), f"sessions/{session.pk}/{path}", said)
    assert (answer.status_code, answer.json()["reasons"][-1]["code"]) == (403, "clinician_called")
    assert answer.json()["code"] == ("device_not_bound" if held == "by nobody" else "other_device")
    assert (Alert.objects.get().alert_class, Dose.objects.count()) == ("refused_dose", 0)


@pytest.mark.parametrize("said", [{}, ["sublingual"]])
def test_what_says_nothing_is_not_heard(ada: Patient, at: datetime, as_ada: APIClient, said: Any) -> None:
    session = window_over(ada, at)
    assert post(as_ada, f"sessions/{session.pk}/doses", said).status_code == 400
    assert not Alert.objects.exists()


def refused_beside_an_alert(ada: Patient, at: datetime) -> tuple[TreatmentSession, APIClient, Actor]:
    """The monitor tells of a dose that was just taken, and something stands against it."""
    session, monitor = stages.started(ada, at=at - 10 * MINUTE)
    hold(stages.fetch(session), at)
    dan = by_link(stages.token_in_mail(session))
    assert post(dan, f"sessions/{session.pk}/doses", DOSE).status_code == 422
    return stages.fetch(session), dan, monitor


def test_until_somebody_says_that_it_was_not_taken_they_are_watched_and_do_not_drive(
    ada: Patient, at: datetime
) -> None:
    session, dan, monitor = refused_beside_an_alert(ada, at)
    ended = post(dan, f"sessions/{session.pk}/end", {"reason": ""})
    codes = [reason["code"] for reason in ended.json()["reasons"]]
    assert (ended.status_code, codes) == (422, ["still_watched", "dose_unsettled"])
    over_at = queries.gate_of(session).dose_by + POLICY.watched_after_dose
    with stages.refused(NotOverYet):
        services.end_session(session, reason="", actor=monitor, at=over_at - timedelta(seconds=1))
    stages.recovered(session, monitor, at=over_at)
    over = services.end_session(session, reason="", actor=monitor, at=over_at)
    assert over.status == "aborted"
    assert over.no_drive_until is not None
    assert queries.morning_awaited(session.enrollment_id, at=over.no_drive_until) == session.pk


def test_a_clinician_who_closes_the_call_says_nothing_of_the_dose(
    ada: Patient, ben: User, at: datetime
) -> None:
    session, _, monitor = refused_beside_an_alert(ada, at)
    alert = Alert.objects.get(alert_class="refused_dose")
    safety.close(safety.acknowledge(alert, by=ben, at=at), by=ben, reason="She swallowed it.", at=at)
    with stages.refused(NotOverYet):
        services.end_session(session, reason="", actor=monitor, at=at + MINUTE)


def test_once_somebody_says_so_it_ends_without_a_dose(ada: Patient, at: datetime) -> None:
    session, dan, _ = refused_beside_an_alert(ada, at)
    assert post(dan, f"sessions/{session.pk}/dose-outcomes", {"kind": "refused"}).status_code == 201
    assert post(dan, f"sessions/{session.pk}/end", {"reason": ""}).status_code == 200
    assert (stages.fetch(session).status, stages.fetch(session).no_drive_until) == ("aborted", None)


def test_told_after_an_end_without_one_nobody_drives(ada: Patient, at: datetime, as_ada: APIClient) -> None:
    session = aborted(ada, at - MINUTE)
    assert post(as_ada, f"sessions/{session.pk}/doses", DOSE).status_code == 409
    assert stages.fetch(session).no_drive_until is not None


def test_twin_without_hearing_it_nobody_is_called(
    ada: Patient, at: datetime, as_ada: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "hear_refused_dose", lambda session, **said: False)
    post(as_ada, f"sessions/{window_over(ada, at).pk}/doses", DOSE)
    assert not Alert.objects.exists()
