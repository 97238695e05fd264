"""Measures how well plain tests hold the screening's code: branches not taken, and mutants not noticed.

    .venv/bin/python -m tests.mutation [FILE …]

Runs the tests of `tests/safety` that need no database, once under coverage, and then once more for each
mutant of `safety/rules.py` and `safety/screening/` (or of the files named), in a fork of this process: only
the tests that came through the changed function, the quickest first, up to the first that fails. One process
at a time. Each survivor has to be explained in `docs/survivors.tsv`; exits with 1 where one isn't, where an
explanation explains nothing, or where a branch is not taken. Prints one line of JSON at the end.

Not mutmut: it starts pytest for each mutant, and leaves constants and decorated functions (ours are cached)
alone. What is mutated here are the code objects of modules that are already imported.
"""

import ast
import csv
import gc
import json
import os
import re
import resource
import sys
import time
import types
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import coverage
import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.mutants import Key, Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
EXPLAINED = ROOT / "docs" / "survivors.tsv"
ORACLE = "tests/safety/test_screening_oracle.py::test_the_oracle_catches_planted_mutations"
WHERE = ("tests/safety", "--ignore=tests/safety/events", f"--deselect={ORACLE}")
"""All but what is about adverse events, and about the oracle itself."""
TESTS = "not django_db and not full and not browser and not records"
DATABASE = {"db", "transactional_db", "django_db_setup"}
SETTINGS = {
    # The newest way to measure forgets which test it was.
    "COVERAGE_CORE": "ctrace",
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "SECRET_KEY": "none",
    "ANCHOR_KEY": "none",
    "FIELD_KEY": b64encode(bytes(32)).decode(),
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}
CONTROLS = 200
"""How many tests, the quickest ones, have to pass in a fork that changes nothing."""
MEMORY_BYTES = 4 * 2**30
KILLED, SURVIVED, BROKEN = 1, 0, 3


def sources() -> list[Path]:
    """Return what is measured, relative to the project."""
    modules = sorted((ROOT / "safety" / "screening").glob("[!_]*.py"))
    return [Path("safety/rules.py"), *(module.relative_to(ROOT) for module in modules)]


def explained() -> dict[Key, str]:
    """Return why each survivor that somebody has looked at may survive."""
    with EXPLAINED.open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {(row["where"], row["before"], row["after"]): row["why"] for row in rows}


class Measurement:
    """A pytest plugin that runs the tests once, and then takes the mutants to them."""

    def __init__(self, cover: coverage.Coverage, files: list[Path]) -> None:
        self.cover, self.files = cover, files
        self.seconds: dict[str, float] = {}
        self.faults: list[str] = []
        self.known = explained()
        self.survivors: list[Mutant] = []
        self.mutants = 0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what takes the database by a fixture."""
        items[:] = [item for item in items if not DATABASE & set(getattr(item, "fixturenames", ()))]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests, then the mutants."""
        items = session.items
        for item, after in zip(items, [*items[1:], None], strict=True):
            clear_caches()
            self.cover.switch_context(item.nodeid)
            began = time.perf_counter()
            if not passes(item, after):
                self.faults.append(f"fails unchanged: {item.nodeid}")
            self.seconds[item.nodeid] = time.perf_counter() - began
        self.cover.stop()
        if not self.faults:
            self.reach = reached_by(self.cover)
            gc.freeze()
            if self._fate(None, sorted(items, key=self._seconds_of)[:CONTROLS]) != SURVIVED:
                self.faults.append("tests fail in a fork though nothing is changed: nothing was measured")
                return True
            for path in self.files:
                self._measure(path, items)
        return True

    def _seconds_of(self, item: pytest.Item) -> float:
        return self.seconds[item.nodeid]

    def _measure(self, path: Path, items: list[pytest.Item]) -> None:
        began, mutated, survived = time.perf_counter(), self.mutants, len(self.survivors)
        for mutant in mutants(path, (ROOT / path).read_text()):
            relevant = [item for item in items if item.nodeid in self._tests_of(mutant)]
            relevant.sort(key=self._seconds_of)
            status = self._fate(mutant, relevant) if relevant else SURVIVED
            if status == BROKEN:
                self.faults.append(f"could not be tried: {described(mutant)}")
            if status == SURVIVED:
                self.survivors.append(Mutant(**{**vars(mutant), "tree": ast.Module([], [])}))
                print(
                    f"survived: {described(mutant)}\n    {self.known.get(mutant.key, 'NOT EXPLAINED')}",
                    flush=True,
                )
            self.mutants += 1
        counts = f"{self.mutants - mutated} mutants, {len(self.survivors) - survived} survived"
        print(f"{path}: {counts} ({time.perf_counter() - began:.0f} s)", flush=True)

    def _tests_of(self, mutant: Mutant) -> set[str]:
        """Return the tests that came through the changed function, or by any that may read the constant."""
        if mutant.function:
            return self.reach[str(mutant.path)].get(mutant.function, set())
        name = assigned(mutant.tree.body[mutant.statement])
        readers = [path for path in sources() if re.search(rf"\b{name}\b", (ROOT / path).read_text())]
        return {test for path in readers for tests in self.reach[str(path)].values() for test in tests}

    def _fate(self, mutant: Mutant | None, items: list[pytest.Item]) -> int:
        """Return what becomes of a mutant, or, without one, of the code as it is: the control."""
        code = compile(mutant.tree, str(ROOT / mutant.path), "exec") if mutant else None
        limit = 10 + int(3 * sum(self.seconds[item.nodeid] for item in items))
        child = os.fork()
        if child == 0:
            try:
                os._exit(try_out(items, limit, mutant, code))
            finally:
                os._exit(BROKEN)
        _, status = os.waitpid(child, 0)
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else KILLED


def passes(item: pytest.Item, after: pytest.Item | None) -> bool:
    """Run one test and tell whether it passes."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=after))


def try_out(items: list[pytest.Item], limit: int, mutant: Mutant | None, code: types.CodeType | None) -> int:
    """Run the tests on a mutant, in a process of its own that ends afterwards."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        if mutant and code:
            apply(mutant, code)
    except LookupError:
        return BROKEN
    except Exception:  # what the mutant itself raised
        return KILLED
    clear_caches()
    for item, after in zip(items, [*items[1:], None], strict=True):
        if not passes(item, after):
            return KILLED
    return SURVIVED


# --- what is changed in memory ---------------------------------------------------------------------------


def module_of(path: Path) -> types.ModuleType:
    """Return the imported module of a file."""
    return sys.modules[".".join(path.with_suffix("").parts)]


def clear_caches() -> None:
    """Forget what the modules have worked out."""
    for path in sources():
        for value in list(vars(module_of(path)).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def apply(mutant: Mutant, code: types.CodeType) -> None:
    """Change the imported module; raises `LookupError` where the function isn't found."""
    module = module_of(mutant.path)
    if mutant.function:
        found: Any = module
        for name in mutant.function.split("."):
            found = vars(found)[name]
        found = getattr(found, "fget", found)
        getattr(found, "__wrapped__", found).__code__ = _code_of(code, mutant.function)
        return
    for statement in mutant.tree.body[mutant.statement :]:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            _assign(module, statement)


def _code_of(code: types.CodeType, name: str) -> types.CodeType:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if constant.co_qualname == name:
                return constant
            if name.startswith(f"{constant.co_qualname}."):
                return _code_of(constant, name)
    raise LookupError(name)


def _assign(module: types.ModuleType, statement: ast.Assign | ast.AnnAssign) -> None:
    """Give a constant its value anew, and to every module that has imported it."""
    name = assigned(statement)
    old = vars(module)[name]
    only = ast.Module([statement], [])
    exec(compile(only, str(module.__file__), "exec"), vars(module))  # noqa: S102 - our own source
    for other in list(sys.modules.values()):
        if vars(other).get(name) is old:
            setattr(other, name, vars(module)[name])


def assigned(statement: ast.stmt) -> str:
    """Return the name that a constant has."""
    match statement:
        case ast.Assign([ast.Name(name)]) | ast.AnnAssign(ast.Name(name)):
            return name
    raise LookupError(ast.unparse(statement))


# --- what is reported ------------------------------------------------------------------------------------


def reached_by(cover: coverage.Coverage) -> dict[str, dict[str, set[str]]]:
    """Return, by file and function, which tests ran any of its lines."""
    found: dict[str, dict[str, set[str]]] = {}
    for path in sources():
        by_line = cover.get_data().contexts_by_lineno(str(ROOT / path))
        functions = found[str(path)] = {}
        for name, node in functions_of(ast.parse((ROOT / path).read_text())):
            # The line of the definition itself runs on import.
            lines = range(node.body[0].lineno, (node.end_lineno or 0) + 1)
            functions[name] = {test for line in lines for test in by_line.get(line, ()) if test}
    return found


def functions_of(tree: ast.AST, within: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield every function of a module or a class, by its name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield within + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from functions_of(node, f"{within}{node.name}.")


def branches(cover: coverage.Coverage) -> Mapping[str, int]:
    """Print which branches were taken, and return the totals."""
    cover.report(file=sys.stdout, show_missing=True)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "coverage.json"
        cover.json_report(outfile=str(file))
        totals: dict[str, int] = json.loads(file.read_text())["totals"]
    return totals


def described(mutant: Mutant) -> str:
    """Return a survivor in a line."""
    return f"{mutant.path}:{mutant.line} {mutant.function}: {mutant.before}  →  {mutant.after}"


def main(arguments: list[str]) -> int:
    """Measure, report, and return whether all is taken and explained."""
    os.chdir(ROOT)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    files = [Path(name) for name in arguments] or sources()
    names = [str(ROOT / path) for path in sources()]
    cover = coverage.Coverage(branch=True, data_file=None, include=names, config_file=False)
    cover.start()
    measurement = Measurement(cover, files)
    options = ["-q", "-s", "--tb=native", "-p", "no:cacheprovider", "-m", TESTS]
    options += ["-p", "tests.mutation.quick", "--hypothesis-profile", "mutation"]
    code = pytest.main([*options, *WHERE], plugins=[measurement])
    if code != pytest.ExitCode.OK or measurement.faults:
        print("\n".join(measurement.faults))
        return 1
    totals = branches(cover)
    known = measurement.known
    open_ones = [each for each in measurement.survivors if each.key not in known]
    stale = set(known) - {each.key for each in measurement.survivors} if not arguments else set()
    for key in sorted(stale):
        print(f"explained, but does not survive: {key}")
    missed = totals["missing_branches"] + totals["missing_lines"]
    result = {
        "branches": totals["num_branches"],
        "branches_missed": missed,
        "mutants": measurement.mutants,
        "survived": len(measurement.survivors),
        "unexplained": len(open_ones),
        "stale": len(stale),
    }
    print(json.dumps(result))
    return 1 if open_ones or stale or missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
