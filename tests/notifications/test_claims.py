"""Several workers at once, as threads with connections of their own; each guard has a twin without it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Barrier, BrokenBarrierError, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models import QuerySet

from accounts.models import User
from notifications import services
from notifications.enums import DeliveryStatus, MessageKind
from notifications.models import Delivery
from notifications.services import deliver_due
from tests.notifications.conftest import Due, Sink

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 4
ROUNDS = 10


def run(*jobs: Callable[[], object]) -> list[Thread]:
    """Start each job in a thread with a database connection of its own."""

    def work(job: Callable[[], object]) -> None:
        try:
            job()
        finally:
            connection.close()

    threads = [Thread(target=work, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[Thread]) -> None:
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive()


def until(condition: Callable[[], object]) -> None:
    ends = monotonic() + 10
    while not condition():
        assert monotonic() < ends
        sleep(0.01)


def rounds_with_duplicates(
    at: datetime, due: Due, sink: Sink, ada: User, *, refusals: tuple[type[Exception], ...] = ()
) -> int:
    """Let all workers reach for one message at the same moment, several times; count who sent it twice.

    `refusals`: how a later wall may stop a worker that the lock did not.
    """
    duplicated = 0
    for number in range(ROUNDS):
        due(MessageKind.ASSESSMENT_DUE, user=ada, dedupe_key=f"round:{number}")
        sink.taken.clear()
        start = Barrier(WORKERS)

        def reach(start: Barrier = start) -> None:
            connection.ensure_connection()
            start.wait()
            with suppress(*refusals):
                deliver_due(at=at)

        join(run(*[reach] * WORKERS))
        assert sink.taken
        duplicated += len(sink.taken) > 1
    return duplicated


def test_workers_at_once_send_once(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    assert rounds_with_duplicates(at, due, sink, ada) == 0


def test_without_the_row_lock_workers_send_twice(
    ada: User, at: datetime, due: Due, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = Barrier(WORKERS)

    def unlocked(rows: QuerySet[Delivery], **_: Any) -> QuerySet[Delivery]:
        """Meet right before the read, where the lock would part them; whoever waits in vain goes on."""
        try:
            meeting.wait(timeout=0.5)
        except BrokenBarrierError:
            meeting.reset()
        return rows.all()

    monkeypatch.setattr(QuerySet, "select_for_update", unlocked)
    # Who reads late leases a message that has left, and the table itself refuses that.
    found = rounds_with_duplicates(at, due, sink, ada, refusals=(IntegrityError,))
    assert found > ROUNDS / 2


def test_a_worker_in_the_middle_of_sending_blocks_nobody(
    ada: User, at: datetime, due: Due, sink: Sink
) -> None:
    slow = due(MessageKind.ASSESSMENT_DUE, user=ada)
    sink.let_go.clear()
    threads = run(lambda: deliver_due(at=at))
    until(lambda: Delivery.objects.filter(pk=slow.pk, status=DeliveryStatus.LEASED).exists())
    assert deliver_due(at=at) == 0
    assert services.cancel("nobody's", at=at) == 0
    sink.let_go.set()
    join(threads)
    assert len(sink.taken) == 1


def test_called_back_in_the_middle_of_sending_is_sent_and_says_so(
    ada: User, at: datetime, due: Due, sink: Sink
) -> None:
    delivery = due(MessageKind.ASSESSMENT_DUE, user=ada)
    sink.let_go.clear()
    threads = run(lambda: deliver_due(at=at))
    assert sink.has_it.wait(timeout=20)
    assert services.cancel(delivery.dedupe_key, at=at) == 1
    sink.let_go.set()
    join(threads)
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.SENT


def test_called_back_in_the_middle_is_not_tried_again(ada: User, at: datetime, due: Due, sink: Sink) -> None:
    delivery = due(MessageKind.ASSESSMENT_DUE, user=ada)
    sink.at_data = "451 later"
    sink.let_go.clear()
    threads = run(lambda: deliver_due(at=at))
    until(lambda: Delivery.objects.filter(pk=delivery.pk, status=DeliveryStatus.LEASED).exists())
    services.cancel(delivery.dedupe_key, at=at)
    sink.let_go.set()
    join(threads)
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.CANCELLED


Overtake = Callable[[], Callable[[], None]]


@pytest.fixture
def overtaken(ben: User, at: datetime, due: Due, sink: Sink) -> Iterator[Overtake]:
    """A page whose first worker comes back late, refused; the second has it in hand and can go on sending."""
    page = due(MessageKind.ALERT_PAGE, user=ben)
    threads: list[Thread] = []

    def overtake() -> Callable[[], None]:
        sink.at_data = "451 later"
        sink.let_go.clear()
        threads.extend(run(lambda: deliver_due(at=at, limit=1)))
        until(lambda: Delivery.objects.filter(pk=page.pk, fence=1).exists())
        Delivery.objects.filter(pk=page.pk).update(leased_until=at - timedelta(hours=1))
        second = services._claim(at=at)
        assert second is not None
        sink.let_go.set()
        join(threads)
        sink.at_data = "250 OK"
        return lambda: services._deliver(second[0], in_doubt=second[1], at=at)

    yield overtake
    sink.let_go.set()
    join(threads)


def test_a_worker_that_was_overtaken_writes_nothing(overtaken: Overtake, at: datetime, sink: Sink) -> None:
    go_on = overtaken()
    assert Delivery.objects.values_list("status", "fence", "outcome").get() == ("leased", 2, "")
    assert deliver_due(at=at + timedelta(minutes=1)) == 0
    go_on()
    assert Delivery.objects.get().status == DeliveryStatus.SENT
    assert len(sink.taken) == 1


def test_without_the_fence_it_lets_a_third_send_too(
    overtaken: Overtake, at: datetime, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_held", lambda delivery: Delivery.objects.filter(pk=delivery.pk))
    go_on = overtaken()
    assert deliver_due(at=at + timedelta(minutes=1)) == 1
    go_on()
    assert len(sink.taken) == 2
