from datetime import datetime, timedelta

import pytest
from django.db import transaction

from accounts.models import User
from core.encryption import Undecipherable, decrypt
from notifications import services
from notifications.enums import DeliveryStatus, MessageKind
from notifications.messages import UnfitMessage, link
from notifications.models import Delivery, Suppression
from notifications.services import cancel, schedule, suppress, unsuppress
from tests.notifications.conftest import Due

REMINDER = MessageKind.ASSESSMENT_DUE


def test_a_key_is_scheduled_once(ada: User, at: datetime, due: Due) -> None:
    first = due(REMINDER, user=ada, dedupe_key="a")
    again = due(REMINDER, user=ada, dedupe_key="a", due_at=at + timedelta(hours=1))
    assert (again.pk, again.due_at) == (first.pk, first.due_at)


def test_what_the_caller_undoes_is_not_scheduled(ada: User, due: Due) -> None:
    def fail() -> None:
        with transaction.atomic():
            due(REMINDER, user=ada)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not Delivery.objects.exists()


def test_the_payload_is_unreadable_and_bound_to_its_row(db: None, due: Due) -> None:
    invitation = due(
        MessageKind.MONITOR_INVITATION,
        address="max@example.org",
        words={"link": link("invitations", "TOKEN")},
    )
    other = due(MessageKind.VERIFY_EMAIL, address="max@example.org", words={"code": "ABCD-2345"})
    assert b"TOKEN" not in bytes(invitation.payload)
    assert b"max@example.org" not in bytes(invitation.payload)
    with pytest.raises(Undecipherable):
        decrypt(bytes(invitation.payload), place=f"notifications_delivery.payload:{other.pk}")


@pytest.mark.parametrize("kind", MessageKind)
def test_neither_user_nor_address_is_refused(kind: MessageKind, db: None, due: Due) -> None:
    with pytest.raises(UnfitMessage, match="one of the two"):
        due(kind)


@pytest.mark.parametrize("kind", MessageKind)
def test_both_user_and_address_are_refused(kind: MessageKind, ada: User, due: Due) -> None:
    with pytest.raises(UnfitMessage, match="one of the two"):
        due(kind, user=ada, address="ada@example.org")


@pytest.mark.parametrize(
    "kind", [MessageKind.ASSESSMENT_DUE, MessageKind.SESSION_TOMORROW, MessageKind.ALERT_PAGE]
)
def test_members_are_not_sent_to_an_address_of_long_ago(kind: MessageKind, db: None, due: Due) -> None:
    with pytest.raises(UnfitMessage, match="cannot go to a literal address"):
        due(kind, address="ada@example.org")


@pytest.mark.parametrize(
    "kind", [MessageKind.VERIFY_EMAIL, MessageKind.ACCOUNT_NOTICE, MessageKind.MONITOR_INVITATION]
)
def test_what_is_about_an_address_goes_there(kind: MessageKind, ada: User, due: Due) -> None:
    with pytest.raises(UnfitMessage, match="cannot go to a user"):
        due(kind, user=ada)


def test_expiring_before_due_is_refused(ada: User, at: datetime, due: Due) -> None:
    with pytest.raises(UnfitMessage, match="expires before"):
        due(REMINDER, user=ada, expires_at=at)


def test_words_are_checked_when_scheduling(ada: User, at: datetime) -> None:
    with pytest.raises(UnfitMessage, match="unknown words"):
        schedule(
            REMINDER,
            dedupe_key="a",
            due_at=at,
            expires_at=at + timedelta(days=1),
            user=ada,
            words={"note": "x"},
        )
    assert not Delivery.objects.exists()


def test_cancel_by_prefix(ada: User, at: datetime, due: Due) -> None:
    for key in ("session:1:day-before", "session:1:hour-before", "session:12:day-before"):
        due(REMINDER, user=ada, dedupe_key=key)
    assert cancel("session:1:", at=at) == 2
    assert set(Delivery.objects.filter(status=DeliveryStatus.DUE).values_list("dedupe_key", flat=True)) == {
        "session:12:day-before"
    }


def test_cancelled_is_final_and_empty(ada: User, at: datetime, due: Due) -> None:
    delivery = due(REMINDER, user=ada)
    cancel(delivery.dedupe_key, at=at)
    delivery.refresh_from_db()
    assert (delivery.status, bytes(delivery.payload), delivery.finished_at) == (
        DeliveryStatus.CANCELLED,
        b"",
        at,
    )
    assert services.deliver_due(at=at) == 0
    assert cancel(delivery.dedupe_key, at=at) == 0


def test_prefixes_are_taken_literally(ada: User, at: datetime, due: Due) -> None:
    due(REMINDER, user=ada, dedupe_key="session:1")
    assert cancel("%", at=at) == cancel("session_1", at=at) == 0


def test_suppressing_again_is_harmless(ada: User, at: datetime) -> None:
    for _ in range(2):
        suppress(ada, kinds=[REMINDER], cause="hold:1", at=at)
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize("kind", sorted(set(MessageKind) - {REMINDER, MessageKind.SESSION_TOMORROW}))
def test_what_must_get_through_cannot_be_suppressed(kind: MessageKind, ada: User, at: datetime) -> None:
    with pytest.raises(UnfitMessage, match="cannot be stopped"):
        suppress(ada, kinds=[REMINDER, kind], cause="hold:1", at=at)
    assert not Suppression.objects.exists()


def test_a_cause_lifts_what_it_placed_and_no_more(ada: User, cyd: User, at: datetime) -> None:
    for user, cause in ((ada, "hold:1"), (ada, "hold:2"), (cyd, "hold:1")):
        suppress(user, kinds=[REMINDER], cause=cause, at=at)
    unsuppress(ada, cause="hold:1", at=at)
    standing = Suppression.objects.filter(lifted_at=None)
    assert set(standing.values_list("user", "cause")) == {(ada.pk, "hold:2"), (cyd.pk, "hold:1")}
