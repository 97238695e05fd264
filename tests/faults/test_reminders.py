"""Reminders go out while their senders die with one in hand: each arrives, once, and where it is wanted.

SMTP cannot be asked what it took. Exactly once is had from a provider that is given a key with each message
and drops what it has taken before (`EMAIL_KEY_HEADER`), and that is what the relay does here; its dropped
repeats are counted and printed. What happens without such a provider stands in test_delivery_kill: of the
messages in hand at a kill, reminders are at most once, everything else at least once. The twin takes away
nothing but the provider's memory, and reminders arrive twice.
"""

import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import F

from accounts.models import Patient, User
from core import clock
from notifications.enums import DeliveryStatus, MessageKind
from notifications.messages import link
from notifications.models import Delivery
from notifications.rules import REMINDERS
from notifications.services import schedule, suppress
from tests.faults.clinic import Clinic, Killer, Relay, insist, own_postgres, run_plan, wait_until
from tests.faults.crowd import people
from tests.figures import record
from tests.sessions import stages

pytestmark = pytest.mark.django_db(transaction=True)
SEED = 7
BEGINS_IN_S = 3
IN_FLIGHT = timedelta(seconds=1)
"""A message whose sender had greeted the relay by then may still go where it was wanted before."""


@dataclass(frozen=True)
class Size:
    """How much happens."""

    people: int
    movers: int
    leavers: int
    over_s: float
    kills: int
    restarts: int
    redis_deaths: int
    at_most_s: float
    processes: tuple[str, ...]
    knobs: dict[str, float] = field(default_factory=dict)

    @property
    def wanted(self) -> int:
        """How many reminders are for people who stay."""
        return self.people - self.leavers


FULL = Size(
    people=10_060,
    movers=200,
    leavers=60,
    over_s=200,
    kills=215,
    restarts=10,
    redis_deaths=5,
    at_most_s=360,
    processes=("worker:3", "beat:1", "watchdog:1"),
)
QUICK = Size(
    people=120,
    movers=9,
    leavers=9,
    over_s=5,
    kills=8,
    restarts=1,
    redis_deaths=1,
    at_most_s=60,
    processes=("worker:2", "beat:1", "watchdog:1"),
    knobs={"lease_s": 2, "timeout_s": 0.5, "watchdog_pause_s": 1},
)


@dataclass
class Sent:
    """What came of it."""

    kills: int
    hit: int
    arrived: int
    lost: int
    duplicated: int
    misdirected: int
    dropped: int
    stalled: int
    took_s: float


@dataclass
class Moves:
    """Who no longer wants mail where, from when on."""

    gone: dict[str, datetime] = field(default_factory=dict)

    def move(self, user: User) -> None:
        """The person gives another address."""
        with transaction.atomic():
            EmailAddress.objects.filter(user=user).update(primary=False)
            EmailAddress.objects.create(user=user, email=f"new.{user.email}", primary=True, verified=True)
        self.gone[user.email] = clock.now()

    def leave(self, user: User, way: int) -> None:
        """The person wants no more reminders, closes the account, or has no verified address any more."""
        if way == 0:
            suppress(user, kinds=REMINDERS, cause="opted out", at=clock.now())
        elif way == 1:
            User.objects.filter(pk=user.pk).update(is_active=False)
        else:
            EmailAddress.objects.filter(user=user).update(verified=False)
        self.gone[user.email] = clock.now()


def happen(ada: Patient, clinic: Clinic, size: Size) -> Sent:
    """Let it happen, and count what came of it."""
    chance = random.Random(SEED)  # noqa: S311
    clinic.start(*size.processes)
    awake = stages.zone_at_noon(clock.now())  # nobody is reminded in their quiet hours, or twice a day
    users = [patient.user for patient in people(ada, size.people, timezone=awake)]
    begins_at = write_down(users, size, chance)
    restless = chance.sample(users[: -size.leavers], size.movers)
    moves = Moves()

    def some_time() -> float:
        return chance.uniform(0.05, 0.95) * size.over_s

    plan: list[tuple[float, Callable[[], object]]] = [
        (some_time(), clinic.restart_postgres) for _ in range(size.restarts)
    ]
    plan += [(some_time(), partial(lose_redis, clinic)) for _ in range(size.redis_deaths)]
    plan += [(some_time(), partial(insist, partial(moves.move, user))) for user in restless]
    for number, user in enumerate(users[-size.leavers :]):
        plan.append((some_time(), partial(insist, partial(moves.leave, user, number % 3))))
    killer = Killer(
        clinic,
        seed=SEED,
        times_s=[BEGINS_IN_S + some_time() for _ in range(size.kills)],
        kinds=("worker",),
        finds=clinic.with_lease,
    )
    began = monotonic()
    killer.start()
    try:
        run_plan(plan, begins_at=begins_at)
        wait_until(all_ended, "every reminder has come to an end", within_s=2 * size.at_most_s)
    finally:
        killer.stop.set()
        killer.join()
    stay = {user.pk for user in users[: -size.leavers]}
    return count(clinic.relay, stay, moves, killer, took_s=monotonic() - began - BEGINS_IN_S)


def write_down(users: list[User], size: Size, chance: random.Random) -> datetime:
    """Schedule all reminders, then let them begin in a moment, however long the writing took."""
    at = clock.now()
    far_at = at + timedelta(hours=1)
    with transaction.atomic():
        for user in users:
            schedule(
                chance.choice((MessageKind.ASSESSMENT_DUE, MessageKind.SESSION_TOMORROW)),
                dedupe_key=f"faults:{user.pk}",
                due_at=far_at + timedelta(seconds=chance.uniform(0, size.over_s)),
                expires_at=at + timedelta(days=1),
                user=user,
                words={"link": link("today")},
            )
    begins_at = clock.now() + timedelta(seconds=BEGINS_IN_S)
    Delivery.objects.filter(due_at__gte=far_at).update(due_at=F("due_at") - (far_at - begins_at))
    return begins_at


def lose_redis(clinic: Clinic) -> None:
    """Redis dies, and comes back with nothing."""
    clinic.kill_redis()
    clinic.start_redis()
    clinic.flush_redis()


def all_ended() -> bool:
    """Tell whether nothing is left to send."""
    return not Delivery.objects.filter(status__in=[DeliveryStatus.DUE, DeliveryStatus.LEASED]).exists()


def count(relay: Relay, stay: set[UUID], moves: Moves, killer: Killer, *, took_s: float) -> Sent:
    """Count what reached mailboxes, by the relay alone; who wanted it, by the rows."""
    reminders = Delivery.objects.filter(kind__in=REMINDERS)
    wanted = {str(pk) for pk, user_id in reminders.values_list("pk", "user_id") if user_id in stay}
    arrived = Counter(arrival.key for arrival in relay.passed_on)
    too_late = [
        arrival
        for arrival in relay.passed_on
        if arrival.to in moves.gone and arrival.began_at > moves.gone[arrival.to] + IN_FLIGHT
    ]
    return Sent(
        kills=killer.killed.total(),
        hit=killer.hit.total(),
        arrived=len(wanted & set(arrived)),
        lost=len(wanted - set(arrived)),
        duplicated=arrived.total() - len(arrived),
        misdirected=len(too_late),
        dropped=len(relay.dropped),
        stalled=relay.stalled,
        took_s=took_s,
    )


def show(sent: Sent) -> None:
    """Print what came of it, and where each row ended."""
    sys.stdout.write(f"{sent}\n{Counter(Delivery.objects.values_list('kind', 'status'))}\n")


def test_quick_reminders_arrive_once_while_senders_die(ada: Patient, tmp_path: Path) -> None:
    relay = Relay(seed=SEED, stalls=0.02)
    with relay, Clinic(tmp_path, relay, knobs=QUICK.knobs) as clinic:
        sent = happen(ada, clinic, QUICK)
        show(sent)
    assert (sent.arrived, sent.lost, sent.duplicated, sent.misdirected) == (QUICK.wanted, 0, 0, 0)
    assert sent.hit >= QUICK.kills / 2


@pytest.mark.full
def test_with_a_provider_that_knows_no_keys_some_arrive_twice(ada: Patient, tmp_path: Path) -> None:
    """The twin: the same path, the same repeats, and nobody to drop them."""
    relay = Relay(seed=SEED, stalls=0.02, knows_keys=False)
    with relay, Clinic(tmp_path, relay, knobs=QUICK.knobs) as clinic:
        sent = happen(ada, clinic, QUICK)
        show(sent)
    assert (sent.lost, sent.misdirected) == (0, 0)
    record("reminders.duplicated_guard_off", sent.duplicated, seed=SEED)


@pytest.mark.full
def test_reminders_arrive_once_while_senders_die(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    relay = Relay(seed=SEED, stalls=0.02, pause_s=0.005)
    with own_postgres(tmp_path / "postgres") as postgres, relay:
        ada = request.getfixturevalue("ada")
        with Clinic(tmp_path, relay, postgres=postgres, knobs=FULL.knobs) as clinic:
            sent = happen(ada, clinic, FULL)
        show(sent)
    record("reminders.sent", sent.arrived, seed=SEED)
    record("reminders.kills", sent.kills, seed=SEED)
    record("reminders.lost", sent.lost, seed=SEED)
    record("reminders.duplicated", sent.duplicated, seed=SEED)
    record("reminders.misdirected", sent.misdirected, seed=SEED)
    assert sent.hit >= 0.8 * sent.kills
    assert sent.took_s <= FULL.at_most_s
