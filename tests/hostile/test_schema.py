"""Whatever the schema allows and whatever it forbids, as whoever: the answer is one that it declares."""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as examples
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core import clock
from tests.access import declared as to
from tests.access.test_matrix import undone
from tests.access.world import World, build

pytestmark = pytest.mark.django_db
SEED = 20261122
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
NOT_OURS = ("/api/v1/auth/", "/healthz")
"""The sign-in library keeps its own schema; what asks after our health carries no input."""


@pytest.fixture(autouse=True)
def no_limits(settings: Any) -> Iterator[None]:
    """Put limits out of the way: a refusal by them would prove nothing."""
    settings.API_QUOTA_PER_MINUTE = 10**9
    settings.LIMITS = dict.fromkeys(settings.LIMITS, (10**9, 60))
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]
    logging.getLogger("django.request").setLevel(logging.ERROR)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
    logging.getLogger("django.request").setLevel(logging.NOTSET)


def application(environ: Any, start_response: Any) -> Any:
    """Answer a request on the connection that is there, with the test's transaction on it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    return get_wsgi_application()(environ, start_response)


def operations() -> list[Any]:
    """Return every operation that the schema declares."""
    schema: Any = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application)
    found = [each.ok() for each in schema.get_all_operations()]
    return [operation for operation in found if not operation.path.startswith(NOT_OURS)]


def headers(world: World, role: str) -> dict[str, str]:
    """Return how somebody says who they are, and what every write of ours carries."""
    client: Any = world.clients[role]
    known = {
        name.removeprefix("HTTP_").replace("_", "-"): value for name, value in client._credentials.items()
    }
    return known | {"Idempotency-Key": str(uuid4()), "If-Match": '"v1"'}


def id_of(world: World, name: str) -> str:
    """Return an id of Ada's; where she has no such thing in this world, one of nothing."""
    try:
        return world.id_of(name, "ada")
    except AssertionError:
        return world.id_of(name, "absent")


def attack(world: World, role: str, operation: Any, *, count: int, answers: Counter[int]) -> list[str]:
    """Send what the schema allows and what it forbids; return what was answered against it."""
    return [
        f"{operation.label} as {role}: {fault}"
        for mode in GenerationMode
        # Where nothing is sent, nothing can be forbidden.
        if mode == GenerationMode.POSITIVE or len(operation.body) or len(operation.query)
        for fault in sent(world, role, operation, mode, count=count, answers=answers)
    ]


def sent(
    world: World, role: str, operation: Any, mode: GenerationMode, *, count: int, answers: Counter[int]
) -> list[str]:
    wrong: list[str] = []
    ids = {name: id_of(world, name) for name in re.findall(r"{(\w+)}", operation.path)}
    cases = operation.as_strategy(generation_mode=mode, path_parameters=ids, headers=headers(world, role))

    @seed(SEED)
    @examples(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case: Any) -> None:
        with undone():
            answer = case.call()
        answers[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as failures:
            told = "; ".join(str(failure) for failure in failures.exceptions)
            wrong.append(f"{mode.value}: {told}: {answer.content[:300]!r}")

    send()
    return wrong


def test_a_few_of_each() -> None:
    """Every fourth operation, with one role in turn; the long run is every operation as every role."""
    world, answers, roles = build("dosed", at=clock.now()), Counter[int](), sorted(to.EVERYBODY)
    wrong = [
        fault
        for place, operation in enumerate(operations()[::4])
        for fault in attack(world, roles[place % len(roles)], operation, count=1, answers=answers)
    ]
    assert wrong == [], "\n".join(wrong)
    assert answers[200], answers


@pytest.mark.full
@pytest.mark.parametrize("role", sorted(to.EVERYBODY))
def test_every_operation_as_every_role(role: str) -> None:
    world, answers = build("dosed", at=clock.now()), Counter[int]()
    wrong = [
        fault
        for operation in operations()
        for fault in attack(world, role, operation, count=10, answers=answers)
    ]
    print(dict(sorted(answers.items())))
    assert wrong == [], "\n".join(wrong)


def test_an_answer_against_the_schema_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("accounts.views.Me.get", breaks)
    world = build("new", at=clock.now())
    (me,) = [each for each in operations() if each.label == "GET /api/v1/me"]
    wrong = attack(world, to.PATIENT, me, count=1, answers=Counter())
    assert any("Server error" in fault for fault in wrong), wrong
