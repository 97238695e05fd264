"""Reminders keep to a person's own day, as the mail server sees it; nothing else does."""

from datetime import date, datetime, time, timedelta
from functools import partial
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts.models import Patient, User
from notifications import hours, services
from notifications.enums import DeliveryStatus, MessageKind
from notifications.models import Delivery, ReminderPreference
from notifications.services import deliver_due, suppress
from tests.notifications.conftest import Due, Sink
from tests.notifications.test_claims import join, run

FORM, BOOKED = MessageKind.ASSESSMENT_DUE, MessageKind.SESSION_TOMORROW


def with_chart(user: User, timezone: str = "America/New_York") -> User:
    Patient.objects.create(user=user, legal_name="A Example", birth_on=date(1984, 5, 17), timezone=timezone)
    return user


@pytest.fixture
def ada(ada: User) -> User:
    """The patient, who lives in New York."""
    return with_chart(ada)


def ny(hour: int, minute: int = 0, *, day: int = 1) -> datetime:
    """Return a moment of July 2026 by New York's clocks."""
    return datetime(2026, 7, day, hour, minute, tzinfo=ZoneInfo("America/New_York"))


def states(*deliveries: Delivery) -> list[str]:
    for delivery in deliveries:
        delivery.refresh_from_db()
    return [str(delivery.status) for delivery in deliveries]


def test_at_night_a_reminder_waits_for_the_morning(ada: User, due: Due, sink: Sink) -> None:
    delivery = due(FORM, user=ada, due_at=ny(22), expires_at=ny(22, day=5))
    deliver_due(at=ny(22))
    assert (states(delivery), delivery.due_at) == (["due"], ny(8, day=2))
    assert delivery.outcome.startswith("Kept for after the quiet hours")
    assert deliver_due(at=ny(7, 59, day=2)) == 0
    deliver_due(at=ny(8, day=2))
    assert (states(delivery), delivery.told_on, len(sink.taken)) == (["sent"], date(2026, 7, 2), 1)


def test_one_whose_time_is_over_in_the_morning_does_not_leave(ada: User, due: Due, sink: Sink) -> None:
    delivery = due(BOOKED, user=ada, due_at=ny(22), expires_at=ny(7, day=2))
    deliver_due(at=ny(22))
    assert (states(delivery), sink.taken) == (["expired"], [])
    assert "quiet hours" in delivery.outcome


def test_the_hours_somebody_chose_are_theirs(ada: User, due: Due, sink: Sink) -> None:
    ReminderPreference.objects.create(user=ada, quiet_from=time(9), quiet_until=time(17), changed_at=ny(8))
    night = due(FORM, user=ada, due_at=ny(23), expires_at=ny(23, day=5))
    deliver_due(at=ny(23))
    assert states(night) == ["sent"]
    day = due(BOOKED, user=ada, due_at=ny(13, day=3), expires_at=ny(23, day=5))
    deliver_due(at=ny(13, day=3))
    assert (states(day), day.due_at) == (["due"], ny(17, day=3))


def test_whoever_moves_is_reminded_by_the_new_clock(ada: User, due: Due, sink: Sink) -> None:
    delivery = due(FORM, user=ada, due_at=ny(9), expires_at=ny(9, day=5))
    Patient.objects.filter(user=ada).update(timezone="America/Los_Angeles")
    deliver_due(at=ny(9))
    assert (states(delivery), delivery.due_at) == (["due"], ny(11))


def test_a_zone_that_is_none_fails_in_sight(
    ada: User, due: Due, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = due(FORM, user=ada, due_at=ny(9), expires_at=ny(9, day=5))
    Patient.objects.filter(user=ada).update(timezone="Mars/Olympus")
    with caplog.at_level("CRITICAL"):
        deliver_due(at=ny(9))
    assert (states(delivery), sink.taken) == (["failed"], [])


@pytest.mark.parametrize(
    "kind", [MessageKind.ALERT_PAGE, MessageKind.TRIAGE_PAGE, MessageKind.CHECK_IN_MISSED, MessageKind.NEWS]
)
def test_what_cannot_wait_passes_quiet_hours_and_the_one_a_day(
    kind: MessageKind, ada: User, due: Due, sink: Sink
) -> None:
    due(FORM, user=ada, due_at=ny(20), expires_at=ny(9, day=5))
    deliver_due(at=ny(20))
    pages = [due(kind, user=ada, due_at=ny(23), expires_at=ny(23, day=5)) for _ in range(2)]
    deliver_due(at=ny(23))
    assert states(*pages) == ["sent", "sent"]
    assert len(sink.taken) == 3


# --- one a day ----------------------------------------------------------------------------------------------


def test_what_falls_due_on_one_day_is_said_once(ada: User, due: Due, sink: Sink) -> None:
    first = due(FORM, user=ada, due_at=ny(9), expires_at=ny(9, day=5))
    again = due(FORM, user=ada, due_at=ny(10), expires_at=ny(9, day=5))
    booked = due(BOOKED, user=ada, due_at=ny(18), expires_at=ny(18, day=2))
    tomorrow = due(FORM, user=ada, due_at=ny(9, day=2), expires_at=ny(9, day=5))
    deliver_due(at=ny(9))
    assert states(first, again, booked, tomorrow) == ["sent", "cancelled", "cancelled", "due"]
    assert booked.outcome == f"Said in the same message as {first.pk}."
    assert [message["Subject"] for message in sink.taken] == ["Two things for you"]
    deliver_due(at=ny(9, day=2))
    assert states(tomorrow) == ["sent"]


def test_two_of_a_kind_are_said_in_its_own_words(ada: User, due: Due, sink: Sink) -> None:
    for hour in (9, 10):
        due(FORM, user=ada, due_at=ny(hour), expires_at=ny(9, day=5))
    deliver_due(at=ny(11))
    assert [message["Subject"] for message in sink.taken] == ["Something is waiting for you"]


def test_what_came_up_later_that_day_waits_for_the_next(ada: User, due: Due, sink: Sink) -> None:
    due(FORM, user=ada, due_at=ny(9), expires_at=ny(9, day=5))
    deliver_due(at=ny(9))
    later = due(BOOKED, user=ada, due_at=ny(15), expires_at=ny(15, day=2))
    deliver_due(at=ny(15))
    assert (states(later), later.due_at, len(sink.taken)) == (["due"], ny(8, day=2), 1)


def test_what_was_not_taken_leaves_the_day_and_the_others_free(ada: User, due: Due, sink: Sink) -> None:
    first = due(FORM, user=ada, due_at=ny(9), expires_at=ny(9, day=5))
    other = due(BOOKED, user=ada, due_at=ny(10), expires_at=ny(10, day=2))
    sink.at_data = "550 no"
    deliver_due(at=ny(9), limit=1)
    assert (states(first, other), first.told_on) == (["failed", "due"], None)
    sink.at_data = "250 OK"
    deliver_due(at=ny(10))
    assert states(other) == ["sent"]


def test_one_that_may_have_arrived_takes_the_day(ada: User, due: Due, sink: Sink) -> None:
    first = due(FORM, user=ada, due_at=ny(9), expires_at=ny(9, day=5))
    other = due(BOOKED, user=ada, due_at=ny(10), expires_at=ny(10, day=3))
    sink.cuts = "after"
    deliver_due(at=ny(9))
    sink.cuts = None
    deliver_due(at=ny(10))
    assert (states(first, other), other.due_at) == (["unknown", "due"], ny(8, day=2))


def test_what_is_stopped_is_not_said_beside_another(ada: User, due: Due, sink: Sink) -> None:
    due(FORM, user=ada, due_at=ny(9), expires_at=ny(9, day=5))
    booked = due(BOOKED, user=ada, due_at=ny(10), expires_at=ny(10, day=2))
    suppress(ada, kinds=[BOOKED], cause="hold:1", at=ny(8))
    deliver_due(at=ny(9))
    assert [message["Subject"] for message in sink.taken] == ["Something is waiting for you"]
    assert states(booked) == ["due"]


def test_other_people_have_days_of_their_own(ada: User, cyd: User, due: Due, sink: Sink) -> None:
    with_chart(cyd)
    for user in (ada, cyd):
        due(FORM, user=user, due_at=ny(9), expires_at=ny(9, day=5))
    deliver_due(at=ny(9))
    assert sorted(sink.to) == ["ada@example.org", "cyd@example.org"]


def test_the_table_has_one_reminder_a_day(ada: User, due: Due) -> None:
    rows = [due(FORM, user=ada, dedupe_key=f"row:{n}", due_at=ny(9), expires_at=ny(9, day=2)) for n in (1, 2)]
    Delivery.objects.filter(pk=rows[0].pk).update(told_on=date(2026, 7, 1))
    with pytest.raises(IntegrityError, match="delivery_one_reminder_a_day"), transaction.atomic():
        Delivery.objects.filter(pk=rows[1].pk).update(told_on=date(2026, 7, 1))


def test_no_page_takes_a_day(ada: User, due: Due) -> None:
    page = due(MessageKind.ALERT_PAGE, user=ada)
    with pytest.raises(IntegrityError, match="delivery_told_on_is_of_a_reminder"), transaction.atomic():
        Delivery.objects.filter(pk=page.pk).update(told_on=date(2026, 7, 1))


# --- two workers, a reminder each ---------------------------------------------------------------------------

ROUNDS = 6


def said_twice(ada: User, due: Due, sink: Sink) -> int:
    """Let two workers have a reminder of one person in hand at once, day after day; count doubled days."""
    doubled = 0
    for day in range(1, ROUNDS + 1):
        for kind in (FORM, BOOKED):
            due(kind, user=ada, due_at=ny(9, day=day), expires_at=ny(19, day=day))
        sink.taken.clear()
        join(run(*[partial(deliver_due, at=ny(9, day=day), limit=1)] * 2))
        doubled += len(sink.taken) > 1
        Delivery.objects.filter(status=DeliveryStatus.DUE).update(
            status=DeliveryStatus.CANCELLED, finished_at=ny(20, day=day)
        )
    return doubled


@pytest.fixture
def both_in_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each worker wait, its row claimed, until the other has claimed its own."""
    meeting, take = Barrier(2), services._take_the_day

    def take_together(*args: object, **kwargs: object) -> object:
        meeting.wait(timeout=10)
        return take(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(services, "_take_the_day", take_together)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_say_it_once(ada: User, due: Due, sink: Sink, both_in_hand: None) -> None:
    assert said_twice(ada, due, sink) == 0


@pytest.mark.django_db(transaction=True)
def test_twin_without_taking_the_day_they_say_it_twice(
    ada: User, due: Due, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = Barrier(2)

    def take_nothing(*_: object, **__: object) -> bool:
        meeting.wait(timeout=10)
        return True

    monkeypatch.setattr(services, "_take_the_day", take_nothing)
    assert said_twice(ada, due, sink) > ROUNDS / 2


def test_a_day_is_not_lost_to_one_in_hand_that_never_leaves(ada: User, due: Due, sink: Sink) -> None:
    at = ny(9)
    first, second = (due(kind, user=ada, due_at=at, expires_at=ny(19)) for kind in (FORM, BOOKED))
    in_hand = {"status": DeliveryStatus.LEASED, "leased_until": Now() + timedelta(hours=1)}
    Delivery.objects.filter(pk=first.pk).update(**in_hand, told_on=at.date())
    deliver_due(at=at, limit=1)
    second.refresh_from_db()
    assert (sink.taken, second.status, second.due_at) == ([], DeliveryStatus.DUE, at + services.LEASE)
    services.cancel(first.dedupe_key, at=at)
    deliver_due(at=at + services.LEASE, limit=1)
    assert len(sink.taken) == 1


def test_a_worker_has_no_longer_than_its_lease() -> None:
    assert hours.TAKES >= services.LEASE
