"""What a mail server gets to see, and what the row says afterwards; the server is real."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from allauth.account.models import EmailAddress

from accounts.models import User
from config import celery
from config.local.state import free_port
from core.clock import advance_demo, now
from notifications import rules, services, tasks
from notifications.enums import DeliveryStatus, MessageKind
from notifications.messages import link
from notifications.models import Delivery
from notifications.services import deliver_due, suppress, unsuppress
from tests.notifications.conftest import Due, Sink

REMINDER = MessageKind.ASSESSMENT_DUE
PAGE = MessageKind.ALERT_PAGE


def state(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return str(delivery.status)


def lapse(delivery: Delivery) -> None:
    """Leave the row as a worker does that was killed while it held it."""
    Delivery.objects.filter(pk=delivery.pk).update(
        status=DeliveryStatus.LEASED, fence=1, leased_until="2000-01-01T00:00Z"
    )


def test_a_reminder_arrives(ada: User, at: datetime, due: Due, sink: Sink, settings: Any) -> None:
    delivery = due(REMINDER, user=ada)
    assert deliver_due(at=at) == 1
    assert state(delivery) == DeliveryStatus.SENT
    assert delivery.outcome == "Taken by the provider at try 1."
    assert (delivery.finished_at, delivery.leased_until, bytes(delivery.payload)) == (at, None, b"")
    message = sink.taken[0]
    assert sink.to == [message["To"]] == ["ada@example.org"]
    assert message["From"] == settings.DEFAULT_FROM_EMAIL
    assert message["Subject"] == "Something is waiting for you"
    assert message["Message-ID"] == f"<{delivery.pk}@localhost>"
    assert message["Auto-Submitted"] == "auto-generated"


def test_an_invitation_goes_to_its_literal_address(db: None, at: datetime, due: Due, sink: Sink) -> None:
    address = link("invitations", "TOKEN")
    words = {"link": address, "first_name": "Ada"}
    due(MessageKind.MONITOR_INVITATION, address="max@example.org", words=words)
    deliver_due(at=at)
    assert sink.to == ["max@example.org"]
    assert address in sink.text()


def test_nothing_leaves_before_its_time(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    due(REMINDER, user=ada, due_at=at + timedelta(seconds=1))
    assert deliver_due(at=at) == 0
    assert deliver_due(at=at + timedelta(seconds=1)) == 1


def test_no_more_than_the_limit(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    for _ in range(3):
        due(REMINDER, user=ada)
    assert [deliver_due(at=at, limit=2) for _ in range(3)] == [2, 1, 0]


def test_pages_pass_a_backlog(ada: User, ben: User, at: datetime, due: Due, sink: Sink) -> None:
    for _ in range(3):
        due(REMINDER, user=ada, due_at=at - timedelta(hours=1))
    due(MessageKind.CHECK_IN_MISSED, user=ada)
    due(PAGE, user=ben, due_at=at - timedelta(minutes=1))
    deliver_due(at=at, limit=3)
    subjects = [message["Subject"] for message in sink.taken]
    assert subjects == ["Please look now", "Please answer now", "Something is waiting for you"]


def test_a_page_for_triage_waits_its_turn(ada: User, ben: User, at: datetime, due: Due, sink: Sink) -> None:
    due(MessageKind.TRIAGE_PAGE, user=ben, due_at=at - timedelta(hours=1))
    due(REMINDER, user=ada, due_at=at - timedelta(hours=2))
    due(PAGE, user=ben)
    deliver_due(at=at)
    subjects = [message["Subject"] for message in sink.taken]
    assert subjects == ["Please look now", "Something is waiting for you", "Please look soon"]


# --- the moment of sending ----------------------------------------------------------------------------------


def test_an_expired_message_does_not_leave(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    delivery = due(REMINDER, user=ada)
    deliver_due(at=at + timedelta(days=1))
    assert state(delivery) == DeliveryStatus.EXPIRED
    assert sink.taken == []


def test_a_suppressed_reminder_does_not_leave(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    delivery = due(REMINDER, user=ada)
    suppress(ada, kinds=[REMINDER], cause="hold:1", at=at)
    deliver_due(at=at)
    assert (state(delivery), delivery.outcome) == (
        DeliveryStatus.CANCELLED,
        "Reminders are stopped (hold:1).",
    )
    assert sink.taken == []


def test_other_peoples_and_lifted_suppressions_do_not_bind(
    ada: User, cyd: User, at: datetime, due: Due, sink: Sink
) -> None:
    suppress(ada, kinds=[MessageKind.SESSION_TOMORROW], cause="other kind", at=at)
    suppress(cyd, kinds=[REMINDER], cause="other person", at=at)
    suppress(ada, kinds=[REMINDER], cause="lifted", at=at)
    unsuppress(ada, cause="lifted", at=at)
    due(REMINDER, user=ada)
    deliver_due(at=at)
    assert sink.to == ["ada@example.org"]


def test_a_page_passes_every_suppression(ben: User, at: datetime, due: Due, sink: Sink) -> None:
    due(PAGE, user=ben)
    suppress(ben, kinds=rules.REMINDERS, cause="hold:1", at=at)
    deliver_due(at=at)
    assert sink.to == ["ben@clinic.example"]


def test_a_closed_account_gets_nothing(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    delivery = due(REMINDER, user=ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    deliver_due(at=at)
    assert (state(delivery), delivery.outcome) == (DeliveryStatus.CANCELLED, "The account is closed.")
    assert sink.taken == []


@pytest.mark.parametrize("change", [{"verified": False}, {"primary": False}])
def test_an_unproven_address_gets_nothing(
    change: dict[str, bool], ada: User, at: datetime, due: Due, sink: Sink
) -> None:
    delivery = due(REMINDER, user=ada)
    EmailAddress.objects.filter(user=ada).update(**change)
    deliver_due(at=at)
    assert (state(delivery), delivery.outcome) == (
        DeliveryStatus.CANCELLED,
        "The account has no verified address.",
    )
    assert sink.taken == []


def test_an_address_changed_meanwhile_is_the_one_used(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    due(REMINDER, user=ada)
    EmailAddress.objects.filter(user=ada).update(primary=False)
    EmailAddress.objects.create(user=ada, email="new@example.org", primary=True, verified=True)
    deliver_due(at=at)
    assert sink.to == ["new@example.org"]


def test_a_payload_moved_from_another_row_goes_nowhere(
    db: None, at: datetime, due: Due, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    mine = due(MessageKind.VERIFY_EMAIL, address="ada@example.org", words={"code": "ADAS-CODE"})
    theirs = due(MessageKind.VERIFY_EMAIL, address="cyd@example.org", words={"code": "CYDS-CODE"})
    Delivery.objects.filter(pk=mine.pk).update(payload=theirs.payload)
    with caplog.at_level(logging.CRITICAL):
        deliver_due(at=at)
    assert (state(mine), state(theirs)) == (DeliveryStatus.FAILED, DeliveryStatus.SENT)
    assert sink.to == ["cyd@example.org"]


# --- what the server answers --------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["at_mail", "at_recipient", "at_data"])
def test_a_passing_refusal_is_tried_again(where: str, ada: User, at: datetime, due: Due, sink: Sink) -> None:
    delivery = due(REMINDER, user=ada)
    setattr(sink, where, "451 later")
    deliver_due(at=at)
    assert (state(delivery), delivery.due_at) == (DeliveryStatus.DUE, at + timedelta(seconds=15))
    assert "451" in delivery.outcome
    setattr(sink, where, "250 OK")
    assert deliver_due(at=at + timedelta(seconds=14)) == 0
    deliver_due(at=at + timedelta(seconds=15))
    assert (state(delivery), delivery.outcome) == (
        DeliveryStatus.SENT,
        "Taken by the provider at try 2.",
    )
    assert len(sink.taken) == 1


@pytest.mark.parametrize("where", ["at_mail", "at_recipient", "at_data"])
def test_a_refusal_for_good_is_final(where: str, ada: User, at: datetime, due: Due, sink: Sink) -> None:
    delivery = due(REMINDER, user=ada)
    setattr(sink, where, "550 no ada@example.org here")
    deliver_due(at=at)
    assert state(delivery) == DeliveryStatus.FAILED
    assert "550" in delivery.outcome
    assert "ada" not in delivery.outcome
    assert bytes(delivery.payload) == b""
    assert deliver_due(at=at + timedelta(hours=1)) == 0


def test_a_server_that_is_down_is_tried_until_the_message_expires(
    ada: User, at: datetime, due: Due, sink: Sink, settings: Any
) -> None:
    settings.EMAIL_PORT = free_port()
    delivery = due(REMINDER, user=ada, expires_at=at + timedelta(minutes=2))
    tries = []
    while state(delivery) == DeliveryStatus.DUE:
        tries.append(delivery.due_at - at)
        deliver_due(at=delivery.due_at)
    assert [pause.total_seconds() for pause in tries] == [0, 15, 45, 105]
    assert (delivery.status, delivery.outcome) == (
        DeliveryStatus.FAILED,
        "Not taken at try 4 (no connection: ConnectionRefusedError).",
    )


@pytest.mark.parametrize("kind", [REMINDER, PAGE])
def test_a_connection_that_breaks_at_the_greeting_leaves_no_doubt(
    kind: MessageKind, ada: User, at: datetime, due: Due, sink: Sink
) -> None:
    delivery = due(kind, user=ada)
    sink.cuts = "helo"
    deliver_due(at=at)
    assert state(delivery) == DeliveryStatus.DUE


@pytest.mark.parametrize("where", ["mail", "before", "after"])
def test_a_reminder_in_doubt_is_not_repeated(
    where: str, ada: User, at: datetime, due: Due, sink: Sink
) -> None:
    delivery = due(REMINDER, user=ada)
    sink.cuts = where
    deliver_due(at=at)
    assert state(delivery) == DeliveryStatus.UNKNOWN
    assert delivery.outcome.startswith("It may have arrived; not repeated (connection broke")
    sink.cuts = None
    assert deliver_due(at=at + timedelta(hours=1)) == 0
    assert len(sink.taken) == (where == "after")


def test_with_a_key_a_reminder_in_doubt_is_repeated_under_the_same_key(
    ada: User, at: datetime, due: Due, sink: Sink, settings: Any
) -> None:
    settings.EMAIL_KEY_HEADER = "Relay-Idempotency-Key"
    delivery = due(REMINDER, user=ada)
    sink.cuts = "after"
    deliver_due(at=at)
    assert state(delivery) == DeliveryStatus.LEASED
    sink.cuts = None
    lapse(delivery)
    deliver_due(at=at)
    assert state(delivery) == DeliveryStatus.SENT
    assert [message["Relay-Idempotency-Key"] for message in sink.taken] == [str(delivery.pk)] * 2


def test_without_one_no_header_is_added(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    due(REMINDER, user=ada)
    deliver_due(at=at)
    assert "Relay-Idempotency-Key" not in sink.taken[0]


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_page_in_doubt_is_repeated_once_the_lease_ends(
    where: str, ben: User, at: datetime, due: Due, sink: Sink
) -> None:
    delivery = due(PAGE, user=ben)
    sink.cuts = where
    deliver_due(at=at)
    assert state(delivery) == DeliveryStatus.LEASED
    assert delivery.outcome.startswith("It may have arrived; to be repeated")
    sink.cuts = None
    assert deliver_due(at=at) == 0
    lapse(delivery)
    deliver_due(at=at)
    assert state(delivery) == DeliveryStatus.SENT
    assert len(sink.taken) == 1 + (where == "after")
    assert len(set(sink.ids)) == 1


def test_a_message_that_cannot_be_written_fails(db: None, at: datetime, due: Due, sink: Sink) -> None:
    bad = due(MessageKind.VERIFY_EMAIL, address="a@b\nBcc: cyd@example.org", words={"code": "ABCD-2345"})
    good = due(MessageKind.VERIFY_EMAIL, address="ada@example.org", words={"code": "ABCD-2345"})
    assert deliver_due(at=at) == 2
    assert (state(bad), state(good)) == (DeliveryStatus.FAILED, DeliveryStatus.SENT)
    assert sink.to == ["ada@example.org"]


def test_a_page_that_miscarries_is_an_error_in_the_log(
    ben: User, ada: User, at: datetime, due: Due, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    page = due(PAGE, user=ben)
    due(REMINDER, user=ada)
    sink.at_recipient = "550 nobody here"
    deliver_due(at=at)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        f"Urgent delivery {page.pk}: failed. Not taken at try 1 (recipient refused with 550)."
    ]


# --- a worker that never came back --------------------------------------------------------------------------


def test_a_lease_keeps_others_away(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    delivery = due(REMINDER, user=ada)
    lapse(delivery)
    Delivery.objects.filter(pk=delivery.pk).update(leased_until=now() + timedelta(seconds=20))
    assert deliver_due(at=at) == 0


def test_a_reminder_left_behind_becomes_unknown(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    delivery = due(REMINDER, user=ada)
    lapse(delivery)
    deliver_due(at=at)
    assert state(delivery) == DeliveryStatus.UNKNOWN
    assert sink.taken == []


@pytest.mark.parametrize("kind", [PAGE, MessageKind.CHECK_IN_MISSED])
def test_what_must_arrive_is_sent_again(
    kind: MessageKind, ben: User, at: datetime, due: Due, sink: Sink
) -> None:
    delivery = due(kind, user=ben)
    lapse(delivery)
    deliver_due(at=at)
    assert state(delivery) == DeliveryStatus.SENT
    assert len(sink.taken) == 1


def test_a_message_that_kills_its_senders_is_given_up(ben: User, at: datetime, due: Due, sink: Sink) -> None:
    delivery = due(PAGE, user=ben)
    lapse(delivery)
    Delivery.objects.filter(pk=delivery.pk).update(fence=rules.MAX_ATTEMPTS)
    deliver_due(at=at)
    assert state(delivery) == DeliveryStatus.UNKNOWN
    assert sink.taken == []


def test_a_lease_is_called_back_with_the_message(ben: User, at: datetime, due: Due, sink: Sink) -> None:
    delivery = due(PAGE, user=ben)
    lapse(delivery)
    services.cancel(delivery.dedupe_key, at=at)
    assert deliver_due(at=at) == 0
    assert state(delivery) == DeliveryStatus.CANCELLED


def test_the_demo_clock_takes_nothing_out_of_hands(
    ben: User, at: datetime, due: Due, sink: Sink, demo: None
) -> None:
    delivery = due(PAGE, user=ben, expires_at=at + timedelta(days=30))
    sink.cuts = "after"
    deliver_due(at=at)
    sink.cuts = None
    advance_demo(by=timedelta(days=7))
    assert deliver_due(at=now()) == 0
    assert state(delivery) == DeliveryStatus.LEASED


def test_the_task_sends_all_that_is_due(ada: User, due: Due, sink: Sink) -> None:
    for _ in range(3):
        due(REMINDER, user=ada)
    tasks.deliver_due()
    assert len(sink.taken) == 3


def test_a_turn_too_short_for_what_is_due_calls_for_another(
    ada: User, due: Due, sink: Sink, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "TURN_SECONDS", 0)
    for _ in range(2):
        due(REMINDER, user=ada)
    celery.app.set_current()
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.delete("default")
        tasks.deliver_due()
        assert len(sink.taken) == 1
        assert b"notifications.tasks.deliver_due" in broker.lindex("default", 0)
        broker.delete("default")
