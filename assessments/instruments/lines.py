"""Which line of a TOML file a complaint is about: the reader itself knows lines of faulty syntax only."""

import re

_STEP = re.compile(r"([A-Za-z0-9_-]+)(?:\[(\d+)\])?")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def line_of(text: str, place: str, problem: str) -> int:
    """Return the line, from 1, of a place such as `scales[0].bands.steps[1]`, as near as the text shows it.

    That is the line of the first key in there which the problem names, else of the table itself.
    """
    lines = text.splitlines()
    if place == "top level":
        start, entry = 0, r"{word}\s*=|.*\bkey\s*=\s*.{word}\W"
    else:
        start, entry = _start(lines, _STEP.findall(place)), r"(?:.*[{{,])?\s*{word}\s*=|key\s*=\s*.{word}\W"
    end = len(lines) if place == "top level" else _end(lines, start)
    for word in _WORD.findall(problem):
        named = re.compile(entry.format(word=word))
        for number in range(start, end):
            if named.match(lines[number]):
                return number + 1
    return start + 1


def _start(lines: list[str], steps: list[tuple[str, str]]) -> int:
    """Find where a table begins: by its header, else by the key or the inline table that holds it."""
    path, at = "", 0
    for name, index in steps:
        path = f"{path}.{name}" if path else name
        at = _header(lines, path, at, int(index or 0)) or _inline(lines, name, at, int(index or 0))
    return at


def _header(lines: list[str], path: str, at: int, index: int) -> int | None:
    found = [n for n in range(at, len(lines)) if lines[n].strip() in (f"[{path}]", f"[[{path}]]")]
    return found[index] if index < len(found) else None


def _inline(lines: list[str], name: str, at: int, index: int) -> int:
    entry = re.compile(rf"\s*{name}\s*=")
    key = next((n for n in range(at, len(lines)) if entry.match(lines[n])), at)
    tables = [n for n in range(key, _end(lines, key)) for _ in range(lines[n].count("{"))]
    return tables[index] if index < len(tables) else key


def _end(lines: list[str], start: int) -> int:
    """Return the first line after `start` that begins another table."""
    following = range(start + 1, len(lines))
    return next((n for n in following if lines[n].startswith("[")), len(lines))
