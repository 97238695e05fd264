"""The clocks of the world in whole numbers, read from the zones' own data and not by `zoneinfo`.

Moments are seconds since 1970 in UTC, walls are what a clock there shows, counted the same way. Written for
the oracles of this folder, from RFC 8536 (TZif) and the POSIX notation of clock changes.
"""

import re
import struct
import zoneinfo
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from pathlib import Path

HOUR = 60 * 60
DAY = 24 * HOUR
FOREVER = 1 << 60
LAST_YEAR = 2040
_NAME = r"(?:<[^>]+>|[A-Za-z]+)"
_TIME = r"[+-]?\d+(?::\d+){0,2}"
_RULE = re.compile(
    rf"{_NAME}(?P<std>{_TIME})(?:{_NAME}(?P<dst>{_TIME})?,(?P<start>[^,]+),(?P<end>[^,]+))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Clock:
    """How far clocks are ahead of UTC: `offsets[n]` from `changes[n - 1]` on and before `changes[n]`."""

    changes: tuple[int, ...]
    offsets: tuple[int, ...]

    def offset(self, moment: int) -> int:
        """Return by how much the clocks are ahead at `moment`."""
        return self.offsets[bisect_right(self.changes, moment)]

    def day(self, moment: int) -> int:
        """Return the calendar day there, counted from 1970."""
        return (moment + self.offset(moment)) // DAY

    def between(self, begin: int, end: int) -> "Clock":
        """Return the same clock as if it never changed outside of `begin` to `end`, both included."""
        first, past = bisect_left(self.changes, begin), bisect_right(self.changes, end)
        return Clock(self.changes[first:past], self.offsets[first : past + 1])

    def moment(self, wall: int) -> int:
        """Return when the clocks show `wall`: the last time, or by the old time where they leap over it."""
        near = range(
            bisect_left(self.changes, wall - 2 * DAY), bisect_right(self.changes, wall + 2 * DAY) + 1
        )
        shown = [at for n in near if self._begin(n) <= (at := wall - self.offsets[n]) < self._end(n)]
        if shown:
            return max(shown)
        return max(at for n in near if (at := wall - self.offsets[n]) >= self._end(n))

    def _begin(self, n: int) -> int:
        return self.changes[n - 1] if n else -FOREVER

    def _end(self, n: int) -> int:
        return self.changes[n] if n < len(self.changes) else FOREVER


def data_of(name: str) -> bytes:
    """Return the TZif data of a zone, from the first place in which Python would look for it."""
    for folder in zoneinfo.TZPATH:
        if (file := Path(folder, name)).is_file():
            return file.read_bytes()
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


@cache
def clock_of(name: str) -> Clock:
    """Return the clock of a zone by its name."""
    return read_clock(data_of(name))


def read_clock(data: bytes) -> Clock:
    """Read the 64-bit part of TZif data, and go on by its last line where the list of changes ends."""
    counts, body = _header(data, 0)
    counts, body = _header(data, body + _size(counts, width=4))
    _, _, _, times, types, _ = counts
    changes = list(struct.unpack_from(f">{times}q", data, body))
    kinds = data[body + 8 * times : body + 9 * times]
    ahead = [struct.unpack_from(">i", data, body + 9 * times + 6 * kind)[0] for kind in range(types)]
    offsets = [ahead[0], *(ahead[kind] for kind in kinds)]
    footer = data[body + _size(counts, width=8) :].strip(b"\n").decode("ascii")
    last = changes[-1] if changes else -FOREVER
    for change, offset in _by_rule(footer, since=last):
        changes.append(change)
        offsets.append(offset)
    return Clock(tuple(changes), tuple(offsets))


def _header(data: bytes, start: int) -> tuple[tuple[int, ...], int]:
    magic, version = data[start : start + 4], data[start + 4 : start + 5]
    assert magic == b"TZif", magic
    assert version >= b"2", version
    return struct.unpack_from(">6I", data, start + 20), start + 44


def _size(counts: tuple[int, ...], *, width: int) -> int:
    universal, standard, leaps, times, types, letters = counts
    return times * (width + 1) + types * 6 + letters + leaps * (width + 4) + standard + universal


def _by_rule(footer: str, *, since: int) -> Iterator[tuple[int, int]]:
    """Give each change after `since`, and the offset from it on, as the last line of TZif data rules them."""
    if not footer:
        return
    rule = _RULE.fullmatch(footer)
    assert rule, footer
    if not rule["start"]:
        return
    standard = -_seconds(rule["std"])
    summer = -_seconds(rule["dst"]) if rule["dst"] else standard + HOUR
    first = datetime.fromtimestamp(since, UTC).year if since > 0 else 2000
    found = []
    for year in range(first, LAST_YEAR):
        found.append((_wall(rule["start"], year) - standard, summer))
        found.append((_wall(rule["end"], year) - summer, standard))
    yield from sorted(change for change in found if change[0] > since)


def _seconds(text: str) -> int:
    hours, minutes, seconds = [*map(int, text.lstrip("+-").split(":")), 0, 0][:3]
    return (-1 if text.startswith("-") else 1) * (hours * HOUR + minutes * 60 + seconds)


def _wall(rule: str, year: int) -> int:
    """Return what the clocks show at the change by `rule` in `year`, before they change."""
    day, _, time = rule.partition("/")
    return _day(day, year) * DAY + (_seconds(time) if time else 2 * HOUR)


def _day(rule: str, year: int) -> int:
    # Days counted from New Year, which POSIX knows too, stand in no zone's data.
    assert rule.startswith("M"), rule
    month, week, weekday = map(int, rule[1:].split("."))
    first = days_to(date(year, month, 1))
    following = days_to(date(year + month // 12, month % 12 + 1, 1))
    # The first of January 1970 was a Thursday; POSIX counts weekdays from Sunday.
    day = first + (weekday - (first + 4)) % 7 + 7 * (week - 1)
    return day if day < following else day - 7


def days_to(day: date) -> int:
    """Return how many days after 1970 began `day` is."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


def tzif(rule: str) -> bytes:
    """Return TZif data of a zone that never was: its clocks change by a POSIX `rule` and nothing else."""
    nothing = struct.pack(">4sc15x6I", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    standard = re.compile(rf"{_NAME}(?P<std>{_TIME})").match(rule)
    assert standard, rule
    kind = struct.pack(">iBB4s", -_seconds(standard["std"]), 0, 0, b"AAA\0")
    return (nothing + kind) * 2 + b"\n" + rule.encode("ascii") + b"\n"
