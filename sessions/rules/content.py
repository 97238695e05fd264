"""Which content modules somebody has been given, and since when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sessions.content import Module, Release
from sessions.rules.times import day_begins, local_day


@dataclass(frozen=True, slots=True)
class ContentFacts:
    """What releases modules in one enrollment.

    By the number of a session: since when it is booked, where it is not void, and when it ended with its dose
    taken. Since when the enrollment is active, if it ever was, and the zone that the patient's days go by.
    """

    booked_at: Mapping[int, datetime]
    ended_at: Mapping[int, datetime]
    active_since: datetime | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Released:
    """A module that somebody may read, and since when."""

    module: Module
    released_at: datetime


def released(modules: Iterable[Module], facts: ContentFacts, *, at: datetime) -> list[Released]:
    """Return the modules released by `at`, in order of release; at one moment, in the document's order.

    What a booking released goes with it, where it is called off, and comes again with the next one of that
    number. What an ended session or a day released stays.
    """
    moments = ((module, _released_at(module, facts)) for module in modules)
    found = [Released(module, moment) for module, moment in moments if moment is not None and moment <= at]
    return sorted(found, key=lambda one: one.released_at)


def _released_at(module: Module, facts: ContentFacts) -> datetime | None:
    if module.release == Release.BEFORE_SESSION:
        return facts.booked_at.get(module.number)
    if module.release == Release.AFTER_SESSION:
        return facts.ended_at.get(module.number)
    if facts.active_since is None:
        return None
    day = local_day(facts.active_since, facts.zone) + timedelta(days=module.number)
    return max(facts.active_since, day_begins(day, facts.zone))
