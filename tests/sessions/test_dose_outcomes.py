"""A dose that was refused, or came up again: none is taken in that session after it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Patient, User
from core.actors import Actor
from programs.enums import Route
from safety import services as safety
from safety.models import Alert
from sessions import queries, services
from sessions.enums import OutcomeKind, SessionStatus
from sessions.errors import DoseAlreadyTaken, DoseNotNow, NotOverYet, WrongSessionState
from sessions.models import Dose, DoseOutcome, TreatmentSession
from sessions.rules import Party, dose_faults, outcome_fault
from tests import steps
from tests.api import post
from tests.assessments.test_self_harm import close
from tests.sessions import stages
from tests.sessions.conftest import by_link
from tests.sessions.facts import GOOD_DOSE, POLICY
from tests.sessions.test_constraints import refused_by, run
from tests.sessions.test_devices import on

MINUTE = timedelta(minutes=1)


def say(session: TreatmentSession, kind: str, actor: Actor, *, at: datetime) -> DoseOutcome:
    return services.record_dose_outcome(session, kind=OutcomeKind(kind), actor=actor, at=at)


@pytest.mark.parametrize("outcomes", [None, (OutcomeKind.REFUSED,), (OutcomeKind.VOMITED,)])
def test_the_rule_lets_none_be_taken_after_it(outcomes: tuple[OutcomeKind, ...] | None) -> None:
    faults = dose_faults(replace(GOOD_DOSE, outcomes=outcomes), POLICY)
    assert [fault.code for fault in faults] == ["no_dose_again"]


@pytest.mark.parametrize("status", SessionStatus)
@pytest.mark.parametrize("kind", OutcomeKind)
@pytest.mark.parametrize("dosed", [True, False])
def test_when_it_can_be_said(status: SessionStatus, kind: OutcomeKind, dosed: bool) -> None:
    when = {"in_progress", "recovering"} | ({"aborted"} if kind == "vomited" else set())
    possible = status in when and not (kind == "refused" and dosed)
    assert (outcome_fault(kind, status=status, dosed=dosed) == "") is possible


@pytest.mark.parametrize("kind", ["refused", "vomited"])
def test_no_dose_is_taken_any_more(ada: Patient, at: datetime, kind: str) -> None:
    session, monitor = stages.started(ada, at=at)
    say(session, kind, monitor, at=at)
    with stages.refused(DoseNotNow):
        stages.take(session, monitor, at=at + MINUTE)
    assert not Dose.objects.exists()
    now = queries.day(stages.fetch(session), party=Party.MONITOR, at=at)
    assert "record_dose" not in now.next_actions


def test_one_that_was_refused_ends_the_session_at_once(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    say(session, "refused", monitor, at=at)
    over = services.end_session(session, reason="", actor=monitor, at=at + MINUTE)
    assert (over.status, over.no_drive_until, over.morning_due_at) == ("aborted", None, None)
    assert queries.next_number(session.enrollment_id) == 1


@pytest.mark.parametrize("how", ["came up", "told late"])
def test_what_may_have_been_taken_is_watched_and_keeps_them_off_the_road(
    ada: Patient, ben: User, at: datetime, how: str
) -> None:
    """Nobody wrote the dose down in time; that it was in the body is known all the same."""
    session, monitor = stages.started(ada, at=at)
    if how == "came up":
        say(session, "vomited", monitor, at=at + 5 * MINUTE)
    else:
        dose: Any = {"route": Route.SUBLINGUAL, "dose_mg": steps.ORDER.dose_mg, "taken_at": at + 5 * MINUTE}
        say(session, "refused", monitor, at=at + MINUTE)
        assert services.keep_unattributed_dose(session, **dose, actor=monitor, at=at + 6 * MINUTE)
    watched = POLICY.watched_after_dose
    with stages.refused(NotOverYet):
        services.end_session(session, reason="", actor=monitor, at=at + 4 * MINUTE + watched)
    stages.recovered(session, monitor, at=at + 5 * MINUTE + watched)
    over = services.end_session(session, reason="", actor=monitor, at=at + 5 * MINUTE + watched)
    assert (over.status, over.review_due_at) == ("aborted", None)
    assert over.no_drive_until is not None
    assert over.morning_due_at is not None
    assert not queries.may_drive(over, at=over.no_drive_until)
    patient = Actor.person(ada.user_id)
    services.answer_morning(over, slept=True, is_alert=True, actor=patient, at=over.no_drive_until)
    assert not queries.may_drive(stages.fetch(over), at=over.no_drive_until)
    close(Alert.objects.get(), ben, over.no_drive_until)
    assert queries.may_drive(stages.fetch(over), at=over.no_drive_until)
    assert queries.next_number(session.enrollment_id) == 1


def test_one_that_came_up_again_counts_and_calls_somebody(ada: Patient, at: datetime) -> None:
    session, monitor = stages.dosed(ada, at=at)
    row = say(session, "vomited", monitor, at=at + 5 * MINUTE)
    assert row.alert is not None
    assert row.alert.alert_class == "adverse_event"
    with stages.refused(DoseAlreadyTaken):
        stages.take(session, monitor, at=at + 6 * MINUTE, dose_mg=100)
    now = stages.fetch(session)
    assert (now.dosed_at, now.status) == (at, "in_progress")
    assert queries.next_number(session.enrollment_id) == 2


def test_saying_it_twice_is_harmless(ada: Patient, at: datetime) -> None:
    session, monitor = stages.dosed(ada, at=at)
    first = say(session, "vomited", monitor, at=at + MINUTE)
    assert say(session, "vomited", Actor.person(ada.user_id), at=at + 2 * MINUTE) == first
    assert Alert.objects.count() == 1


def test_what_was_taken_was_not_refused(ada: Patient, at: datetime) -> None:
    session, monitor = stages.dosed(ada, at=at)
    with stages.refused(WrongSessionState):
        say(session, "refused", monitor, at=at + MINUTE)


def test_a_dose_that_was_taken_after_all_is_still_recorded_late(ada: Patient, at: datetime) -> None:
    """That it was refused keeps nobody from saying the truth later: the dose is a fact."""
    session, monitor = stages.started(ada, at=at)
    say(session, "refused", monitor, at=at)
    plan = queries.gate_of(session).plan
    late = services.record_late_dose(
        session,
        route=Route(plan.route),
        dose_mg=plan.dose_mg,
        taken_at=at + 10 * MINUTE,
        actor=monitor,
        at=at + 45 * MINUTE,
    )
    assert late.alert is not None


def test_over_the_api_by_whoever_is_there(
    ada: Patient, at: datetime, as_ada: APIClient, as_cyd: APIClient
) -> None:
    session, _ = stages.dosed(ada, at=at)
    path, said = f"sessions/{session.pk}/dose-outcomes", {"kind": "vomited", "note": "Twice."}
    assert post(as_cyd, path, said).status_code == 404
    assert post(as_ada, path, {"kind": "spilled"}).status_code == 400
    answer = post(as_ada, path, said)
    assert (answer.status_code, answer.json()["note"]) == (201, "Twice.")
    lines = as_ada.get(f"/api/v1/sessions/{session.pk}/log").json()["lines"]
    assert [line["content"] for line in lines if line["kind"] == "dose_vomited"] == [{"note": "Twice."}]


def test_nobody_keeps_it_from_a_clinician(ada: Patient, at: datetime) -> None:
    session, _ = stages.dosed(ada, at=at)
    insert = (
        "INSERT INTO treatment_sessions_doseoutcome"
        " (id, session_id, kind, note, recorded_at, actor_kind, actor_id)"
        " VALUES (gen_random_uuid(), %s, 'vomited', '', now(), 'person', 'x')"
    )
    with refused_by("dose_vomited_means_alert"):
        run(insert, session.pk)


def test_what_came_up_without_being_written_down_keeps_the_next_dose_away(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    row = say(session, "vomited", monitor, at=at + MINUTE)
    assert row.alert is not None
    assert row.alert.alert_class == "refused_dose"  # blocks the next start until a clinician closes it
    facts = queries.booking_facts(session.enrollment, scheduled_at=at + timedelta(hours=30), at=at + MINUTE)
    assert facts.last_dosed_at == at + MINUTE


def test_a_dose_told_of_after_it_came_up_is_kept(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    say(session, "vomited", monitor, at=at + 2 * MINUTE)
    dose: Any = {"route": Route.SUBLINGUAL, "dose_mg": steps.ORDER.dose_mg, "taken_at": at + MINUTE}
    assert services.keep_unattributed_dose(session, **dose, actor=monitor, at=at + 3 * MINUTE)


def test_said_again_once_the_alert_is_closed_it_calls_again(ada: Patient, ben: User, at: datetime) -> None:
    session, monitor = stages.dosed(ada, at=at)
    row = say(session, "vomited", monitor, at=at + MINUTE)
    assert row.alert is not None
    close(row.alert, ben, at + 2 * MINUTE)
    assert say(session, "vomited", monitor, at=at + 3 * MINUTE) == row
    assert Alert.objects.filter(source=row.alert.source).exclude(status="closed").count() == 1


@pytest.mark.parametrize(
    ("who", "minutes_later", "status"),
    [("monitor", 2, "acknowledged"), ("monitor", 2.1, "open"), ("patient", 1, "open")],
)
def test_whoever_has_the_alert_in_hand_hears_that_it_came_up_again(
    ada: Patient, ben: User, at: datetime, who: str, minutes_later: float, status: str
) -> None:
    """Not by a double tap: the same teller, at once."""
    session, monitor = stages.dosed(ada, at=at)
    row = say(session, "vomited", monitor, at=at)
    assert row.alert is not None
    safety.acknowledge(row.alert, by=ben, at=at)
    teller = monitor if who == "monitor" else Actor.person(ada.user_id)
    assert say(session, "vomited", teller, at=at + minutes_later * MINUTE) == row
    alert = Alert.objects.get()
    assert (alert.status, alert.pages_sent) == (status, 1 if status == "acknowledged" else 2)


def test_told_when_the_session_is_over_it_calls_somebody_all_the_same(
    ada: Patient, at: datetime, as_ada: APIClient
) -> None:
    session = stages.reached(ada, "completed", at=at)
    path = f"sessions/{session.pk}/dose-outcomes"
    refused = post(as_ada, path, {"kind": "refused"})
    assert (refused.status_code, Alert.objects.exists()) == (409, False)
    answer = post(as_ada, path, {"kind": "vomited"})
    assert (answer.status_code, answer.json()["reasons"][-1]["code"]) == (409, "clinician_called")
    assert Alert.objects.get().source == f"vomited-dose:{session.pk}"


@pytest.mark.parametrize("how", ["came up", "told late"])
def test_told_after_an_end_without_a_dose_nobody_drives_from_then_on(
    ada: Patient, at: datetime, as_ada: APIClient, how: str
) -> None:
    session, monitor = stages.started(ada, at=at)
    over = services.end_session(session, reason="", actor=monitor, at=at + MINUTE)
    assert over.no_drive_until is None
    if how == "came up":
        path = f"sessions/{session.pk}/dose-outcomes"
        assert post(as_ada, path, {"kind": "refused"}).status_code == 409
        answer = post(as_ada, path, {"kind": "vomited"})
        assert answer.status_code == 201, answer.content
    else:
        dose: Any = {"route": Route.SUBLINGUAL, "dose_mg": steps.ORDER.dose_mg, "taken_at": at}
        assert services.keep_unattributed_dose(session, **dose, actor=monitor, at=at + 5 * MINUTE)
    now = stages.fetch(session)
    assert (now.status, now.version) == ("aborted", over.version + 1)
    assert now.no_drive_until is not None
    assert now.morning_due_at is not None
    assert now.no_drive_until > at + timedelta(hours=6)
    assert not queries.may_drive(now, at=now.no_drive_until)
    assert queries.morning_awaited(now.enrollment_id, at=now.no_drive_until) == now.pk
    facts = queries.booking_facts(session.enrollment, scheduled_at=at + timedelta(hours=30), at=at + MINUTE)
    assert facts.last_dosed_at is not None


@pytest.mark.parametrize("status", ["scheduled", "ready", "cancelled", "missed"])
@pytest.mark.parametrize("path", ["doses", "late-doses", "dose-outcomes"])
def test_told_of_a_session_that_never_started_nobody_drives_from_then_on(
    ada: Patient, ben: User, at: datetime, as_ada: APIClient, status: str, path: str
) -> None:
    session = stages.reached(ada, status, at=at)
    said = {"kind": "vomited"} if path == "dose-outcomes" else {"route": "sublingual", "dose_mg": "300"}
    also = {"taken_at": at.isoformat()} if path == "late-doses" else {}
    assert post(as_ada, f"sessions/{session.pk}/{path}", said | also).status_code == 409
    now = stages.fetch(session)
    assert now.status == status
    assert now.no_drive_until is not None
    assert now.no_drive_until > at + timedelta(hours=6)
    assert not queries.may_drive(now, at=now.no_drive_until)
    assert queries.morning_awaited(now.enrollment_id, at=now.no_drive_until) == now.pk
    patient = Actor.person(ada.user_id)
    services.answer_morning(now, slept=True, is_alert=True, actor=patient, at=now.no_drive_until)
    for alert in Alert.objects.exclude(status="closed"):
        close(alert, ben, now.no_drive_until)
    assert queries.may_drive(stages.fetch(session), at=now.no_drive_until)


@pytest.mark.parametrize("ends", ["before the lock does", "after it"])
def test_a_lock_from_before_the_start_outlives_a_session_without_a_dose(
    ada: Patient, ben: User, at: datetime, ends: str
) -> None:
    session = stages.reached(ada, "ready", at=at - MINUTE)
    services.hear_refused_outcome(session, at=at - MINUTE)
    close(Alert.objects.get(), ben, at)
    until = stages.fetch(session).no_drive_until
    assert until is not None
    running = services.start_session(session, actor=Actor.person(ada.user_id), at=at)
    assert not queries.may_drive(running, at=until)
    ended_at = at + MINUTE if ends == "before the lock does" else until + MINUTE
    over = services.end_session(running, reason="", actor=Actor.person(ada.user_id), at=ended_at)
    assert (over.status, over.no_drive_until) == ("aborted", until if ends != "after it" else None)


def test_before_any_policy_holds_a_dose_told_of_is_heard(ada: Patient, at: datetime) -> None:
    session = stages.reached(ada, "cancelled", at=at)
    services.hear_refused_outcome(session, at=at - timedelta(days=3650))
    assert Alert.objects.exists()
    assert stages.fetch(session).no_drive_until is None


def test_told_when_the_morning_after_has_been_it_asks_for_none(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    services.end_session(session, reason="", actor=monitor, at=at + MINUTE)
    dose: Any = {"route": Route.SUBLINGUAL, "dose_mg": steps.ORDER.dose_mg, "taken_at": at}
    assert services.keep_unattributed_dose(session, **dose, actor=monitor, at=at + timedelta(days=3))
    assert stages.fetch(session).no_drive_until is None
    assert Alert.objects.exists()


def test_under_a_key_that_was_used_for_something_else_it_calls_somebody_all_the_same(
    ada: Patient, at: datetime, as_ada: APIClient
) -> None:
    session, _ = stages.started(ada, at=at)
    path = f"sessions/{session.pk}/dose-outcomes"
    assert post(as_ada, path, {"kind": "refused"}, key="one").status_code == 201
    answer = post(as_ada, path, {"kind": "vomited"}, key="one")
    assert (answer.status_code, answer.json()["reasons"][-1]["code"]) == (422, "clinician_called")
    assert Alert.objects.get().source == f"vomited-dose:{session.pk}"


@pytest.mark.parametrize("held", ["by nobody", "by another phone"])
def test_from_a_device_that_the_link_is_not_bound_to_it_calls_somebody_and_stores_nothing(
    ada: Patient, at: datetime, held: str
) -> None:
    session, _ = stages.dosed(ada, at=at)
    token = stages.token_in_mail(session)
    if held == "by nobody":
        services.release_monitor(session, at=at)
    stranger = on("the-key-of-an-old-tablet-2", token)
    path = f"sessions/{session.pk}/dose-outcomes"
    assert "reasons" not in post(stranger, path, {"kind": "refused"}, key="one").json()
    assert not Alert.objects.exists()
    for key in ("one", "two"):
        answer = post(stranger, path, {"kind": "vomited"}, key=key)
        assert (answer.status_code, answer.json()["reasons"][-1]["code"]) == (403, "clinician_called")
        assert answer.json()["code"] == ("device_not_bound" if held == "by nobody" else "other_device")
    assert (Alert.objects.get().source, DoseOutcome.objects.count()) == (f"vomited-dose:{session.pk}", 0)


@pytest.mark.parametrize("kind_of_body", ["application/json", "text/plain"])
def test_from_a_device_that_the_link_is_not_bound_to_what_cannot_be_read_is_refused(
    ada: Patient, at: datetime, kind_of_body: str
) -> None:
    session, _ = stages.dosed(ada, at=at)
    stranger = on("the-key-of-an-old-tablet-2", stages.token_in_mail(session))
    answer = stranger.post(f"/api/v1/sessions/{session.pk}/dose-outcomes", "{", content_type=kind_of_body)
    assert (answer.status_code, Alert.objects.exists()) == (403, False)


def test_a_device_that_the_link_is_not_bound_to_gets_no_answer_of_the_one_that_it_is(
    ada: Patient, at: datetime
) -> None:
    session, _ = stages.dosed(ada, at=at)
    token = stages.token_in_mail(session)
    path, said = f"sessions/{session.pk}/dose-outcomes", {"kind": "vomited", "note": "Twice."}
    assert post(by_link(token), path, said, key="one").status_code == 201
    assert post(on("the-key-of-an-old-tablet-2", token), path, said, key="one").status_code == 403


@pytest.mark.parametrize(
    ("also", "key", "code"),
    [
        ({"note": "x" * 1001}, "one", 400),
        ({"amount": "all of it"}, "one", 400),
        ({"kind": " Vomited "}, "one", 400),
        ({}, "", 428),
        ({}, "x" * 101, 400),
    ],
)
def test_whatever_else_is_wrong_with_the_request_that_it_came_up_is_heard(
    ada: Patient, at: datetime, as_ada: APIClient, also: dict[str, str], key: str, code: int
) -> None:
    session, _ = stages.dosed(ada, at=at)
    path = f"/api/v1/sessions/{session.pk}/dose-outcomes"
    headers = {"Idempotency-Key": key} if key else {}
    fine = as_ada.post(path, also | {"kind": "refused"}, format="json", headers=headers)
    assert ("reasons" in fine.json(), Alert.objects.exists()) == (False, False)
    answer = as_ada.post(path, {"kind": "vomited"} | also, format="json", headers=headers)
    assert (answer.status_code, answer.json()["reasons"][-1]["code"]) == (code, "clinician_called")
    assert (Alert.objects.get().source, DoseOutcome.objects.count()) == (f"vomited-dose:{session.pk}", 0)


def test_from_nobody_there_it_calls_nobody(
    ada: Patient, at: datetime, as_cyd: APIClient, as_ada: APIClient
) -> None:
    session, _ = stages.dosed(ada, at=at)
    path, said = f"/api/v1/sessions/{session.pk}/dose-outcomes", {"kind": "vomited"}
    answers = [client.post(path, said, format="json").status_code for client in (as_cyd, APIClient())]
    answers.append(as_ada.post(path, ["vomited"], format="json").status_code)
    assert (answers, Alert.objects.exists()) == ([428, 401, 400], False)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("dose-outcomes", {"kind": "refused"}),
        ("doses", {"route": "sublingual", "dose_mg": str(steps.ORDER.dose_mg)}),
    ],
)
def test_under_a_used_key_what_cannot_be_read_is_refused_all_the_same(
    ada: Patient, at: datetime, as_ada: APIClient, path: str, said: dict[str, str]
) -> None:
    session, _ = stages.started(ada, at=at)
    address = f"sessions/{session.pk}/{path}"
    assert post(as_ada, address, said, key="one").status_code == 201
    refused = post(as_ada, address, {key: ["x"] for key in said}, key="one")
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
