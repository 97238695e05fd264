"""What was sent is found in the app too, whichever way it went; and why a reminder was sent or was not."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from accounts.models import Patient, User
from notifications import messages, rules
from notifications.enums import DeliveryStatus, MessageKind
from notifications.models import Delivery
from notifications.rules import Outcome, appears
from notifications.services import cancel, deliver_due, suppress
from tests.api import post
from tests.conftest import make_patient
from tests.notifications.conftest import Due, Sink

INBOX = "/api/v1/inbox"
FORM, BOOKED, NEWS, TIME, CALL = (
    MessageKind.ASSESSMENT_DUE,
    MessageKind.SESSION_TOMORROW,
    MessageKind.NEWS,
    MessageKind.TIME_PROPOSED,
    MessageKind.CHECK_IN_MISSED,
)
HOUR = timedelta(hours=1)


@pytest.fixture
def ada(db: None) -> Patient:
    return make_patient("ada@example.org", "Ada Example")


@pytest.fixture
def cyd(db: None) -> Patient:
    return make_patient("cyd@example.org", "Cyd Example")


@pytest.fixture
def noon(at: datetime) -> datetime:
    """When nobody is left alone."""
    return at.replace(hour=17, minute=0)


@pytest.fixture
def as_ada(ada: Patient, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(ada.user)


def put_in(patient: Patient, appeared_at: datetime, *, kind: MessageKind = NEWS) -> Delivery:
    return Delivery.objects.create(
        dedupe_key=str(uuid4()),
        kind=kind,
        user=patient.user,
        due_at=appeared_at,
        expires_at=appeared_at + HOUR,
        status=DeliveryStatus.SENT,
        finished_at=appeared_at,
        appeared_at=appeared_at,
    )


def shown(client: APIClient, query: str = "") -> list[str]:
    return [message["id"] for message in client.get(f"{INBOX}{query}").json()["results"]]


# --- what gets there ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MessageKind)
@pytest.mark.parametrize("status", DeliveryStatus)
def test_what_left_or_may_have_or_could_not_appears(kind: MessageKind, status: DeliveryStatus) -> None:
    expected = kind in {FORM, BOOKED, NEWS, TIME, CALL} and status in {
        "sent",
        "delivered",
        "unknown",
        "failed",
    }
    assert appears(kind, Outcome(status, "")) is expected


def test_what_had_no_way_appears_and_what_was_stopped_does_not(
    ada: Patient, noon: datetime, due: Due, as_ada: APIClient
) -> None:
    EmailAddress.objects.filter(user=ada.user).update(verified=False)
    wanted = due(FORM, user=ada.user, due_at=noon, expires_at=noon + HOUR)
    deliver_due(at=noon)
    suppress(ada.user, kinds=rules.REMINDERS, cause="opted out", at=noon)
    due(BOOKED, user=ada.user, due_at=noon, expires_at=noon + HOUR)
    deliver_due(at=noon)
    assert shown(as_ada) == [str(wanted.pk)]


def test_what_was_called_back_or_went_stale_is_not_there(
    ada: Patient, noon: datetime, due: Due, as_ada: APIClient
) -> None:
    due(FORM, user=ada.user, dedupe_key="a", due_at=noon, expires_at=noon + HOUR)
    due(BOOKED, user=ada.user, dedupe_key="b", due_at=noon, expires_at=noon + HOUR)
    cancel("a", at=noon)
    deliver_due(at=noon + 2 * HOUR)
    assert shown(as_ada) == []


def test_what_was_said_together_is_there_apart(
    ada: Patient, noon: datetime, due: Due, sink: Sink, as_ada: APIClient
) -> None:
    both = {str(due(kind, user=ada.user, due_at=noon, expires_at=noon + HOUR).pk) for kind in (FORM, BOOKED)}
    deliver_due(at=noon)
    assert len(sink.taken) == 1
    assert set(shown(as_ada)) == both


# --- reading it --------------------------------------------------------------------------------------------


def test_it_says_in_words_of_ours_what_there_is(as_ada: APIClient, ada: Patient, at: datetime) -> None:
    put_in(ada, at, kind=FORM)
    answer = as_ada.get(INBOX).json()
    (message,) = answer["results"]
    assert answer["unread"] == 1
    assert message["title"] == "Something is waiting for you"
    assert message["text"].startswith("There is something for you to fill in. Need a person? Call ")
    assert message["link"] == messages.link("today")
    assert message["read_at"] is None


@pytest.mark.parametrize("kind", sorted(rules.IN_INBOX))
def test_a_message_in_short_is_one_whole_sentence(kind: MessageKind) -> None:
    said = messages.on_a_lock_screen([kind]).body
    assert "{" not in said
    assert said.count(".") == 1
    assert not messages.telling(said)


def test_the_newest_stands_first_page_by_page(as_ada: APIClient, ada: Patient, at: datetime) -> None:
    moments = [at, at + HOUR, at + HOUR, at + 2 * HOUR, at - HOUR]
    rows = [put_in(ada, moment) for moment in moments]
    expected = [str(rows[index].pk) for index in (3, 2, 1, 0, 4)]
    found, address = list[str](), f"{INBOX}?limit=2"
    while address:
        answer = as_ada.get(address).json()
        found += [message["id"] for message in answer["results"]]
        address = answer["next"]
    assert found == expected


@pytest.mark.parametrize("cursor", ["cD1ub3c=", "cD0yMDI2LTAxLTAx", "cD0yMDI2LTEzLTAx", "cD0lMDA="])
def test_a_page_that_no_answer_named_is_refused(as_ada: APIClient, cursor: str) -> None:
    assert as_ada.get(INBOX, {"cursor": cursor}).status_code == 400


def test_it_is_nobody_elses(as_ada: APIClient, cyd: Patient, at: datetime) -> None:
    hers = put_in(cyd, at)
    assert shown(as_ada) == []
    assert post(as_ada, f"inbox/{hers.pk}/read").status_code == 404
    post(as_ada, "inbox/read", {"until": at.isoformat()})
    hers.refresh_from_db()
    assert hers.read_at is None


def test_who_has_no_chart_has_none(ben: User, client_of: Callable[[User], APIClient]) -> None:
    assert client_of(ben).get(INBOX).status_code == 403


def test_one_is_seen_once(as_ada: APIClient, ada: Patient, at: datetime) -> None:
    first, second = put_in(ada, at), put_in(ada, at + HOUR)
    assert post(as_ada, f"inbox/{first.pk}/read").json() == {"unread": 1}
    first.refresh_from_db()
    seen_at = first.read_at
    assert seen_at is not None
    post(as_ada, f"inbox/{first.pk}/read")
    for row in (first, second):
        row.refresh_from_db()
    assert (first.read_at, second.read_at) == (seen_at, None)


def test_all_until_a_moment_and_none_that_came_since(as_ada: APIClient, ada: Patient, at: datetime) -> None:
    rows = [put_in(ada, at), put_in(ada, at + HOUR), put_in(ada, at + 2 * HOUR)]
    body = {"until": (at + HOUR).isoformat()}
    assert post(as_ada, "inbox/read", body).json() == {"unread": 1}
    for row in rows:
        row.refresh_from_db()
    assert [row.read_at is not None for row in rows] == [True, True, False]


@pytest.mark.parametrize("body", [{}, {"until": "2026-03-02T15:00:00"}, {"until": 1}, {"until": None}])
def test_a_moment_that_is_none_is_refused(as_ada: APIClient, body: dict[str, Any]) -> None:
    assert post(as_ada, "inbox/read", body).status_code == 400


def test_what_never_appeared_cannot_be_seen(ada: Patient, at: datetime, due: Due, as_ada: APIClient) -> None:
    waiting = due(NEWS, user=ada.user)
    assert post(as_ada, f"inbox/{waiting.pk}/read").status_code == 404
    with pytest.raises(IntegrityError, match="delivery_read_where_it_appeared"), transaction.atomic():
        Delivery.objects.filter(pk=waiting.pk).update(read_at=at)


def test_the_count_ends_somewhere(
    as_ada: APIClient, ada: Patient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.queries.MOST_UNREAD", 2)
    for _ in range(3):
        put_in(ada, at)
    assert as_ada.get(INBOX).json()["unread"] == 2


# --- why it was sent, or was not ---------------------------------------------------------------------------


def why(client: APIClient, reminder: Delivery) -> str:
    said: str = client.get(f"/api/v1/reminders/{reminder.pk}").json()["why"]
    return said


def test_a_reminder_says_why(ada: Patient, noon: datetime, due: Due, as_ada: APIClient) -> None:
    reminder = due(FORM, user=ada.user, due_at=noon, expires_at=noon + HOUR)
    assert why(as_ada, reminder) == "It waits for its time."
    deliver_due(at=noon + HOUR)
    assert why(as_ada, reminder) == "Its time passed before it could be sent."


def test_one_that_was_stopped_says_by_what(ada: Patient, noon: datetime, due: Due, as_ada: APIClient) -> None:
    suppress(ada.user, kinds=rules.REMINDERS, cause="opted out", at=noon)
    reminder = due(BOOKED, user=ada.user, due_at=noon, expires_at=noon + HOUR)
    deliver_due(at=noon)
    assert why(as_ada, reminder) == "Reminders are stopped (opted out)."


def test_reminders_are_listed_and_nothing_else(
    ada: Patient, cyd: Patient, at: datetime, due: Due, as_ada: APIClient
) -> None:
    near, far = due(FORM, user=ada.user), due(BOOKED, user=ada.user, due_at=at + HOUR)
    due(NEWS, user=ada.user)
    hers = due(FORM, user=cyd.user)
    listed = as_ada.get("/api/v1/reminders").json()["results"]
    assert [reminder["id"] for reminder in listed] == [str(far.pk), str(near.pk)]
    assert as_ada.get(f"/api/v1/reminders/{hers.pk}").status_code == 404


def test_a_page_is_no_reminder(ada: Patient, due: Due, as_ada: APIClient) -> None:
    assert as_ada.get(f"/api/v1/reminders/{due(NEWS, user=ada.user).pk}").status_code == 404


def test_twin_without_the_inbox_nothing_is_there(
    ada: Patient, noon: datetime, due: Due, as_ada: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "appears", lambda kind, outcome: False)
    due(NEWS, user=ada.user, due_at=noon, expires_at=noon + HOUR)
    deliver_due(at=noon)
    assert shown(as_ada) == []
