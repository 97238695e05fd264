"""What keeps the house as it was built. Each guard is also shown a fault that it has to find."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.urls import URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from core import idempotency
from core.api import View
from tests.guards import ROOT

NOT_ROOMS = {"tests", "docs", "bin"}
ROOMS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name not in NOT_ROOMS)
CODE = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
VIEWS = [path for path in CODE if "views" in (path.stem, path.parent.name)]
RULES = [path for path in CODE if "rules" in (path.stem, path.parent.name)]

WITHOUT_KEY = {
    "me/text-number/confirmation": "a code is good once, and every try counts",
    "assessments/<uuid:assessment_id>/offline-submissions": "the form carries an id of the app's own",
    "monitor-devices": "the device's own key says whether it is the same one that asks again",
    "fit-checks": "nothing is stored, so nothing can happen twice (ADR 0010)",
    "reminder-stops": "stopping twice is stopping once, and who stops has no account here to keep a key by",
    "sessions/<uuid:session_id>/observations": "entries carry their device's id and number",
    "sessions/<uuid:session_id>/observations/<uuid:observation_id>/corrections": "as entries do",
    "sessions/<uuid:session_id>/check-ins": "entries carry their device's id and number",
}
"""POSTs that take no Idempotency-Key, and why."""
KEY_NOT_REQUIRED = {"adverse-events": "a report of harm is never refused for its key (ADR 0006)"}
"""POSTs that take a key and go on without one, and why."""


def imports(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that is imported, the imported thing included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def names_used(tree: ast.AST) -> set[str]:
    """Every bare name outside annotations: what runs, not what is said about types."""
    spoken_of: set[ast.AST] = set()
    for node in ast.walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            spoken_of |= set(ast.walk(annotation)) if annotation else set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node not in spoken_of}


def view_faults(source: str) -> list[str]:
    """A model may stand in an annotation, and nowhere else in a view."""
    tree = ast.parse(source)
    models = [name.split(".") for name in imports(tree) if "models" in name.split(".")]
    found = [f"imports {'.'.join(name)}" for name in models if name[-1] in ("models", "*")]
    found += [f"uses {name[-1]}" for name in models if name[-1] in names_used(tree)]
    return found + [f"uses .{name}" for name in sorted(attributes(tree) & {"objects", "_default_manager"})]


def rules_faults(source: str) -> list[str]:
    tree = ast.parse(source)
    outside = {"django", "rest_framework", "random", "time"}
    inside = {"clock", "models", "queries", "services"}
    names = [(name, name.split(".")) for name in imports(tree)]
    found = [f"imports {name}" for name, parts in names if parts[0] in outside or inside & set(parts)]
    return found + [f"asks {clock}" for clock in clocks_read(tree)]


def clocks_read(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        if node.attr in ("now", "today", "utcnow") and node.value.id in ("datetime", "date"):
            yield f"{node.value.id}.{node.attr}"


def delay_faults(source: str) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [f"{word.arg}=" for call in calls for word in call.keywords if word.arg in ("eta", "countdown")]


def label_faults(source: str) -> list[str]:
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [text for text in constants if isinstance(text, str) and re.fullmatch(r"sessions\.[A-Z]\w*", text)]


@pytest.mark.parametrize(
    ("files", "faults"),
    [(VIEWS, view_faults), (RULES, rules_faults), (CODE, delay_faults), (CODE, label_faults)],
    ids=["views do not query", "rules are pure", "nothing waits in a broker", "sessions are ours by label"],
)
def test_the_code_keeps_to_it(files: list[Path], faults: Callable[[str], list[str]]) -> None:
    assert files
    assert {str(path.relative_to(ROOT)): found for path in files if (found := faults(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("from programs import models", view_faults),
        ("from programs.models import *", view_faults),
        ("import programs.models", view_faults),
        ("from programs.models import Enrollment\nEnrollment(status=given).save()", view_faults),
        ("from programs.models import Enrollment\nfound = get_object_or_404(Enrollment)", view_faults),
        ("found = Enrollment.objects.all()", view_faults),
        ("from django.utils import timezone", rules_faults),
        ("from core import clock", rules_faults),
        ("from core.clock import now", rules_faults),
        ("from programs.models import Enrollment", rules_faults),
        ("at = datetime.now(UTC)", rules_faults),
        ("page.apply_async(countdown=60)", delay_faults),
        ("page.apply_async(eta=tomorrow)", delay_faults),
        ("key = models.ForeignKey('sessions.Session')", label_faults),
        ("key = models.ForeignKey('sessions.TreatmentSession')", label_faults),
    ],
)
def test_a_fault_in_the_code_is_found(source: str, faults: Callable[[str], list[str]]) -> None:
    assert len(faults(source)) == 1


def migration_faults(configs: list[Any]) -> list[str]:
    return [
        config.label
        for config in configs
        if bool(list(config.get_models())) != (Path(config.path) / "migrations" / "__init__.py").exists()
    ]


def test_a_room_has_migrations_if_it_has_models() -> None:
    ours = [config for config in apps.get_app_configs() if config.name in ROOMS]
    assert {config.name for config in ours} == set(ROOMS) - {"config"}
    assert migration_faults(ours) == []


def test_a_model_as_a_type_is_no_fault() -> None:
    source = "from programs.models import Enrollment\ndef show(one: Enrollment) -> list[Enrollment]: ..."
    assert view_faults(source) == []


def test_missing_and_needless_migrations_are_found(tmp_path: Path) -> None:
    (tmp_path / "needless" / "migrations").mkdir(parents=True)
    (tmp_path / "needless" / "migrations" / "__init__.py").touch()
    without = SimpleNamespace(label="missing", path=tmp_path, get_models=lambda: [object()])
    needless = SimpleNamespace(label="needless", path=tmp_path / "needless", get_models=list)
    assert migration_faults([without, needless]) == ["missing", "needless"]


def test_the_import_contract_covers_every_room() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [contract["layers"] for contract in linter["contracts"] if contract["type"] == "layers"]
    assert sorted(linter["root_packages"]) == ROOMS
    assert [sorted(rooms) for rooms in layers] == [ROOMS]


# --- the API ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    drawn: dict[str, Any] = generator().get_schema(request=None, public=True)
    return drawn


def operations(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def has_example(operation: dict[str, Any]) -> bool:
    parts = [operation.get("requestBody", {}), *operation["responses"].values()]
    return any(kind.get("examples") for part in parts for kind in part.get("content", {}).values())


def schema_faults(schema: dict[str, Any]) -> list[str]:
    found, seen = [], set()
    for name, operation in operations(schema):
        operation_id = operation["operationId"]
        if not has_example(operation):
            found.append(f"{name} has no example")
        # The generator tells twins apart by a number at the end.
        if operation_id in seen or not re.fullmatch(r"[a-z]+(_[a-z]+)+", operation_id):
            found.append(f"{name} is called {operation_id}")
        seen.add(operation_id)
    return found


def test_every_operation_has_an_example_and_a_name_of_its_own(schema: dict[str, Any]) -> None:
    assert operations(schema)
    assert schema_faults(schema) == []


@pytest.mark.parametrize("operation_id", ["me_read", "me_read_2", "meRead"])
def test_a_nameless_operation_is_found(operation_id: str) -> None:
    def operation(name: str, examples: dict[str, Any]) -> dict[str, Any]:
        content = {"application/json": {"examples": examples}}
        return {"operationId": name, "responses": {"200": {"content": content}}}

    paths = {"/me": {"get": operation("me_read", {"Ada": {}})}, "/us": {"get": operation(operation_id, {})}}
    assert len(schema_faults({"paths": paths})) == 2


def views(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every address of our API, after `api/v1/`, with the class that answers it."""
    for pattern in patterns:
        here = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, here)
        elif here.startswith("api/v1/") and not here.startswith("api/v1/auth/"):
            yield here.removeprefix("api/v1/"), getattr(pattern.callback, "cls", None)


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return dict(views(get_resolver().url_patterns))


def acts_once(handler: Any) -> bool:
    """Tell whether one of the functions wrapped around a handler comes from `core.idempotency`."""
    while handler is not None:
        if handler.__code__.co_filename == idempotency.__file__:
            return True
        handler = getattr(handler, "__wrapped__", None)
    return False


def test_every_post_acts_once_or_has_a_reason_not_to(ours: dict[str, Any]) -> None:
    handlers = {address: view.post for address, view in ours.items() if hasattr(view, "post")}
    assert {name for name, handler in handlers.items() if not acts_once(handler)} == set(WITHOUT_KEY)
    assert len(handlers) > len(WITHOUT_KEY)


def keys_required(schema: dict[str, Any]) -> dict[str, bool]:
    """Every POST that takes a key, by its address, and whether it has to be sent."""
    return {
        name.removeprefix("POST /api/v1/"): parameter.get("required", False)
        for name, operation in operations(schema)
        for parameter in operation.get("parameters", [])
        if name.startswith("POST") and parameter["name"] == idempotency.HEADER
    }


def test_every_key_is_required_or_has_a_reason_not_to_be(schema: dict[str, Any]) -> None:
    found = keys_required(schema)
    assert {name for name, is_required in found.items() if not is_required} == set(KEY_NOT_REQUIRED)
    assert len(found) > len(KEY_NOT_REQUIRED)


def test_a_key_that_is_not_required_is_found() -> None:
    parameter = {"name": idempotency.HEADER, "in": "header"}
    paths = {"/api/v1/doses": {"post": {"operationId": "doses_take", "parameters": [parameter]}}}
    assert keys_required({"paths": paths}) == {"doses": False}


def test_a_post_that_acts_twice_is_found() -> None:
    class Bare(View):
        def post(self) -> None: ...

    class Once(View):
        @idempotency.idempotent
        def post(self, request: Any) -> Any: ...

    assert not acts_once(Bare.post)
    assert acts_once(Once.post)


def test_every_address_of_the_api_is_a_view_of_ours(ours: dict[str, Any]) -> None:
    """One that were not would bypass the actor, the problem documents and the guard above."""
    assert [address for address, view in ours.items() if not (view and issubclass(view, View))] == []


def test_an_address_below_another_is_walked(ours: dict[str, Any]) -> None:
    assert {"me", "sessions/<uuid:session_id>/start"} <= set(ours)
