"""A screening policy as a file: read with the line of every fault, written the same way to the byte."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from safety.screening.policy import Policy, parse_policy
from safety.screening.sanity import vet
from safety.screening.tables import PolicyError

MAX_CHARACTERS = 1_000_000
_LISTS = ("concepts", "questions", "rules")
_FIRST = (
    "format",
    "id",
    "version",
    "title",
    "note",
    "key",
    "level",
    "crisis",
    "overridable",
    "kind",
    "name",
    "topic",
    "ask",
)
_WHAT = ("all", "any", "not", "question", "condition", "medication", "allergy", "unrecognised", "pregnancy")
_HOW = ("lactation", "location", "route", "vital", "instrument", "result", "quantity", "status", "unit")
_MUCH = ("max_age_days", "recorded", "taken", "reported", "is", "below", "at_least", "min", "max")
_LAST = ("value", "label", "when", "code", "patient", "clinician", "source")
_ORDER = {key: index for index, key in enumerate((*_FIRST, *_WHAT, *_HOW, *_MUCH, *_LAST))}
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")
_AT_END = " (at end of document)"


class PolicyFileError(PolicyError):
    """A policy file is not acceptable; says on which line and why."""

    def __init__(self, line: int, place: str, problem: str) -> None:
        super().__init__(place, problem)
        self.line = line

    def __str__(self) -> str:
        return f"line {self.line}, {self.place}: {self.problem}"


def read_policy(text: str) -> tuple[dict[str, Any], Policy]:
    """Return the policy in a TOML file, as stored and as read, once it is found to be sane.

    Raises PolicyFileError with the line where it is not.
    """
    if len(text) > MAX_CHARACTERS:
        raise PolicyFileError(1, "policy", f"at most {MAX_CHARACTERS} characters")
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _not_toml(text, str(error)) from None
    try:
        policy = parse_policy(content)
        vet(policy)
    except PolicyError as error:
        raise PolicyFileError(_line_of(text, error.place), error.place, error.problem) from None
    return content, policy


def _not_toml(text: str, problem: str) -> PolicyFileError:
    found = _AT_LINE.search(problem)
    line = int(found[1]) if found else text.count("\n") + 1
    return PolicyFileError(line, "policy", _AT_LINE.sub("", problem).removesuffix(_AT_END))


def _line_of(text: str, place: str) -> int:
    """Return the line on which a place begins: its table's, or that of the key in it."""
    first, _, rest = place.partition(".")
    name, _, index = first.rstrip("]").partition("[")
    lines = text.split("\n")
    start = 0
    if index:
        heads = [number for number, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{name}\s*\]\]", line)]
        start = heads[int(index)] if int(index) < len(heads) else 0
    key = re.split(r"[.\[]", rest)[0] if index else name
    for number in range(start + bool(index), len(lines)):
        if lines[number].startswith("[["):
            break
        if key and re.match(rf"\s*\[?{re.escape(key)}\s*[\]=]", lines[number]):
            return number + 1
    return start + 1


def write_policy(content: Mapping[str, Any]) -> str:
    """Return a policy as a TOML file: always the same bytes, whatever order its keys were stored in."""
    plain = {key: value for key, value in content.items() if key not in (*_LISTS, "asked_by")}
    blocks = [_pairs(plain)]
    if "asked_by" in content:
        blocks.append(f"[asked_by]\n{_pairs(content['asked_by'])}")
    for name in _LISTS:
        blocks += [f"[[{name}]]\n{_pairs(entry)}" for entry in content.get(name, ())]
    return "\n".join(blocks)


def _pairs(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(table[key], indent='')}\n" for key in _sorted(table))


def _sorted(table: Mapping[str, Any]) -> list[str]:
    return sorted(table, key=lambda key: (_ORDER.get(key, len(_ORDER)), key))


def _value(value: object, *, indent: str) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{key} = {_value(value[key], indent=indent)}" for key in _sorted(value))
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value):
        deeper = indent + "    "
        entries = "".join(f"{deeper}{_value(entry, indent=deeper)},\n" for entry in value)
        return f"[\n{entries}{indent}]"
    # What JSON writes is TOML, but for the one control character that JSON leaves in a string as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
