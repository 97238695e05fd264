"""Worker and watchdog page at the same time: each step of each alert goes out once.

Two guards stand behind each other: the row lock, under which a step is taken, and the message's key, which
names alert, step and person. Each alone is enough; with both taken away, people are called twice.
"""

from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from core.errors import Conflict
from notifications import services as notifications
from notifications.models import Delivery
from safety import queries, services
from safety.enums import AlertClass, AlertStatus
from safety.models import Alert
from tests.races.together import meeting, together, without_row_locks

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 4
MOST = ROUNDS // 2 + 1
"""How often a twin has to fail: more often than not. How often threads meet is the machine's affair."""
STEP = timedelta(minutes=5)


@pytest.fixture
def keys_that_never_match(monkeypatch):
    """Take the message's key away as a guard: every message is a new one."""
    schedule, number = notifications.schedule, count()

    def schedule_anew(kind, *, dedupe_key, **rest):
        schedule(kind, dedupe_key=f"{dedupe_key}:{next(number)}", **rest)

    monkeypatch.setattr(notifications, "schedule", schedule_anew)


def opened(ada, number, at):
    source = f"session:{number}"
    return services.raise_alert(ada.pk, alert_class=AlertClass.MISSED_CHECK_IN, source=source, at=at)


def worker_and_watchdog(ada, at):
    """Return the steps taken and messages written in each round, and in how many rounds both overlapped."""
    taken, written, overlaps = [], [], 0
    for number in range(ROUNDS):
        alert = opened(ada, number, at)
        Alert.objects.exclude(pk=alert.pk).update(next_page_at=at + timedelta(days=1))
        with meeting((queries, "on_call")) as point:
            steps = together(*[partial(services.page_unacknowledged, at=at + STEP)] * 2)
        taken.append(sum(steps))
        written.append(Delivery.objects.filter(dedupe_key__startswith=f"alert:{alert.pk}:1:").count())
        overlaps += point.met
    return taken, written, overlaps


def test_each_step_goes_out_once(ada, ben, at):
    taken, written, overlaps = worker_and_watchdog(ada, at)
    assert taken == written == [1] * ROUNDS
    assert overlaps == 0


def test_twin_without_the_lock_a_step_is_taken_twice_and_the_key_holds(ada, ben, at):
    with without_row_locks():
        taken, written, overlaps = worker_and_watchdog(ada, at)
    assert overlaps >= MOST
    assert taken.count(2) >= MOST
    assert written == [1] * ROUNDS


def test_twin_without_the_key_the_lock_holds(ada, ben, at, keys_that_never_match):
    taken, written, _ = worker_and_watchdog(ada, at)
    assert taken == written == [1] * ROUNDS


def test_twin_without_either_people_are_called_twice(ada, ben, at, keys_that_never_match):
    with without_row_locks():
        _, written, overlaps = worker_and_watchdog(ada, at)
    assert overlaps >= MOST
    assert written.count(2) >= MOST


def test_a_page_and_an_acknowledgement_do_not_undo_each_other(ada, ben, at):
    for number in range(ROUNDS):
        alert = opened(ada, number, at)
        together(
            partial(services.page_unacknowledged, at=at + STEP),
            partial(services.acknowledge, alert, by=ben, at=at + STEP),
        )
        alert.refresh_from_db()
        assert (alert.status, alert.next_page_at) == (AlertStatus.ACKNOWLEDGED, None)
        waiting = Delivery.objects.filter(dedupe_key__startswith=f"alert:{alert.pk}:", status="due")
        assert not waiting.exists()


def test_of_two_who_take_it_in_hand_one_has_it(ada, ben, cyd, at):
    for number in range(ROUNDS):
        alert = opened(ada, number, at)
        results = together(
            partial(services.acknowledge, alert, by=ben, at=at),
            partial(services.acknowledge, alert, by=cyd.user, at=at),
        )
        assert sorted(isinstance(result, Conflict) for result in results) == [False, True]


def test_one_source_raised_twice_at_once_is_one_alert_and_one_page(ada, ben, at):
    for number in range(ROUNDS):
        first, second = together(*[partial(opened, ada, number, at)] * 2)
        assert first == second
        assert Delivery.objects.filter(dedupe_key__startswith=f"alert:{first.pk}:").count() == 1
