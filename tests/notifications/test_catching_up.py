"""After an outage what it has kept leaves little by little, and keeps nothing else waiting."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from core import limits
from notifications import services
from notifications.enums import MessageKind
from notifications.models import Delivery
from notifications.rules import LATE, REMINDERS, is_late
from notifications.services import deliver_due
from tests.notifications.conftest import Due, Sink, member

FORM, NEWS, PAGE = MessageKind.ASSESSMENT_DUE, MessageKind.NEWS, MessageKind.ALERT_PAGE
HOUR = timedelta(hours=1)
MOMENT = timedelta(seconds=1)


@pytest.mark.parametrize("kind", MessageKind)
def test_only_a_reminder_is_late(kind: MessageKind, at: datetime) -> None:
    assert not is_late(kind, at - LATE, at=at)
    assert is_late(kind, at - LATE - MOMENT, at=at) is (kind in REMINDERS)


@pytest.fixture
def kept(db: None, at: datetime, due: Due, sink: Sink, settings: Any) -> list[Delivery]:
    """Five reminders that an outage has kept, where two a minute may leave."""
    settings.LIMITS = settings.LIMITS | {"late_reminders": (2, 60)}
    people = [member(f"p{number}@example.org") for number in range(5)]
    return [due(FORM, user=user, due_at=at - HOUR + number * MOMENT) for number, user in enumerate(people)]


def states(rows: list[Delivery]) -> list[str]:
    for row in rows:
        row.refresh_from_db()
    return [str(row.status) for row in rows]


def test_they_leave_at_a_pace_the_oldest_first(kept: list[Delivery], at: datetime) -> None:
    assert deliver_due(at=at) == 2
    assert states(kept) == ["sent", "sent", "due", "due", "due"]
    limits.clear("late_reminders", by="all")
    deliver_due(at=at)
    assert states(kept) == ["sent"] * 4 + ["due"]


def test_what_is_on_time_or_no_reminder_does_not_wait_behind_them(
    kept: list[Delivery], ada: User, ben: User, cyd: User, at: datetime, due: Due
) -> None:
    others = [due(FORM, user=ada, due_at=at), due(NEWS, user=cyd, due_at=at - HOUR), due(PAGE, user=ben)]
    deliver_due(at=at)
    assert states(others) == ["sent"] * 3
    assert states(kept).count("due") == 3


def test_an_old_page_leaves_before_reminders_that_are_on_time(
    kept: list[Delivery], ada: User, ben: User, at: datetime, due: Due
) -> None:
    on_time = due(FORM, user=ada, due_at=at)
    page = due(MessageKind.TRIAGE_PAGE, user=ben, due_at=at - HOUR / 2)
    deliver_due(at=at, limit=3)
    assert states([page, on_time]) == ["sent", "due"]


def test_what_went_stale_is_dropped_and_uses_nothing_up(kept: list[Delivery], at: datetime) -> None:
    Delivery.objects.filter(pk__in=[row.pk for row in kept[:3]]).update(expires_at=at)
    deliver_due(at=at)
    assert states(kept) == ["expired"] * 3 + ["sent"] * 2
    assert kept[0].outcome == "Its time passed before it could be sent."


def test_twin_without_the_pace_all_leave_at_once(
    kept: list[Delivery], at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_may_catch_up", lambda: True)
    deliver_due(at=at)
    assert states(kept) == ["sent"] * 5
