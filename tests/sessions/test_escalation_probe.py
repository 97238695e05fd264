"""Where both who look for silence are dead, or cannot deal with it, somebody outside sees it."""

from contextlib import nullcontext
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from django.test import Client

from accounts.models import Patient, RoleGrant
from core import clock, heartbeats
from core.models import Heartbeat
from safety import services as safety
from safety.enums import AlertClass
from sessions import services
from sessions.rules import EscalationFacts, escalation_faults
from sessions.views import escalation
from tests import statements
from tests.conftest import make_clinician, make_user
from tests.sessions import stages

PAGE = "/healthz/escalation"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LATE = MINUTE + 5 * SECOND


@pytest.fixture
def both_look(db: None) -> None:
    """Watchdog and worker have just left a sign of life, one that a slow test does not outlive."""
    for name in ("watchdog", "worker"):
        Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": Now() + timedelta(hours=1)})


def falls_silent(name: str) -> None:
    Heartbeat.objects.filter(name=name).update(beat_at=Now() - heartbeats.STALE_AFTER - SECOND)


def told(client: Client) -> tuple[int, list[str]]:
    """What a probe reads: the codes, and by the fields alone that there may be."""
    answer = client.get(PAGE)
    body = answer.json()
    assert set(body) <= {"status", "reasons"}
    assert body["status"] == ("ok" if answer.status_code == 200 else "failing")
    return answer.status_code, body.get("reasons", [])


@pytest.mark.parametrize("facts", list(product((True, False), repeat=5)))
def test_one_who_looks_is_enough_while_nothing_was_passed_by(facts: tuple[bool, ...]) -> None:
    watchdog, worker, deadline, page, nobody = facts
    found = {str(fault) for fault in escalation_faults(EscalationFacts(*facts))}
    if (watchdog or worker) and not deadline and not page and not nobody:
        assert not found
        return
    assert ("watchdog_stale" in found, "worker_stale" in found) == (not watchdog, not worker)
    assert ("deadline_overdue" in found, "page_overdue" in found) == (deadline, page)
    assert ("page_for_nobody" in found) == nobody


def test_it_is_well_for_three_statements_and_kept_by_nobody(both_look: None, client: Client) -> None:
    assert len(statements.asked(lambda: client.get(PAGE))) == 3
    answer = client.get(PAGE)
    assert (answer.json(), answer["Cache-Control"]) == ({"status": "ok"}, "no-store")
    assert client.post(PAGE).status_code == 405


@pytest.mark.parametrize("silent", ["watchdog", "worker"])
def test_one_detector_alone_is_enough(both_look: None, client: Client, silent: str) -> None:
    falls_silent(silent)
    assert told(client) == (200, [])


def test_without_both_it_fails(both_look: None, client: Client) -> None:
    falls_silent("watchdog")
    falls_silent("worker")
    assert told(client) == (503, ["watchdog_stale", "worker_stale"])
    assert client.get(PAGE)["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_where_none_was_ever_there_it_fails(client: Client) -> None:
    assert told(client) == (503, ["watchdog_stale", "worker_stale"])


def due(ada: Patient, *, ago: timedelta) -> None:
    """Ada's monitor was to be heard from so long ago, and was not."""
    now = clock.now()
    session, _ = stages.started(ada, at=now)
    first = session.deadlines.earliest("due_at")
    session.deadlines.filter(pk=first.pk).update(due_at=now - ago)


@pytest.mark.parametrize(
    ("ago", "found"), [(MINUTE - 20 * SECOND, (200, [])), (LATE, (503, ["deadline_overdue"]))]
)
def test_a_silence_that_nobody_noticed_is_seen(
    both_look: None, ada: Patient, client: Client, ago: timedelta, found: tuple[int, list[str]]
) -> None:
    due(ada, ago=ago)
    assert told(client) == found
    services.watch(at=clock.now())
    assert told(client) == (200, [])


def test_twin_as_the_stranger_who_asks_it_would_see_nothing(
    both_look: None, ada: Patient, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(ada, ago=LATE)
    monkeypatch.setattr(escalation, "acting_as", nullcontext)
    assert told(client) == (200, [])


@pytest.mark.parametrize(
    ("ago", "found"), [(MINUTE - 20 * SECOND, (200, [])), (LATE, (503, ["page_overdue"]))]
)
def test_a_page_that_did_not_leave_is_seen(
    both_look: None, ada: Patient, client: Client, ago: timedelta, found: tuple[int, list[str]]
) -> None:
    alert = safety.raise_alert(ada.pk, alert_class=AlertClass.WORSENING, source="test", at=clock.now())
    type(alert).objects.filter(pk=alert.pk).update(next_page_at=clock.now() - ago)
    assert told(client) == found
    safety.page_unacknowledged(at=clock.now())
    assert told(client) == (200, [])


@pytest.mark.parametrize(
    ("ago", "found"), [(MINUTE - 20 * SECOND, (200, [])), (LATE, (503, ["page_for_nobody"]))]
)
def test_a_page_that_has_nobody_to_go_to_is_seen(
    both_look: None, ada: Patient, client: Client, ago: timedelta, found: tuple[int, list[str]]
) -> None:
    at = clock.now()
    RoleGrant.objects.update(ends_at=at - LATE)
    safety.raise_alert(ada.pk, alert_class=AlertClass.MISSED_CHECK_IN, source="test", at=at - ago)
    safety.page_unacknowledged(at=at)
    assert told(client) == found
    make_clinician(make_user("eve@clinic.example", is_staff=True), "Eve Example", at=at)
    safety.page_unacknowledged(at=at + 2 * MINUTE)
    assert told(client) == (200, [])


def test_beside_what_was_passed_by_whoever_does_not_look_is_named(
    both_look: None, ada: Patient, client: Client
) -> None:
    due(ada, ago=LATE)
    falls_silent("worker")
    assert told(client) == (503, ["worker_stale", "deadline_overdue"])


def test_without_its_database_it_fails(both_look: None, client: Client) -> None:
    def gone(execute: Any, sql: str, *rest: Any) -> Any:
        # Who acts is said here in a statement, because the test has a transaction open; else it costs none.
        if sql.startswith(statements.TELLING):
            return execute(sql, *rest)
        raise OperationalError

    with connection.execute_wrapper(gone):
        assert told(client) == (503, ["database_unreachable"])
