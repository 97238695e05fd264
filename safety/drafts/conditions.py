"""A rule's condition as rows that somebody fills in, and back; what no row can show stays as it is."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safety.screening.clinical import Operator, Section, Trait
from safety.screening.health import VITAL_UNITS, Vital
from safety.screening.policy import Quantity, QuestionKind

Content = Mapping[str, Any]
ONE, ALL, ANY = "one", "all", "any"
IS, THERE = "is", "there"
_SECTIONS = ("condition", "medication", "allergy")
_THERE = {"question": "reported", "vital": "recorded", "instrument": "taken"}
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_COLUMN_OF: dict[str, str] = {
    "is": "words",
    "status": "words",
    **{str(trait): "words" for trait in Trait},
    **{str(operator): "bound" for operator in Operator},
    "max_age_days": "max_age_days",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One part of a condition: what it looks at, how it compares, and with what; all as somebody typed it."""

    looks_at: str = ""
    how: str = ""
    words: str = ""
    bound: str = ""
    max_age_days: str = ""
    is_negated: bool = False


def taken_apart(when: Content) -> tuple[str, list[Content]]:
    """Return how the parts of a condition are joined, and the parts."""
    for joiner in (ALL, ANY):
        if set(when) == {joiner}:
            return joiner, list(when[joiner])
    return ONE, [when] if when else []


def put_together(joiner: str, parts: Sequence[Content]) -> dict[str, Any]:
    """Return the condition that `taken_apart` took apart; one alone has at most one part."""
    if joiner == ONE:
        return dict(parts[0]) if parts else {}
    return {joiner: list(parts)}


def shown(part: Content) -> Row | None:
    """Return a part as a row; None where no row says exactly that."""
    is_negated = set(part) == {"not"}
    row = _row(part["not"] if is_negated else part, is_negated=is_negated)
    return row if row is not None and written(row) == part else None


def _row(leaf: Content, *, is_negated: bool) -> Row | None:
    looks_at = _looked_at(leaf)
    if not looks_at:
        return None
    how, words, bound = _compared(leaf)
    days = str(leaf.get("max_age_days", ""))
    return Row(looks_at, how, words, bound, days, is_negated)


def _looked_at(leaf: Content) -> str:
    if "question" in leaf:
        quantity = [leaf["quantity"]] if "quantity" in leaf else []
        return "/".join(("question", leaf["question"], *quantity))
    if "instrument" in leaf:
        return f"instrument/{leaf['instrument']}/{leaf.get('result', '')}"
    for key in (*_SECTIONS, "unrecognised", "vital"):
        if key in leaf:
            return f"{key}/{leaf[key]}"
    return next((str(trait) for trait in Trait if trait in leaf), "")


def _compared(leaf: Content) -> tuple[str, str, str]:
    """Return how a leaf compares, with which words, and with which number."""
    for operator in Operator:
        if operator in leaf:
            return str(operator), "", str(leaf[operator])
    for key in ("is", "status", *Trait):
        if key in leaf:
            said = leaf[key]
            return IS, said if isinstance(said, str) else ", ".join(map(str, said)), ""
    always = any(key in leaf for key in (*_SECTIONS, "unrecognised"))
    return THERE if always or any(key in leaf for key in _THERE.values()) else "", "", ""


def written(row: Row) -> dict[str, Any]:
    """Return a row as the part of a condition that it says; what is wrong with it is the parser's to tell."""
    kind, *names = row.looks_at.split("/")
    if kind == "question":
        leaf: dict[str, Any] = dict(zip(("question", "quantity"), names, strict=False))
    elif kind == "instrument":
        leaf = dict(zip(("instrument", "result"), names, strict=False))
    else:
        leaf = {kind: names[0] if names else _words(row.words)}
    if row.max_age_days:
        leaf["max_age_days"] = _number(row.max_age_days)
    leaf |= _comparison(kind, names, row)
    return {"not": leaf} if row.is_negated else leaf


def _comparison(kind: str, names: list[str], row: Row) -> dict[str, Any]:
    if row.how in list(Operator):
        unit = {"unit": next(iter(VITAL_UNITS[Vital(names[0])]))} if kind == "vital" else {}
        return {row.how: _number(row.bound), **unit}
    if row.how == THERE and kind in _THERE:
        return {_THERE[kind]: True}
    if row.how == IS and names:
        return {"status": _words(row.words)} if kind in _SECTIONS else {"is": row.words}
    return {}


def _words(said: str) -> list[str]:
    return [word.strip() for word in said.split(",") if word.strip()]


def _number(said: str) -> float | str:
    """Return the number that somebody typed; what is none stays as it was typed, to be refused and mended."""
    if not _NUMBER.fullmatch(said):
        return said
    return float(said) if "." in said else int(said)


def idle(row: Row) -> Iterator[tuple[str, str]]:
    """Yield each field of a row that says something which nothing reads, and what to do about it."""
    kind = row.looks_at.partition("/")[0]
    if row != Row() and not row.looks_at:
        yield "looks_at", "Choose what this looks at, or empty the row."
        return
    if row.words and row.how != IS and kind not in list(Trait):
        yield "words", 'Words are read where it says "is one of"; choose that, or empty this.'
    if row.bound and row.how not in list(Operator):
        yield "bound", "A number is read where it is compared; choose how, or empty this."
    if row.max_age_days and kind not in ("vital", "instrument"):
        yield "max_age_days", "Only a measurement or an instrument's result has an age; empty this."
    if row.how == THERE and kind in list(Trait):
        yield "how", 'Choose "is one of", and say which words.'


def place_in(when: Content, place: str) -> tuple[int, str] | None:
    """Return the row and the column that a fault's place below `when` is about; None: the whole of it."""
    joiner, parts = taken_apart(when)
    if joiner == ONE:
        index, rest = 0, place
    else:
        found = re.fullmatch(rf"{joiner}\[([0-9]+)\]\.?(.*)", place)
        if found is None:
            return None
        index, rest = int(found[1]), found[2]
    if index >= len(parts) or (joiner == ONE and not rest):
        return None
    key = re.split(r"[.\[]", rest.removeprefix("not").removeprefix("."))[0]
    return index, _COLUMN_OF.get(key, "looks_at")


def subjects(content: Content) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return everything that a part of a condition may look at, by group, each with words for it."""
    asked = [each for question in content.get("questions", ()) for each in _asked(question)]
    named: list[Content] = list(content.get("concepts", ()))
    conditions = [(each["key"], each["name"]) for each in named if each["kind"] == "condition"]
    medicines = [(each["key"], each["name"]) for each in named if each["kind"] == "medicine"]
    sections = [(str(each), f"among {each}") for each in Section]
    vitals = [(str(each), each.replace("_", " ")) for each in Vital]
    results = [(each, each.replace("/", ": ")) for each in _taken(content)]
    return [
        ("The answer to a question", asked),
        ("A condition on record", _under("condition", conditions)),
        ("A medicine taken now", _under("medication", medicines)),
        ("An allergy on record", _under("allergy", medicines)),
        ("Something nobody recognised", _under("unrecognised", sections)),
        ("On record", [(str(each), str(each)) for each in Trait]),
        ("A measurement", _under("vital", vitals)),
        ("An instrument's result", _under("instrument", results)),
    ]


def _under(kind: str, found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(f"{kind}/{key}", name) for key, name in found]


def _asked(question: Content) -> Iterator[tuple[str, str]]:
    base = f"question/{question['key']}"
    if question["kind"] != QuestionKind.READINGS:
        yield base, question["topic"]
        return
    for quantity in Quantity:
        yield f"{base}/{quantity}", f"{question['topic']}: {quantity.replace('_', ' ')}"


def _taken(content: Content) -> list[str]:
    """Return each instrument's result that some rule looks at already, as `instrument/result`."""
    leaves = [leaf for rule in content.get("rules", ()) for leaf in _leaves(rule.get("when", {}))]
    found = [f"{leaf['instrument']}/{leaf.get('result', '')}" for leaf in leaves if "instrument" in leaf]
    return list(dict.fromkeys(found))


def words(content: Content) -> list[str]:
    """Return the words that conditions compare with, each once: to choose from while typing."""
    choices = [
        choice["value"] for question in content.get("questions", ()) for choice in question.get("choices", ())
    ]
    said = [leaf for rule in content.get("rules", ()) for leaf in _leaves(rule.get("when", {}))]
    used = [word for leaf in said for word in _words(_compared(leaf)[1])]
    return sorted({"yes", "no", *choices, *used})


def _leaves(when: Content) -> Iterator[Content]:
    inner = [*when.get("all", ()), *when.get("any", ()), *([when["not"]] if "not" in when else [])]
    if not inner:
        yield when
    for part in inner:
        yield from _leaves(part)
