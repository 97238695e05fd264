"""A time is proposed by the care team, and the patient confirms it or does not."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.utils import ProgrammingError
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import CareTeamMembership, Patient, User
from accounts.services import end_role, grant_role
from core import clock
from core.actors import Actor
from notifications.enums import DeliveryStatus, MessageKind
from notifications.messages import render
from notifications.models import Delivery
from programs import services as programs
from programs.models import Enrollment
from sessions import services
from sessions.models import SessionProposal, TreatmentSession
from tests import steps
from tests.api import post
from tests.conftest import make_user
from tests.sessions import stages

ClientOf = Callable[[User], APIClient]


@pytest.fixture
def enrollment(ada: Patient, at: datetime) -> Enrollment:
    """Ada is in treatment, and nothing is booked."""
    return steps.active(ada, at=at)


@pytest.fixture
def gus(ada: Patient, at: datetime) -> User:
    """Her guide."""
    guide = make_user("gus@clinic.example")
    grant_role(guide, Role.GUIDE, granted_by=None, at=at - timedelta(days=9))
    CareTeamMembership.objects.create(
        patient=ada, member=guide, role=Role.GUIDE, starts_at=at - timedelta(days=9)
    )
    return guide


@pytest.fixture
def as_gus(gus: User, client_of: ClientOf) -> APIClient:
    """Her guide's."""
    return client_of(gus)


def time(days: float = 3, **changed: Any) -> dict[str, Any]:
    return {"scheduled_at": (clock.now() + timedelta(days=days)).isoformat()} | changed


def proposed(client: APIClient, enrollment: Enrollment, **asked: Any) -> dict[str, Any]:
    answer = post(client, f"enrollments/{enrollment.pk}/session-proposals", time(**asked))
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def listed(client: APIClient, enrollment: Enrollment) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/enrollments/{enrollment.pk}/session-proposals")
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def answers(client: APIClient, enrollment: Enrollment) -> list[tuple[str, bool]]:
    return [(row["answer"], row["is_open"]) for row in listed(client, enrollment)]


def say(client: APIClient, proposal: Any, verb: str, body: dict[str, Any] | None = None) -> Any:
    proposal_id = proposal.pk if isinstance(proposal, SessionProposal) else proposal["id"]
    return post(client, f"session-proposals/{proposal_id}/{verb}", body)


def codes(answer: Any) -> set[str]:
    return {reason["code"] for reason in answer.json()["reasons"]}


def told() -> Any:
    return Delivery.objects.filter(kind=MessageKind.TIME_PROPOSED).order_by("id")


# --- the whole way -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("proposer", ["as_ben", "as_gus"])
def test_a_time_is_proposed_and_confirmed(
    enrollment: Enrollment, as_ada: APIClient, proposer: str, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(proposer)
    proposal = proposed(client, enrollment, note="Or a little later.")
    assert (proposal["timezone"], proposal["is_open"]) == (enrollment.patient.timezone, True)
    assert listed(as_ada, enrollment) == [proposal] == listed(client, enrollment)
    assert not TreatmentSession.objects.exists()

    answer = say(as_ada, proposal, "confirmations")
    assert answer.status_code == 201, answer.content
    booked = answer.json()
    assert answer["Location"] == f"/api/v1/sessions/{booked['id']}"
    assert (booked["number"], booked["status"]) == (1, "scheduled")
    assert booked["scheduled_at"] == proposal["scheduled_at"]
    (row,) = listed(client, enrollment)
    assert (row["answer"], row["is_open"], row["session"]) == ("confirmed", False, booked["id"])
    as_booked = as_ada.get(f"/api/v1/sessions/{booked['id']}/preparation")
    assert len(as_booked.json()["items"]) == 5


def test_to_answer_is_what_comes_next(
    enrollment: Enrollment, at: datetime, as_ada: APIClient, as_ben: APIClient
) -> None:
    stages.fill_in(enrollment, at=at)
    proposal = proposed(as_ben, enrollment)
    path = f"/api/v1/enrollments/{enrollment.pk}"
    step = as_ada.get(f"{path}/next-step").json()
    assert (step["code"], step["link"], step["who"]) == (
        "answer_proposal",
        f"{path}/session-proposals",
        "patient",
    )
    say(as_ada, proposal, "declines")
    assert as_ada.get(f"{path}/next-step").json()["code"] == "book_session"


def test_confirming_moves_what_is_booked_and_asks_the_monitor_again(
    session: TreatmentSession, as_ben: APIClient, as_ada: APIClient, as_dan: APIClient
) -> None:
    post(as_dan, f"sessions/{session.pk}/attestations", {"kind": "monitor_present"})
    assert stages.fetch(session).status == "ready"
    proposal = proposed(as_ben, session.enrollment)
    answer = say(as_ada, proposal, "confirmations")
    assert (answer.status_code, answer.json()["id"]) == (201, str(session.pk))
    moved = stages.fetch(session)
    assert (moved.status, moved.scheduled_at.isoformat()) == (
        "scheduled",
        proposal["scheduled_at"].replace("Z", "+00:00"),
    )
    last = moved.transitions.last()
    assert last is not None
    assert (last.event, last.actor.id) == ("rescheduled", str(session.enrollment.patient.user_id))


def test_confirming_the_time_that_is_booked_keeps_what_the_monitor_vouched_for(
    ada: Patient, enrollment: Enrollment, as_ben: APIClient, as_ada: APIClient
) -> None:
    proposal, _ = proposed(as_ben, enrollment, days=3), proposed(as_ben, enrollment, days=4)
    when = datetime.fromisoformat(proposal["scheduled_at"])
    actor, now = Actor.person(ada.user_id), clock.now()
    session = services.book(enrollment.pk, scheduled_at=when, timezone="Etc/GMT", actor=actor, at=now)
    stages.invited(session, at=now)
    services.attest_monitor_present(session, actor=actor, at=now)
    answer = say(as_ada, proposal, "confirmations")
    assert (answer.status_code, answer.json()["id"]) == (201, str(session.pk))
    assert (stages.fetch(session).status, stages.fetch(session).scheduled_at) == ("ready", when)
    assert [row["answer"] for row in listed(as_ben, enrollment)] == ["confirmed", "superseded"]


def test_confirming_one_supersedes_the_others(
    enrollment: Enrollment, as_ben: APIClient, as_ada: APIClient
) -> None:
    one, two, three = (proposed(as_ben, enrollment, days=days) for days in (3, 4, 5))
    say(as_ada, three, "declines")
    assert say(as_ada, two, "confirmations").status_code == 201
    assert answers(as_ben, enrollment) == [("superseded", False), ("confirmed", False), ("declined", False)]
    late = say(as_ada, one, "confirmations")
    assert (late.status_code, late.json()["code"]) == (409, "proposal_answered")


def test_booking_oneself_leaves_a_proposal_open_and_confirming_it_moves_the_booking(
    enrollment: Enrollment, as_ben: APIClient, as_ada: APIClient
) -> None:
    proposal = proposed(as_ben, enrollment, days=3)
    own = post(as_ada, f"enrollments/{enrollment.pk}/sessions", time(days=5)).json()
    assert answers(as_ada, enrollment) == [("", True)]
    moved = say(as_ada, proposal, "confirmations").json()
    assert (moved["id"], moved["scheduled_at"]) == (own["id"], proposal["scheduled_at"])


def test_what_is_declined_or_withdrawn_books_nothing(
    enrollment: Enrollment, as_ben: APIClient, as_gus: APIClient, as_ada: APIClient
) -> None:
    one, two = (proposed(as_ben, enrollment, days=days) for days in (3, 4))
    declined = say(as_ada, one, "declines", {"reason": "I work then."})
    assert (declined.status_code, declined.json()["reason"]) == (201, "I work then.")
    assert say(as_gus, two, "withdrawals").json()["answer"] == "withdrawn"
    for proposal in (one, two):
        assert say(as_ada, proposal, "confirmations").status_code == 409
    assert answers(as_ben, enrollment) == [("declined", False), ("withdrawn", False)]
    assert not TreatmentSession.objects.exists()


def test_the_same_answer_again_is_harmless_another_one_is_refused(
    enrollment: Enrollment, as_ben: APIClient, as_gus: APIClient, as_ada: APIClient
) -> None:
    one, two, three = (proposed(as_ben, enrollment, days=days) for days in (3, 4, 5))
    assert [say(as_ada, two, "declines").status_code for _ in range(2)] == [201, 201]
    assert [say(as_ben, three, "withdrawals").status_code for _ in range(2)] == [201, 201]
    assert say(as_gus, three, "withdrawals").status_code == 409
    first, again = (say(as_ada, one, "confirmations") for _ in range(2))
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert TreatmentSession.objects.get().version == 1
    for client, verb in ((as_ada, "declines"), (as_ben, "withdrawals")):
        assert say(client, one, verb).json()["code"] == "proposal_answered"


# --- what is asked -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("days", "code"), [(-1, "in_the_past"), (400, "too_far_ahead"), (3, "too_soon")])
def test_a_time_that_cannot_be_is_not_proposed(
    ada: Patient, at: datetime, as_ben: APIClient, days: int, code: str
) -> None:
    """Two days ago there was a dose; the plan says seven."""
    enrollment = stages.reached(ada, "completed", at=at).enrollment
    answer = post(as_ben, f"enrollments/{enrollment.pk}/session-proposals", time(days=days))
    assert (answer.status_code, codes(answer)) == (422, {code})
    assert not SessionProposal.objects.exists()
    assert not told().exists()


@pytest.mark.django_db(transaction=True)
def test_every_reason_is_given(ada: Patient, at: datetime, as_ben: APIClient) -> None:
    done = stages.reached(ada, "completed", at=at)
    TreatmentSession.objects.filter(pk=done.pk).update(number=6)
    answer = post(as_ben, f"enrollments/{done.enrollment_id}/session-proposals", time())
    assert codes(answer) == {"all_sessions_used", "too_soon"}


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"scheduled_at": "2026-03-02T12:00:00"}, "/scheduled_at"),
        ({"note": "n" * 301}, "/note"),
        ({"number": 3}, "/number"),
    ],
)
def test_a_malformed_proposal_is_a_400(
    enrollment: Enrollment, as_ben: APIClient, changed: dict[str, Any], pointer: str
) -> None:
    answer = post(as_ben, f"enrollments/{enrollment.pk}/session-proposals", time(**changed))
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_one_moment_is_proposed_once_until_it_is_answered(
    enrollment: Enrollment, as_ben: APIClient, as_gus: APIClient, as_ada: APIClient
) -> None:
    asked = time()
    path = f"enrollments/{enrollment.pk}/session-proposals"
    first = post(as_ben, path, asked, key="k")
    assert post(as_ben, path, asked, key="k").json() == first.json()
    again = post(as_gus, path, asked)
    assert (again.status_code, again.json()["code"]) == (409, "time_already_proposed")
    say(as_ada, first.json(), "declines")
    assert post(as_gus, path, asked).status_code == 201


def test_nothing_is_proposed_or_confirmed_during_a_pause(
    ada: Patient, at: datetime, enrollment: Enrollment, as_ben: APIClient, as_ada: APIClient
) -> None:
    proposal = proposed(as_ben, enrollment)
    programs.pause(enrollment.pk, patient_user=ada.user, at=at)
    refused = [
        post(as_ben, f"enrollments/{enrollment.pk}/session-proposals", time(days=4)),
        say(as_ada, proposal, "confirmations"),
    ]
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(409, "wrong_enrollment_state")] * 2
    programs.resume(enrollment.pk, patient_user=ada.user, at=at)
    assert say(as_ada, proposal, "confirmations").status_code == 201


def test_nothing_is_proposed_or_confirmed_after_leaving(
    ada: Patient, at: datetime, enrollment: Enrollment, as_ben: APIClient, as_ada: APIClient
) -> None:
    proposal = proposed(as_ben, enrollment)
    programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
    assert post(as_ben, f"enrollments/{enrollment.pk}/session-proposals", time(days=4)).status_code == 409
    assert say(as_ada, proposal, "confirmations").status_code == 409


@pytest.mark.django_db(transaction=True)
def test_a_time_that_has_passed_is_neither_open_nor_confirmed(
    enrollment: Enrollment, ben: User, at: datetime, as_ada: APIClient
) -> None:
    past = at - timedelta(hours=1)
    proposal = services.propose(
        enrollment.pk,
        scheduled_at=past,
        timezone="America/New_York",
        note="",
        by=ben,
        at=past - timedelta(days=1),
    )
    assert answers(as_ada, enrollment) == [("", False)]
    answer = say(as_ada, proposal, "confirmations")
    assert (answer.status_code, codes(answer)) == (422, {"in_the_past"})


@pytest.mark.django_db(transaction=True)
def test_a_dose_since_then_is_asked_about_as_it_is_confirmed(
    ada: Patient, ben: User, at: datetime, as_ada: APIClient, as_ben: APIClient
) -> None:
    """While the session runs it is not moved; after it the next one keeps its distance. It stays open."""
    start = at - timedelta(minutes=120)
    session = stages.booked(ada, at=start - timedelta(minutes=10))
    proposal = services.propose(
        session.enrollment_id,
        scheduled_at=at + timedelta(days=3),
        timezone=session.timezone,
        note="",
        by=ben,
        at=start - timedelta(minutes=10),
    )
    link = stages.prepared(session, at=start - timedelta(minutes=1))
    monitor = Actor.capability(link.pk)
    running = services.start_session(session, actor=monitor, at=start)
    started = stages.fetch(session)
    refused = say(as_ada, proposal, "confirmations")
    assert (refused.status_code, refused.json()["code"]) == (409, "session_already_booked")
    assert stages.fetch(session).version == started.version
    again = post(as_ben, f"enrollments/{session.enrollment_id}/session-proposals", time(days=9))
    assert again.json()["code"] == "session_already_booked"

    stages.take(running, monitor, at=start)
    for due_at in stages.open_due(session):
        stages.tap(session, monitor, at=due_at)
    stages.recovered(session, monitor, at=at)
    services.end_session(stages.fetch(session), reason="", actor=monitor, at=at)
    refused = say(as_ada, proposal, "confirmations")
    assert (refused.status_code, codes(refused)) == (422, {"too_soon"})
    assert answers(as_ada, session.enrollment) == [("", True)]
    assert TreatmentSession.objects.get().scheduled_at == session.scheduled_at


# --- what is told ------------------------------------------------------------------------------------------


def test_the_patient_hears_of_it_once_and_nothing_of_what_it_is(
    enrollment: Enrollment, as_ben: APIClient
) -> None:
    proposal = proposed(as_ben, enrollment, note="Your ketamine session.")
    mail = told().get()
    assert (mail.user, mail.status) == (enrollment.patient.user, DeliveryStatus.DUE)
    assert mail.expires_at.isoformat() == proposal["scheduled_at"].replace("Z", "+00:00")
    text = render(MessageKind.TIME_PROPOSED, {})
    assert text.subject == "A time is proposed to you"
    assert "We propose a time to you. Say whether it suits you" in text.body


def test_what_is_answered_asks_for_no_answer_any_more(
    enrollment: Enrollment, as_ben: APIClient, as_ada: APIClient
) -> None:
    one, two, three, _ = (proposed(as_ben, enrollment, days=days) for days in (3, 4, 5, 6))
    say(as_ben, one, "withdrawals")
    say(as_ada, two, "declines")
    due = [DeliveryStatus.DUE]
    assert list(told().values_list("status", flat=True)) == [DeliveryStatus.CANCELLED] * 2 + due * 2
    say(as_ada, three, "confirmations")
    assert set(told().values_list("status", flat=True)) == {DeliveryStatus.CANCELLED}


# --- who ---------------------------------------------------------------------------------------------------


def test_others_find_nothing(
    enrollment: Enrollment, cyd: Patient, client_of: ClientOf, as_ben: APIClient, as_cyd: APIClient
) -> None:
    proposal = proposed(as_ben, enrollment)
    path = f"enrollments/{enrollment.pk}/session-proposals"
    stranger = make_user("gil@clinic.example")
    grant_role(stranger, Role.GUIDE, granted_by=None, at=clock.now() - timedelta(days=9))
    for client in (as_cyd, client_of(stranger)):
        assert client.get(f"/api/v1/{path}").status_code == 404
        assert post(client, path, time(days=4)).status_code == 404
        assert say(client, proposal, "withdrawals").status_code == 404
    for verb in ("confirmations", "declines"):
        assert say(as_cyd, proposal, verb).status_code == 404
        assert say(as_cyd, {"id": uuid4()}, verb).status_code == 404
    assert answers(as_ben, enrollment) == [("", True)]


def test_each_side_does_its_own_part(
    session: TreatmentSession, as_ada: APIClient, as_ben: APIClient, as_gus: APIClient, as_dan: APIClient
) -> None:
    """The patient books, and proposes nothing; who cares for them proposes, and confirms nothing."""
    enrollment = session.enrollment
    proposal = proposed(as_ben, enrollment)
    path = f"enrollments/{enrollment.pk}/session-proposals"
    assert post(as_ada, path, time(days=4)).status_code == 404
    assert say(as_ada, proposal, "withdrawals").status_code == 404
    for client in (as_ben, as_gus):
        assert [say(client, proposal, verb).status_code for verb in ("confirmations", "declines")] == [
            403
        ] * 2
    assert as_dan.get(f"/api/v1/{path}").status_code == 403
    assert post(as_dan, path, time(days=4)).status_code == 403
    for verb in ("confirmations", "declines", "withdrawals"):
        assert say(as_dan, proposal, verb).status_code == 403


def test_a_guide_who_is_none_any_more_finds_nothing(
    enrollment: Enrollment, gus: User, at: datetime, as_gus: APIClient
) -> None:
    proposal = proposed(as_gus, enrollment)
    end_role(gus, Role.GUIDE, at=at)
    assert as_gus.get(f"/api/v1/enrollments/{enrollment.pk}/session-proposals").status_code == 404
    assert say(as_gus, proposal, "withdrawals").status_code == 404


# --- what must never be false ------------------------------------------------------------------------------


def attack(sql: str, *values: Any) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


CHANGE = "UPDATE treatment_sessions_sessionproposal SET {} WHERE id = %s"


@pytest.mark.parametrize(
    ("changes", "name", "kind"),
    [
        ("answer = 'confirmed', answered_at = now(), answered_by_id = '{user}'", "is_whole", IntegrityError),
        ("answer = 'declined'", "is_whole", IntegrityError),
        ("answered_at = now()", "is_whole", IntegrityError),
        ("reason = 'No.'", "is_whole", IntegrityError),
        ("answer = 'perhaps', answered_at = now(), answered_by_id = '{user}'", "is_whole", IntegrityError),
        ("session_id = '{other}'", "proposal_names_its_own", IntegrityError),
        ("scheduled_at = now()", "permission denied", ProgrammingError),
        ("note = ''", "permission denied", ProgrammingError),
    ],
)
def test_an_answer_is_whole_or_absent(
    enrollment: Enrollment,
    cyd: Patient,
    at: datetime,
    as_ben: APIClient,
    changes: str,
    name: str,
    kind: type[DatabaseError],
) -> None:
    proposal = proposed(as_ben, enrollment)
    others = TreatmentSession.objects.create(
        enrollment=Enrollment.objects.create(patient=cyd, program=enrollment.program),
        number=1,
        scheduled_at=at,
        timezone="Etc/GMT",
    )
    filled = changes.format(user=enrollment.patient.user_id, other=others.pk)
    with pytest.raises(kind, match=name):
        attack(CHANGE.format(filled), proposal["id"])


def test_an_answer_stays(enrollment: Enrollment, as_ben: APIClient, as_ada: APIClient) -> None:
    proposal = proposed(as_ben, enrollment)
    say(as_ada, proposal, "declines", {"reason": "No."})
    with pytest.raises(IntegrityError, match="proposal_answered_once"):
        attack(CHANGE.format("reason = 'Yes.'"), proposal["id"])
    with pytest.raises(ProgrammingError, match="permission denied"):
        attack("DELETE FROM treatment_sessions_sessionproposal")


def test_who_leaves_is_asked_for_no_answer_any_more(enrollment: Enrollment, as_ben: APIClient) -> None:
    proposed(as_ben, enrollment)
    assert answers(as_ben, enrollment) == [("", True)]
    patient = enrollment.patient.user
    programs.withdraw(enrollment.pk, patient_user=patient, reason="Moving away.", at=clock.now())
    assert answers(as_ben, enrollment) == [("", False)]


def test_no_moment_is_open_twice(enrollment: Enrollment, as_ben: APIClient) -> None:
    proposed(as_ben, enrollment)
    twin = SessionProposal.objects.get()
    twin.pk = uuid4()
    with pytest.raises(IntegrityError, match="proposal_open_once_per_moment"), transaction.atomic():
        twin.save(force_insert=True)
