"""What changes while a reminder waits for its turn in its sender's hands counts: it is read last of all."""

from collections.abc import Callable
from datetime import datetime

import pytest
from allauth.account.models import EmailAddress

from accounts.models import User
from notifications import services
from notifications.enums import DeliveryStatus, MessageKind
from notifications.models import Delivery
from notifications.rules import REMINDERS
from notifications.services import cancel, deliver_due, put_off, suppress
from tests.notifications.conftest import Due, Sink

Change = Callable[[User, datetime], object]


def stop(user: User, at: datetime) -> None:
    suppress(user, kinds=REMINDERS, cause="opted out", at=at)


def rest(user: User, at: datetime) -> None:
    put_off(user, kinds=REMINDERS, cause="pause:1", at=at)


def close(user: User, at: datetime) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def answer(user: User, at: datetime) -> None:
    cancel("test:", at=at)


def unverify(user: User, at: datetime) -> None:
    EmailAddress.objects.filter(user=user).update(verified=False)


def move(user: User, at: datetime) -> None:
    EmailAddress.objects.filter(user=user).update(email="new@example.org")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], None]:
    """Let something change once the sender has claimed the row and taken the reader's day."""
    taken = services._take_the_day

    def change(by: Change) -> None:
        def then(delivery: Delivery, *, at: datetime) -> bool:
            has_day = taken(delivery, at=at)
            by(User.objects.get(deliveries=delivery.pk), at)
            return has_day

        monkeypatch.setattr(services, "_take_the_day", then)

    return change


CHANGES: dict[Change, DeliveryStatus] = {
    stop: DeliveryStatus.CANCELLED,
    rest: DeliveryStatus.DUE,
    close: DeliveryStatus.CANCELLED,
    answer: DeliveryStatus.CANCELLED,
    unverify: DeliveryStatus.CANCELLED,
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_does_not_leave(
    change: Change, ada: User, at: datetime, due: Due, sink: Sink, meanwhile: Callable[[Change], None]
) -> None:
    delivery = due(MessageKind.ASSESSMENT_DUE, user=ada)
    meanwhile(change)
    deliver_due(at=at, limit=1)
    delivery.refresh_from_db()
    assert (sink.to, delivery.status, delivery.told_on) == ([], CHANGES[change], None)


def test_it_goes_to_the_new_address_alone(
    ada: User, at: datetime, due: Due, sink: Sink, meanwhile: Callable[[Change], None]
) -> None:
    due(MessageKind.ASSESSMENT_DUE, user=ada)
    meanwhile(move)
    deliver_due(at=at, limit=1)
    assert sink.to == ["new@example.org"]


@pytest.mark.parametrize("change", [*CHANGES, move])
def test_twin_read_before_the_day_is_taken_it_leaves_as_it_was_read(
    change: Change,
    ada: User,
    at: datetime,
    due: Due,
    sink: Sink,
    meanwhile: Callable[[Change], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delivery = due(MessageKind.ASSESSMENT_DUE, user=ada)
    read = services._read(delivery, in_doubt=False, at=at)
    kept = services._kept(delivery, read.facts, has_day=True, at=at)
    monkeypatch.setattr(services, "_read", lambda *_, **__: read)
    monkeypatch.setattr(services, "_kept", lambda *_, **__: None)
    meanwhile(change)
    deliver_due(at=at, limit=1)
    assert (kept.text if kept else "") == "Called back."  # it was not in hand yet; nothing else kept it
    assert sink.to == ["ada@example.org"]


def test_a_page_is_not_looked_at_again(
    ben: User, at: datetime, due: Due, sink: Sink, meanwhile: Callable[[Change], None]
) -> None:
    """Nothing stops it, and nothing makes it wait."""
    due(MessageKind.ALERT_PAGE, user=ben)
    meanwhile(stop)
    deliver_due(at=at, limit=1)
    assert sink.to == ["ben@clinic.example"]
