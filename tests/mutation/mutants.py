"""Every small change to a module's source that a test ought to notice: one operator, number or word each.

Changed are the bodies of functions and the constants of a module. Left alone: what is only read (docstrings,
annotations, sentences: any text with a space in it), the words of enumerations and the fields of dataclasses,
and what a function got when it was defined (defaults, decorators).
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

_N = TypeVar("_N")
Key = tuple[str, str, str]

_SWAPPED: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}
_SHOWN = 90
"""How many characters of a long line are shown."""
_OTHER_CALLS = {"any": "all", "all": "any", "min": "max", "max": "min"}


@dataclass(frozen=True)
class Mutant:
    """One change: where, the first line that differs, and what it reads then.

    `function` is the outermost function that holds it, empty for a constant; `statement` is the place of the
    changed statement in the module. `tree` is the whole module, changed only until the next mutant is made.
    """

    path: Path
    line: int
    function: str
    statement: int
    before: str
    after: str
    tree: ast.Module

    @property
    def key(self) -> Key:
        """Name it without its line, which moves with every edit above."""
        return f"{self.path}:{self.function or 'constant'}", self.before, self.after


def mutants(path: Path, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, one at a time."""
    tree = ast.parse(source)
    for index, statement in enumerate(tree.body):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and not _is_alias(statement.value):
            for place in _below(statement):
                yield from _mutants_of(place, "", index, path, tree)
        for name, function in _functions(statement):
            for at, inner in enumerate(function.body):
                if _is_docstring(inner):
                    continue
                for place in ((function, "body", at, inner), *_below(inner)):
                    yield from _mutants_of(place, name, index, path, tree)


_Place = tuple[ast.AST, str, int | None, ast.AST]
"""Where a node hangs: its holder, the field, the place in a list; and the node."""


def _mutants_of(place: _Place, function: str, index: int, path: Path, tree: ast.Module) -> Iterator[Mutant]:
    holder, field, at, node = place
    if _is_docstring(node):
        return
    kept = getattr(holder, field)
    for other in _changes(node):
        ast.fix_missing_locations(ast.copy_location(other, node))
        before, after = _first_difference(node, other)
        setattr(holder, field, other if at is None else [*kept[:at], other, *kept[at + 1 :]])
        line = getattr(node, "lineno", getattr(holder, "lineno", 0))
        yield Mutant(path, line, function, index, before, after, tree)
        setattr(holder, field, kept)


def _is_alias(value: ast.expr | None) -> bool:
    """Tell whether a constant is only a name for types."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return value.func.id == "TypeVar"
    return value is None or (isinstance(value, ast.Subscript | ast.BinOp) and "|" in ast.unparse(value))


def _functions(statement: ast.stmt) -> Iterator[tuple[str, ast.FunctionDef]]:
    if isinstance(statement, ast.FunctionDef):
        yield statement.name, statement
    if isinstance(statement, ast.ClassDef):
        for inner in statement.body:
            for name, function in _functions(inner):
                yield f"{statement.name}.{name}", function


def _below(node: ast.AST) -> list[_Place]:
    """Return the place of everything under a node that may be changed."""
    found: list[_Place] = []
    for field, value in ast.iter_fields(node):
        if _is_only_read(node, field):
            continue
        for at, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST) and not _is_docstring(child):
                found.append((node, field, at if isinstance(value, list) else None, child))
                found += _below(child)
    return found


def _is_only_read(node: ast.AST, field: str) -> bool:
    if isinstance(node, ast.Call):
        return field == "args" and isinstance(node.func, ast.Name) and node.func.id == "cast"
    return field in ("annotation", "returns", "args", "decorator_list", "target", "targets", "format_spec")


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _first_difference(before: ast.AST, after: ast.AST) -> tuple[str, str]:
    """Return the first line that differs, as it was and as it is."""
    was, now = ast.unparse(before).split("\n"), ast.unparse(after).split("\n")
    differ = (pair for pair in zip_longest(was, now, fillvalue="") if pair[0] != pair[1])
    old, new = (line.strip() for line in next(differ))
    same = next(at for at, (one, other) in enumerate(zip_longest(old, new)) if one != other)
    begin = 0 if len(old) <= _SHOWN else max(0, same - _SHOWN // 2)
    return old[begin : begin + _SHOWN], new[begin : begin + _SHOWN]


# --- the changes -----------------------------------------------------------------------------------------


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in the place of one node."""
    match node:
        case ast.expr():
            yield from _other_expressions(node)
        case ast.stmt():
            yield from _other_statements(node)
        case ast.comprehension(target, loop, ifs):
            for left in _without_one(ifs):
                yield ast.comprehension(target, loop, left, 0)
        case ast.MatchOr(patterns):
            for fewer in _without_one(patterns):
                yield fewer[0] if len(fewer) == 1 else ast.MatchOr(fewer)


def _without_one(nodes: list[_N]) -> Iterator[list[_N]]:
    for at in range(len(nodes)):
        yield [*nodes[:at], *nodes[at + 1 :]]


def _other_statements(node: ast.stmt) -> Iterator[ast.stmt]:
    match node:
        case ast.If(test, body, orelse) if not isinstance(test, ast.Constant):
            yield ast.If(ast.Constant(True), body, orelse)
            yield ast.If(ast.Constant(False), body, orelse)
        case ast.Match(subject, cases) if len(cases) > 1:
            for left in _without_one(cases):
                yield ast.Match(subject, left)
        case ast.Expr(ast.Yield()):
            # A generator stays one, and yields nothing.
            yield ast.If(ast.Constant(False), [node], [])
        case ast.Expr() | ast.Raise():
            yield ast.Pass()
        case ast.AugAssign(target, op, value):
            for other in _SWAPPED.get(type(op), ()):
                yield ast.AugAssign(target, _operator(other), value)
            yield ast.Assign([target], value)
        case ast.Return(value) if value is not None and ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Break() | ast.Continue():
            yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()


def _other_expressions(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare() | ast.BoolOp() | ast.BinOp():
            yield from _other_operators(node)
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.Call(ast.Name(name), args, keywords) if name in _OTHER_CALLS:
            yield ast.Call(ast.Name(_OTHER_CALLS[name], ast.Load()), args, keywords)
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(str(value)) if " " not in value.strip():
            yield ast.Constant(f"{value}~")


def _other_operators(node: ast.Compare | ast.BoolOp | ast.BinOp) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(first, ops, others):
            for at, op in enumerate(ops):
                for other in _SWAPPED[type(op)]:
                    yield ast.Compare(first, [*ops[:at], _operator(other), *ops[at + 1 :]], others)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(_operator(_SWAPPED[type(op)][0]), values)
            for left in _without_one(values):
                yield left[0] if len(left) == 1 else ast.BoolOp(op, left)
        case ast.BinOp(one, op, another):
            for other in _SWAPPED.get(type(op), ()):
                yield ast.BinOp(one, _operator(other), another)


def _operator(kind: type[ast.AST]) -> Any:
    return kind()
