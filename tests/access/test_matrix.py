"""Every route by method, role and relation, on real rows: who may, may; everybody else is refused.

"Not yours" and "doesn't exist" are one answer. Each chart that is shown leaves one line in its trail, and
each refusal of somebody we know one in theirs.
"""

import json
import logging
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse

from core import clock
from tests import figures
from tests.access import declared as to
from tests.access.declared import OPERATIONS, Op
from tests.access.world import World, build

AT_ONCE = 400
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
FIELDS = Path(__file__).parent / "fields.json"
SEED = 20261122
NOT_OURS = ("api/v1/auth/", "api/schema/", "api/docs/")
"""The sign-in library's own paths, and the documentation: no charts."""
OPEN_KEYS = {"answers", "rows", "decision", "scores", "content", "tree"}
"""What holds keys that come from data."""


@dataclass(frozen=True)
class Cell:
    """One question: may this role do this, to whose?"""

    op: Op
    is_declared: bool
    role: str
    target: str

    @property
    def expected(self) -> set[int]:
        """Return the statuses that may come; an allowed one is any 2xx."""
        if not self.is_declared:
            return {401} if self.role in to.UNKNOWN and self.op.gate != to.EVERYBODY else {403, 405}
        if self.is_allowed:
            return {200, 201, 204}
        if self.role in to.UNKNOWN:
            return {401}
        if self.role not in self.op.gate:
            return {403}
        if self.target == "":
            return {self.op.otherwise}
        return {403} if self.target == "ada" and self.role in self.op.party else {404}

    @property
    def is_allowed(self) -> bool:
        """Tell whether the operation is declared for this role and target."""
        allowed = {"": self.op.own, "ada": self.op.own, "cyd": self.op.stranger, "absent": to.NONE}
        return self.is_declared and self.role in allowed[self.target]


def routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return the names and parameters of every route of our API in the URLconf."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        here = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern) and here.startswith("api/") and not here.startswith(NOT_OURS):
            yield str(pattern.name), tuple(re.findall(r"<\w+:(\w+)>", here))


def undeclared(patterns: Any = None) -> set[str]:
    """Return the routes that nobody has declared."""
    return {name for name, _ in routes(patterns)} - {op.route for op in OPERATIONS}


def cells(*, declared_alone: bool) -> Iterator[Cell]:
    """Return every cell; or those of declared methods."""
    known = {(op.route, op.method): op for op in OPERATIONS}
    of_route = {op.route: op for op in OPERATIONS}
    for route, parameters in routes():
        for method in METHODS:
            found = known.get((route, method))
            if found is None and declared_alone:
                continue
            op = found or replace(of_route[route], method=method, body={})
            for role in sorted(to.EVERYBODY):
                for target in ("ada", "cyd", "absent") if parameters else ("",):
                    yield Cell(op=op, is_declared=found is not None, role=role, target=target)


# --- one cell --------------------------------------------------------------------------------------------


def ask(world: World, cell: Cell) -> tuple[Any, list[str]]:
    """Send the request; return the answer and the ids in its address."""
    names = dict(routes())[cell.op.route]
    ids = {name: world.id_of(name, cell.target) for name in names}
    headers = {"Idempotency-Key": str(uuid4()), "If-Match": '"v1"'}
    if (cell.op.route, cell.op.method) == ("session-preparation", "PATCH") and cell.is_allowed:
        headers["If-Match"] = world.clients[to.PATIENT].get(reverse("session", kwargs=ids))["ETag"]
    answer = world.clients[cell.role].generic(
        cell.op.method,
        reverse(cell.op.route, kwargs=ids),
        json.dumps(world.body(cell.op)),
        content_type="application/json",
        headers=headers,
    )
    return answer, list(ids.values())


def line_count() -> int:
    """Return how many looks and refusals are in the trail."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM guard.event WHERE act IN ('look', 'refuse')")
        return int(cursor.fetchone()[0])


def lines(*, after: int) -> dict[str, list[tuple[str, str]]]:
    """Return chain and actor of the looks and of the refusals written since there were so many."""
    found: dict[str, list[tuple[str, str]]] = {"look": [], "refuse": []}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT act, chain, actor FROM guard.event WHERE act IN ('look', 'refuse') OFFSET %s", [after]
        )
        for act, chain, actor in cursor.fetchall():
            found[act].append((chain, actor))
    return found


def faults(world: World, cell: Cell, told: dict[Any, bytes]) -> Iterator[str]:
    """Yield what is wrong with one cell."""
    before = line_count()
    answer, ids = ask(world, cell)
    status = answer.status_code
    if status not in cell.expected:
        yield f"{status}, not {cell.expected}: {answer.content[:300]!r}"
        return
    looks, refusals = lines(after=before).values()
    if status in (401, 403, 404):
        known = cell.role != to.VISITOR
        if len(refusals) != known or looks:
            yield f"{len(refusals)} lines of its refusal, {len(looks)} of looks"
    if status == 404 and cell.target in ("cyd", "absent"):
        yield from not_the_same(cell, answer, ids, told)
    if cell.is_allowed and cell.op.method == "GET":
        yield from wrong_looks(world, cell, looks)
        yield from undeclared_fields(cell, answer)
    if cell.role == to.PATIENT and b"Cyd Example" in answer.content:
        yield "shows Cyd to Ada"


def not_the_same(cell: Cell, answer: Any, ids: list[str], told: dict[Any, bytes]) -> Iterator[str]:
    """Compare a refusal of Cyd's with one of what isn't there, byte for byte but for the id in them."""
    headers = sorted((name, value) for name, value in answer.items() if not name.startswith("RateLimit"))
    whole = repr(headers).encode() + answer.content
    for known in ids:
        whole = whole.replace(known.encode(), b"ID")
    if told.setdefault((cell.op.route, cell.op.method, cell.role), whole) != whole:
        yield "tells what is not theirs from what does not exist"


def wrong_looks(world: World, cell: Cell, looks: list[tuple[str, str]]) -> Iterator[str]:
    """Compare the lines that a reading left with the charts it showed."""
    chains = [chain for chain, _ in looks]
    if len(chains) != len(set(chains)):
        yield "two lines for one chart"
    if not cell.op.shows and looks:
        yield "lines of looks at charts, though it shows none"
    if cell.target and cell.op.shows and chains != [f"chart:{world.charts[cell.target].pk}"]:
        yield f"no one line for the chart it shows: {chains}"
    if any(actor != world.actors.get(cell.role, actor) for _, actor in looks):
        yield "somebody else's look"


# --- fields ----------------------------------------------------------------------------------------------


def keys(value: Any, at: str = "") -> set[str]:
    """Return the path of every key in an answer, lists passed over."""
    if isinstance(value, list):
        return {key for item in value for key in keys(item, at)}
    if not isinstance(value, dict):
        return set()
    found = {f"{at}{name}" for name in value}
    return found.union(*(keys(each, f"{at}{name}.") for name, each in value.items() if name not in OPEN_KEYS))


def undeclared_fields(cell: Cell, answer: Any) -> Iterator[str]:
    """Compare an answer's fields with those that its role is to get."""
    if not answer["Content-Type"].startswith("application/json"):
        return
    declared = json.loads(FIELDS.read_text()).get(cell.op.route, {})
    extra = keys(answer.json()) - set(declared.get(cell.role, declared.get("all", ())))
    if extra:
        yield f"undeclared fields: {sorted(extra)}"


# --- all -------------------------------------------------------------------------------------------------


@pytest.fixture
def no_limits(settings: Any) -> Iterator[None]:
    """Put limits out of the way: a refusal by them would prove nothing."""
    settings.FCM_ACCOUNT = "{}"  # what the clinic has not set up is refused to everybody
    settings.API_QUOTA_PER_MINUTE = 10**9
    settings.LIMITS = dict.fromkeys(settings.LIMITS, (10**9, 60))
    logging.getLogger("django.request").setLevel(logging.ERROR)
    yield
    logging.getLogger("django.request").setLevel(logging.NOTSET)


def run(asked: list[Cell]) -> list[str]:
    """Ask every cell, each in a world as it was before; return what was wrong.

    A world serves some hundred cells: in one that is older, sign-ins are not recent and bookings are past.
    """
    wrong: list[str] = []
    told: dict[Any, bytes] = {}
    for stage in sorted({cell.op.stage for cell in asked}):
        there = [cell for cell in asked if cell.op.stage == stage]
        for start in range(0, len(there), AT_ONCE):
            with undone():
                world = build(stage, at=clock.now())
                for cell in there[start : start + AT_ONCE]:
                    with undone():
                        what = f"{cell.op.method} {cell.op.route} as {cell.role} on {cell.target or 'all'}"
                        wrong += [f"{what}: {fault}" for fault in faults(world, cell, told)]
    return wrong


@contextmanager
def undone() -> Iterator[None]:
    """Undo what is done inside; what must be a transaction of its own takes it for one, as in a test."""
    block: Any = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def sample() -> list[Cell]:
    """Return the cells of some roles for each operation: two that may, one at the gate, one past it.

    Of a role all targets: what isn't theirs is compared with what isn't there. The long run asks every cell.
    """
    chosen = random.Random(SEED)  # noqa: S311
    roles = {
        (op.route, op.method): {
            role
            for among, most in ((op.own | op.stranger, 2), (op.gate, 1), (to.EVERYBODY - op.gate, 1))
            for role in chosen.sample(sorted(among), min(most, len(among)))
        }
        for op in OPERATIONS
    }
    return [cell for cell in cells(declared_alone=True) if cell.role in roles[cell.op.route, cell.op.method]]


def test_the_sample_asks_for_every_operation() -> None:
    assert {(cell.op.route, cell.op.method) for cell in sample()} == {
        (op.route, op.method) for op in OPERATIONS
    }


@pytest.mark.django_db
@pytest.mark.parametrize("stage", sorted({op.stage for op in OPERATIONS}))
def test_what_is_declared_holds(no_limits: None, stage: str) -> None:
    wrong = run([cell for cell in sample() if cell.op.stage == stage])
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)


@pytest.mark.full
@pytest.mark.django_db
def test_every_cell(no_limits: None) -> None:
    asked = list(cells(declared_alone=False))
    wrong = run(asked)
    figures.record("access.cells", len(asked))
    figures.record("access.cells_failing", len(wrong))


def test_every_route_is_declared() -> None:
    assert undeclared() == set()
    assert {op.route for op in OPERATIONS} == {name for name, _ in routes()}


def test_an_undeclared_route_is_found() -> None:
    planted = [path("api/v1/planted", lambda request: HttpResponse(), name="planted")]
    assert undeclared(planted) == {"planted"}


@pytest.mark.django_db
def test_an_undeclared_field_is_found(no_limits: None, at: datetime) -> None:
    cell = next(
        cell for cell in cells(declared_alone=True) if cell.op.route == "enrollment" and cell.is_allowed
    )
    answer, _ = ask(build("dosed", at=at), cell)
    answer.json = lambda: {"id": "", "secret": ""}
    assert list(undeclared_fields(cell, answer)) == ["undeclared fields: ['secret']"]
