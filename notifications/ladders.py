"""How often somebody is reminded of one thing, and when a person hears of their silence: data, by version."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

VERSION = 1
"""The one in force: new reminders follow it, those written down before keep to theirs."""
MOST_STEPS = 5
LONGEST = timedelta(days=30)


class LadderError(ValueError):
    """A file of ladders says something that no ladder can mean."""


@dataclass(frozen=True)
class Ladders:
    """When reminders leave, counted from what they are about: after it falls due, or before it begins."""

    version: int
    after_due: tuple[timedelta, ...]
    silent_after: timedelta
    before_start: tuple[timedelta, ...]


@dataclass(frozen=True)
class Step:
    """One reminder: its name in the key of its row, when it leaves, and when the next one takes over."""

    name: str
    due_at: datetime
    expires_at: datetime


@cache
def ladders(version: int = VERSION) -> Ladders:
    """Return the ladders of a version. Raises `LadderError` where its file is unsound."""
    path = Path(__file__).with_name(f"ladders_{version}.toml")
    return parse_ladders(tomllib.loads(path.read_text()))


def parse_ladders(said: Mapping[str, Any]) -> Ladders:
    """Check what a file says; raises `LadderError` naming the place."""
    _keys(said, "", {"version", "status", "source", "assessment_due", "session_tomorrow"})
    forms, booked = said["assessment_due"], said["session_tomorrow"]
    _keys(forms, "assessment_due.", {"remind_after_hours", "silent_after_hours"})
    _keys(booked, "session_tomorrow.", {"remind_before_hours"})
    place = "assessment_due.remind_after_hours"
    after_due = _apart(_moments(forms["remind_after_hours"], place), place)
    silent_after = _hours(forms["silent_after_hours"], "assessment_due.silent_after_hours")
    if silent_after <= after_due[-1]:
        raise LadderError("assessment_due.silent_after_hours: has to be after the last reminder")
    place = "session_tomorrow.remind_before_hours"
    before_start = _apart(_moments(booked["remind_before_hours"], place)[::-1], place)[::-1]
    return Ladders(said["version"], after_due, silent_after, before_start)


def steps_after(due_at: datetime, *, stale_at: datetime) -> list[Step]:
    """Return the reminders of something that falls due, the last one good until `stale_at`."""
    found = ladders()
    return _plan([due_at + after for after in found.after_due], end=stale_at, version=found.version)


def steps_before(starts_at: datetime) -> list[Step]:
    """Return the reminders of something that begins, the last one good until it does."""
    found = ladders()
    return _plan([starts_at - before for before in found.before_start], end=starts_at, version=found.version)


def _plan(moments: Sequence[datetime], *, end: datetime, version: int) -> list[Step]:
    """Let each step end where the next begins: after a standstill one is said, not all that were missed."""
    spans = list(pairwise([*(moment for moment in moments if moment < end), end]))
    return [Step(f"v{version}:{number}", begins, ends) for number, (begins, ends) in enumerate(spans)]


def _keys(table: Any, place: str, known: set[str]) -> None:
    if not isinstance(table, Mapping):
        raise LadderError(f"{place}: has to be a table")
    for key in sorted(known ^ set(table)):
        raise LadderError(f"{place}{key}: {'is missing' if key in known else 'is not known'}")


def _hours(said: Any, place: str) -> timedelta:
    if type(said) is not int or not 0 <= said <= LONGEST / timedelta(hours=1):
        raise LadderError(f"{place}: hours from 0 to {LONGEST // timedelta(hours=1)}")
    return timedelta(hours=said)


def _moments(said: Any, place: str) -> tuple[timedelta, ...]:
    if not isinstance(said, list) or not 0 < len(said) <= MOST_STEPS:
        raise LadderError(f"{place}: a list of 1 to {MOST_STEPS} hours")
    return tuple(_hours(one, place) for one in said)


def _apart(moments: tuple[timedelta, ...], place: str) -> tuple[timedelta, ...]:
    """Refuse moments less than a day apart, or out of order: nobody is reminded twice a day."""
    if any(later - earlier < timedelta(days=1) for earlier, later in pairwise(moments)):
        raise LadderError(f"{place}: in order, and a day apart at least")
    return moments
