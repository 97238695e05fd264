"""Whatever is sent to whatever can be written, as whoever: no 5xx, and nothing assigned by naming it."""

import json
import logging
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from drf_spectacular.generators import SchemaGenerator

from safety.models import AdverseEvent, Alert, Hold
from tests import figures
from tests.guards.test_architecture import ROOMS
from tests.hostile.payloads import Payload, Sent, payloads
from tests.hostile.world import ROLES, Operation, World, build, operations

pytestmark = pytest.mark.django_db
ALL = list(payloads())
SEED = 20261122
SAMPLE = 1_000


@pytest.fixture
def world(ada, ben, cyd, at, client_of, settings) -> Iterator[World]:
    """The clinic, its limits out of the way: a refusal by them would prove nothing."""
    settings.API_QUOTA_PER_MINUTE = 10**9
    settings.LIMITS = dict.fromkeys(settings.LIMITS, (10**9, 60))
    settings.ACCOUNT_RATE_LIMITS = False
    logging.getLogger("django.request").setLevel(logging.ERROR)
    yield build(ada, cyd, client_of, at=at)
    logging.getLogger("django.request").setLevel(logging.NOTSET)


def attack(world: World, cases: list[tuple[str, Operation, Payload]]) -> list[str]:
    """Send every case; return those that broke something, and print what kinds of answer came."""
    broken, answers = [], Counter[int]()
    for role, operation, payload in cases:
        status = alone(world, role, operation, payload.make(operation.body)).status_code
        answers[status] += 1
        if status >= 500:
            at = f"{operation.method} {operation.path} as {role}"
            broken.append(f"{status} {at}: {payload.category} {payload.name}")
    print(f"{len(cases)} requests: {dict(sorted(answers.items()))}")
    return broken


def alone(world: World, role: str, operation: Operation, sent: Sent) -> Any:
    """Send a request and undo it, as if its transaction were its own: here the test's goes round them all."""
    before = transaction.savepoint()
    answer = world.send(role, operation, sent)
    transaction.set_rollback(False)
    transaction.savepoint_rollback(before)
    transaction.savepoint_commit(before)  # or each request would be one level deeper in the last
    return answer


def everything() -> list[tuple[str, Operation, Payload]]:
    """Return every payload for every route, each as somebody."""
    chosen = random.Random(SEED)  # noqa: S311
    pairs = [(operation, payload) for operation in operations() for payload in ALL]
    return [(chosen.choice(ROLES), *pair) for pair in pairs]


def test_there_are_five_hundred_and_each_is_another() -> None:
    assert len(ALL) >= 500
    assert len({(payload.category, payload.name) for payload in ALL}) == len(ALL)
    assert len(operations()) >= 40


def test_a_sample_breaks_nothing(world: World) -> None:
    cases = random.Random(SEED).sample(everything(), SAMPLE)  # noqa: S311
    broken = attack(world, cases)
    assert broken == [], "\n".join(broken)


@pytest.mark.full
def test_nothing_breaks_anything(world: World) -> None:
    broken = attack(world, everything())
    figures.record("hostile.server_errors", len(broken), seed=SEED)
    assert broken == []


def test_a_view_that_breaks_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("programs.views.Enrollments.post", breaks)
    enrolling = [op for op in operations() if op.path == "/api/v1/enrollments"]
    assert len(attack(world, [("patient", op, ALL[0]) for op in enrolling])) == 1


def test_what_is_said_where_nothing_is_asked_is_refused_not_dropped(world: World) -> None:
    """Answers sent along with a submit, say: whoever sends them would believe that they were kept."""
    paths: Any = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    bodiless = [
        operation
        for operation in operations()
        if operation.method == "POST"
        and "post" in paths.get(operation.path, ())
        and "requestBody" not in paths[operation.path]["post"]
    ]
    assert len(bodiless) >= 5
    sent = Sent(b'{"answers": {"phq9_1": 3}}')
    taken = [
        f"{operation.path} as {role}"
        for operation in bodiless
        for role in ROLES
        if alone(world, role, operation, sent).status_code < 400
    ]
    assert taken == []


# --- mass assignment ---

OURS = [model for model in apps.get_models() if model.__module__.split(".")[0] in ROOMS]
NAMES = sorted(
    {field.name for model in OURS for field in model._meta.get_fields()} | {"pk", "_state", "user_id"}
)
COUNTERS = {"core_limitcounter", "core_heartbeat", "core_idempotencyrecord"}
HEARD = {"safety_alert", "safety_page", "notifications_delivery", "safety_adverseevent", "safety_hold"} | {
    "notifications_suppression",
    "treatment_sessions_sessioneventlink",
    "safety_reportingclock",
    "safety_followup",
}
"""What a report of harm and a cry for help leave though their form is refused (ADR 0012)."""
HEARD_AT = (
    "adverse-events",
    "screenings",
    "assessments",
    "check-ins",
    "observations",
    "attestations",
    "dose-outcomes",
    "doses",
)


def tables() -> dict[str, str]:
    """Return a digest of the rows of every table of ours, but for those that count."""
    digests = (
        f"SELECT '{name}', md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} t"  # noqa: S608
        for name in sorted({model._meta.db_table for model in OURS} - COUNTERS)
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(digests))
        return dict(cursor.fetchall())


def send(world: World, role: str, operation: Operation, bodies: list[dict[str, Any]]) -> None:
    for body in bodies:
        sent = Sent(json.dumps(operation.body | body).encode())
        assert world.send(role, operation, sent).status_code < 500


@pytest.mark.parametrize("one_by_one", [False, pytest.param(True, marks=pytest.mark.full)])
@pytest.mark.parametrize(
    "role", ["patient", *(pytest.param(role, marks=pytest.mark.full) for role in ("monitor", "clinician"))]
)
def test_no_model_field_can_be_assigned_by_naming_it(
    world: World, role: str, cyd: Any, one_by_one: bool
) -> None:
    """All names at once; in the long run each alone, too."""
    assert len(NAMES) > 100
    wrong, value = {}, str(cyd.pk)
    before = tables()
    for operation in operations():
        if operation.method == "DELETE" or "/auth/" in operation.path:
            continue
        names = [name for name in NAMES if name not in operation.body and not _asked(operation, name)]
        bodies = [dict.fromkeys(names, value), *({name: value} for name in names if one_by_one)]
        send(world, role, operation, bodies)
        after = tables()
        changed = {table for table in after if after[table] != before[table]}
        before = after
        if any(part in operation.path for part in HEARD_AT):
            changed -= HEARD
        if changed:
            wrong[f"{operation.method} {operation.path}"] = changed
    assert wrong == {}
    assert not AdverseEvent.objects.filter(patient=cyd).exists()
    assert not Alert.objects.filter(patient=cyd).exists()
    assert not Hold.objects.filter(patient=cyd).exists()


def _asked(operation: Operation, name: str) -> bool:
    """Tell whether the schema declares the field: then it is no stranger."""
    return name in _declared().get((operation.method, operation.path), set())


def _declared() -> dict[tuple[str, str], set[str]]:
    if not _DECLARED:
        schema: Any = SchemaGenerator().get_schema(request=None, public=True)
        for path, methods in schema["paths"].items():
            for method, operation in methods.items():
                content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
                shape = schema["components"]["schemas"].get(name, {})
                _DECLARED[method.upper(), path] = set(shape.get("properties", {}))
    return _DECLARED


_DECLARED: dict[tuple[str, str], set[str]] = {}
