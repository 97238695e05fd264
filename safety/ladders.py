"""How an alert pages, by its class: data, in the policy that two people sign and in the file that ships."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from safety.enums import BLOCKS_STARTING, AlertClass
from safety.screening.policy import PolicyError

_T = TypeVar("_T")

SHORTEST_GAP = timedelta(minutes=1)
"""How close two pages of an alert may come: after a standstill it is caught up step by step, not at once."""
MOST_STEPS = 10
MOST_MINUTES = {True: 30, False: 24 * 60}
"""What each span of a ladder can be meant to be at most: where somebody may be in danger, and elsewhere."""
_SPANS = ("within_minutes", "then_every_minutes", "opened_again_every_minutes")
_KEYS = {"id", "version", "title", "note", "ladders"}
_LADDER = {*_SPANS, "steps"}
_STEP = {"after_minutes", "calls", "tells_guide", "hands_packet"}


class Whom(StrEnum):
    """Which of those on call a step pages."""

    FIRST = "first_on_call"
    ALL = "all_on_call"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a ladder: when, counted from the alert's opening, whom it pages, and what goes beside.

    `tells_guide`: the patient's guide is told that a clinician is called. `hands_packet`: the page says that
    help should be called now, and leads to what help asks for.
    """

    after: timedelta
    calls: Whom = Whom.ALL
    tells_guide: bool = False
    hands_packet: bool = False

    def called(self, on_call: Sequence[_T]) -> Sequence[_T]:
        """Return whom this step pages of those on call, who come in order."""
        return on_call[:1] if self.calls == Whom.FIRST else on_call


@dataclass(frozen=True, slots=True)
class Ladder:
    """When an alert pages for as long as nobody acknowledges it, and whom.

    `within` bounds the whole: the last step comes no later. After it everybody on call is paged
    `then_every` so often. `opened_again_every` is the pace of one that was acknowledged and opened again.
    """

    steps: tuple[Step, ...]
    within: timedelta
    then_every: timedelta
    opened_again_every: timedelta

    def step(self, page: int) -> Step:
        """Return what page number `page` (from 0) does: past the last step, page everybody once more."""
        if page < len(self.steps):
            return self.steps[page]
        beyond = page - len(self.steps) + 1
        return Step(self.steps[-1].after + beyond * self.then_every)

    def since_opening(self, page: int) -> timedelta:
        """Return when page number `page` (from 0) falls due."""
        return self.step(page).after

    def next_page_at(
        self, opened_at: datetime, *, pages_sent: int, opened_again: bool = False, at: datetime
    ) -> datetime:
        """Return when the page after `pages_sent` pages, the last one sent at `at`, falls due."""
        if opened_again:
            return at + self.opened_again_every
        return max(opened_at + self.since_opening(pages_sent), at + SHORTEST_GAP)

    def as_json(self) -> dict[str, Any]:
        """Return the ladder as an alert keeps it; `read_ladder` reads it back."""
        spans = zip(_SPANS, (self.within, self.then_every, self.opened_again_every), strict=True)
        return {name: span // SHORTEST_GAP for name, span in spans} | {
            "steps": [
                {
                    "after_minutes": step.after // SHORTEST_GAP,
                    "calls": step.calls.value,
                    "tells_guide": step.tells_guide,
                    "hands_packet": step.hands_packet,
                }
                for step in self.steps
            ]
        }


@cache
def shipped() -> Mapping[AlertClass, Ladder]:
    """Return the ladder of every class as it ships: what alerts page by where nothing that is signed says."""
    return parse_ladders(tomllib.loads(Path(__file__).with_name("example_ladders.toml").read_text()))


def parse_ladders(content: Mapping[str, Any]) -> Mapping[AlertClass, Ladder]:
    """Read the policy's ladders by class; raises `PolicyError` with the place of the first thing wrong.

    Refused are unknown keys and classes, a class with two ladders, a ladder without a source, and what
    `read_ladder` refuses. A class that is not named is no fault: a version may be older than the class.
    """
    for key in sorted(_KEYS ^ set(content)):
        raise PolicyError(key, "is missing" if key in _KEYS else "is not known")
    tables = content["ladders"]
    if not isinstance(tables, list) or not tables:
        raise PolicyError("ladders", "must be a list that is not empty")
    found: dict[AlertClass, Ladder] = {}
    for number, table in enumerate(tables):
        place = f"ladders.{number}"
        _keys(table, place, {"classes", "source", "status", *_LADDER})
        for key in ("source", "status"):
            if not isinstance(table[key], str) or not table[key].strip():
                raise PolicyError(f"{place}.{key}", "must be a text")
        said = {key: table[key] for key in _LADDER}
        for alert_class in _classes(table["classes"], f"{place}.classes"):
            if alert_class in found:
                raise PolicyError(f"{place}.classes", f"names {alert_class}, which has a ladder")
            found[alert_class] = read_ladder(said, alert_class, place=place)
    return found


def left_out(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return of which classes a version says nothing, a sentence each; raises `PolicyError`."""
    named = parse_ladders(content)
    return tuple(
        f"It names no ladder of {alert_class}: the one that ships holds."
        for alert_class in AlertClass
        if alert_class not in named
    )


def read_ladder(said: Mapping[str, Any], alert_class: AlertClass, *, place: str = "ladder") -> Ladder:
    """Read one ladder; raises `PolicyError` where no alert of that class could be meant to page so.

    The first step comes at once, each later than the one before, the last within the bound on the whole, and
    one of them pages everybody on call. A silence tells the guide and hands the packet over, each once; of
    nothing else is a guide told, and help is sent only where somebody may be in danger.
    """
    _keys(said, place, _LADDER)
    most = MOST_MINUTES[alert_class in BLOCKS_STARTING]
    within, then_every, opened_again_every = (
        _minutes(said[key], f"{place}.{key}", least=1, most=most) for key in _SPANS
    )
    steps = _steps(said["steps"], f"{place}.steps", most=most)
    is_silence = alert_class == AlertClass.MISSED_CHECK_IN
    tells_guide = any(step.tells_guide for step in steps)
    hands_packet = any(step.hands_packet for step in steps)
    faults = {
        "must begin at once": steps[0].after != timedelta(0),
        "must come in order, none twice": any(one.after >= next_.after for one, next_ in pairwise(steps)),
        "must all come within within_minutes": steps[-1].after > within,
        "must page everybody on call": all(step.calls == Whom.FIRST for step in steps),
        "must hand the packet over once at most": sum(step.hands_packet for step in steps) > 1,
        "must tell the guide once at most": sum(step.tells_guide for step in steps) > 1,
        "must tell the guide, and hand the packet over, of a silence": (
            is_silence and not (tells_guide and hands_packet)
        ),
        "must tell the guide of a silence alone": tells_guide and not is_silence,
        "must hand the packet over only where somebody may be in danger": (
            hands_packet and alert_class not in BLOCKS_STARTING
        ),
    }
    for fault, is_so in faults.items():
        if is_so:
            raise PolicyError(f"{place}.steps", fault)
    return Ladder(steps, within, then_every, opened_again_every)


def _keys(table: Any, place: str, known: set[str]) -> None:
    if not isinstance(table, Mapping):
        raise PolicyError(place, "must be a table")
    for key in sorted(known ^ set(table)):
        raise PolicyError(f"{place}.{key}", "is missing" if key in known else "is not known")


def _classes(said: Any, place: str) -> list[AlertClass]:
    if not isinstance(said, list) or not said:
        raise PolicyError(place, "must be a list that is not empty")
    for name in said:
        if name not in AlertClass.values:
            raise PolicyError(place, f"names {name}, which is no class of alert")
    return [AlertClass(name) for name in said]


def _minutes(said: Any, place: str, *, least: int, most: int) -> timedelta:
    if type(said) is not int or not least <= said <= most:
        raise PolicyError(place, f"can only be meant between {least} and {most}")
    return timedelta(minutes=said)


def _steps(said: Any, place: str, *, most: int) -> tuple[Step, ...]:
    if not isinstance(said, list) or not 0 < len(said) <= MOST_STEPS:
        raise PolicyError(place, f"must be a list of 1 to {MOST_STEPS} steps")
    return tuple(_step(one, f"{place}.{number}", most=most) for number, one in enumerate(said))


def _step(said: Any, place: str, *, most: int) -> Step:
    _keys(
        {"tells_guide": False, "hands_packet": False, **said} if isinstance(said, Mapping) else said,
        place,
        _STEP,
    )
    for key in ("tells_guide", "hands_packet"):
        if not isinstance(said.get(key, False), bool):
            raise PolicyError(f"{place}.{key}", "must be true or false")
    if said["calls"] not in tuple(Whom):
        raise PolicyError(f"{place}.calls", f"must be one of {', '.join(Whom)}")
    return Step(
        after=_minutes(said["after_minutes"], f"{place}.after_minutes", least=0, most=most),
        calls=Whom(said["calls"]),
        tells_guide=said.get("tells_guide", False),
        hands_packet=said.get("hands_packet", False),
    )
