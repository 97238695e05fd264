"""What a patient is given to read before a session and after it: data, in a document that two people sign."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safety.screening.tables import KEY, PolicyError, Table, refuse_doubles
from sessions.policy import STATUSES

MOST_MODULES = 200
LONGEST = {"title": 80, "text": 2000}
"""How many characters each text may have."""


class Part(StrEnum):
    """Which part of the way a module belongs to."""

    PREPARATION = "preparation"
    INTEGRATION = "integration"


class Release(StrEnum):
    """What a module is released by."""

    BEFORE_SESSION = "before_session"
    """That the session of a number is booked."""
    AFTER_SESSION = "after_session"
    """That the session of a number ended, its dose taken."""
    DAY = "day"
    """That so many days have passed, where the patient is, since the enrollment became active."""


RANGES: Mapping[Release, tuple[int, int]] = {
    Release.BEFORE_SESSION: (1, 18),
    Release.AFTER_SESSION: (1, 18),
    Release.DAY: (0, 400),
}
"""Between which numbers, ends included, each can be meant."""


@dataclass(frozen=True, slots=True)
class Module:
    """Something short to read, and by what it is released: a session's number, or a number of days."""

    key: str
    title: str
    text: str
    part: Part
    release: Release
    number: int


def parse_content(content: Mapping[str, Any]) -> tuple[Module, ...]:
    """Read the modules, in the document's order; raises `PolicyError` with the place of the first fault.

    Refused are unknown and missing keys, a key that is there twice, a text that is too long or holds what
    nobody can see, and a module that is not released by exactly one thing.
    """
    table = Table(content, place="policy")
    table.text("id")
    table.whole("version")
    table.text("title")
    if table.text("status") not in STATUSES:
        table.refuse(f"has to be one of {', '.join(STATUSES)}", key="status")
    rows = table.tables("modules")
    if len(rows) > MOST_MODULES:
        table.refuse(f"has to be {MOST_MODULES} modules at most", key="modules")
    table.finish()
    modules = tuple(_module(row) for row in rows)
    refuse_doubles([module.key for module in modules], place="modules")
    return modules


def unread(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return that nobody is shown anything by a version, in a plain sentence, where it cannot be read."""
    try:
        parse_content(content)
    except PolicyError as error:
        return (f"Nobody is shown a module by it, because it cannot be read: {error}.",)
    return ()


def _module(row: Table) -> Module:
    release = _release(row)
    module = Module(
        key=row.name("key", KEY),
        title=_plain(row, "title"),
        text=_plain(row, "text"),
        part=row.one_of("part", Part),
        release=release,
        number=_number(row, release),
    )
    row.finish()
    return module


def _release(row: Table) -> Release:
    named = [one for one in Release if row.has(one)]
    if len(named) != 1:
        row.refuse(f"has to name exactly one of {', '.join(Release)}")
    return named[0]


def _number(row: Table, release: Release) -> int:
    number, (low, high) = row.number(release), RANGES[release]
    if not isinstance(number, int) or not low <= number <= high:
        row.refuse(f"has to be a whole number from {low} to {high}", key=release)
    return number


def _plain(row: Table, key: str) -> str:
    text = row.text(key)
    if len(text) > LONGEST[key]:
        row.refuse(f"has to have {LONGEST[key]} characters at most", key=key)
    on_one_line = text if key == "title" else text.replace("\n", " ")
    if not on_one_line.isprintable():
        row.refuse("has to be plain text", key=key)
    return text
