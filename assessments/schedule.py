"""When an assessment is asked, and where one stands: schedules that are data, and rules over moments."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType

from assessments.instruments import instruments, slots
from assessments.instruments.tables import Table
from programs.enums import EnrollmentStatus

BASELINE = 0
"""The `after_session` of what is asked before the first dose."""

MONTH = timedelta(days=30)

_EARLIEST = timedelta(days=-30)
"""How long before a session a form may open."""

ANSWERED_IN = (EnrollmentStatus.ACTIVE, EnrollmentStatus.COMPLETED)
"""The last assessment opens when the last session is over, and with it the program."""


class AssessmentStatus(StrEnum):
    """Where an assessment stands; derived, never stored."""

    UPCOMING = "upcoming"
    """Not to be answered yet."""
    OPEN = "open"
    """To be answered now, late or not."""
    SUBMITTED = "submitted"
    """Answered, for good."""
    EXPIRED = "expired"
    """Its time passed without an answer."""
    NOT_APPLICABLE = "not_applicable"
    """The program ended before it was answered."""


class Anchor(StrEnum):
    """What an assessment is tied to; the values are the columns that hold the number."""

    AFTER_SESSION = "after_session"
    """The end of the session of that number; 0 is the baseline."""
    BEFORE_SESSION = "before_session"
    """The time for which the session of that number is booked."""
    WEEK = "week"
    """So many weeks since every text was agreed to, while the program lasts."""
    MONTH = "month"
    """So many months since the program was completed."""
    AS_NEEDED = "as_needed"
    """Whatever calls for it; the number counts how often that has been."""


class CauseKind(StrEnum):
    """What calls for a form that is asked only then."""

    SELF_HARM_ANSWER = "self_harm_answer"
    """An answer in another form that somebody is called to."""
    HOLD = "hold"
    """Treatment was made to stand still."""
    SERIOUS_EVENT = "serious_event"
    """A serious adverse event was reported."""
    SCREENING = "screening"
    """The patient answered the screening anew, in treatment."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a program at which something may be asked."""

    anchor: Anchor
    number: int

    @property
    def columns(self) -> dict[str, int]:
        """Return the column of an assessment that says so, with its value."""
        return {self.anchor.value: self.number}


@dataclass(frozen=True, slots=True)
class Moments:
    """What an assessment's status depends on."""

    opens_at: datetime
    due_at: datetime
    closes_at: datetime
    submitted_at: datetime | None
    enrollment_status: EnrollmentStatus


def status_of(moments: Moments, *, at: datetime) -> AssessmentStatus:
    """Return where an assessment stands at `at`; what is submitted stays so, however the program ends."""
    if moments.submitted_at is not None:
        return AssessmentStatus.SUBMITTED
    if moments.enrollment_status not in ANSWERED_IN:
        return AssessmentStatus.NOT_APPLICABLE
    if at < moments.opens_at:
        return AssessmentStatus.UPCOMING
    return AssessmentStatus.OPEN if at < moments.closes_at else AssessmentStatus.EXPIRED


def is_late(moments: Moments, *, at: datetime) -> bool:
    """Tell whether it was answered, or is still unanswered, after it was due."""
    return (moments.submitted_at or at) > moments.due_at


@dataclass(frozen=True, slots=True)
class Window:
    """The days of one set of assessments, counted from what it is tied to.

    The reminder leaves when the set falls due, or not at all once it is stale.
    """

    opens_after: timedelta
    due_after: timedelta
    reminder_stale_after: timedelta
    closes_after: timedelta


@dataclass(frozen=True, slots=True)
class Series:
    """What is asked at one kind of point: at which numbers, which instruments, in which window.

    The numbers are the multiples of `every`, or those in `numbers`; with `last` also the program's last
    session. `stands_still`: a pause or a hold stops the count of days until it opens. `spared_for`: how
    lately somebody must have answered the same instrument not to be asked again. `causes`: what calls for it,
    where nothing else does.
    """

    instruments: tuple[str, ...]
    window: Window
    every: int | None = None
    numbers: tuple[int, ...] = ()
    last: bool = False
    stands_still: bool = False
    spared_for: timedelta | None = None
    causes: tuple[str, ...] = ()

    def asks_at(self, number: int, *, session_count: int | None = None) -> bool:
        """Tell whether this is asked at `number`."""
        if self.last and number == session_count:
            return True
        return number in self.numbers if self.every is None else number > 0 and number % self.every == 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """One version of what is asked when; an assessment keeps the version that asked for it."""

    version: int
    instruments: tuple[str, ...]
    baseline: Window
    series: Mapping[Anchor, Series]
    minutes_a_week: int | None
    minutes: Mapping[str, int]

    def asked_at(self, point: Point, *, session_count: int | None = None) -> Series | None:
        """Return what is asked at a point, or `None` for nothing; `session_count` is the plan's."""
        if point == Point(Anchor.AFTER_SESSION, BASELINE):
            return Series(self.instruments, self.baseline)
        series = self.series.get(point.anchor)
        return series if series and series.asks_at(point.number, session_count=session_count) else None

    @property
    def safety_anchors(self) -> frozenset[Anchor]:
        """Return at which points is asked what guards somebody's safety: nothing puts it off."""
        series = self.series
        anchors = (Anchor.WEEK, Anchor.AS_NEEDED)
        return frozenset(each for each in anchors if each in series and not series[each].stands_still)

    def every_instrument(self) -> tuple[str, ...]:
        """Return each instrument that is asked at some point, once."""
        asked = [*self.instruments, *(code for series in self.series.values() for code in series.instruments)]
        return tuple(dict.fromkeys(asked))


@dataclass(frozen=True, slots=True)
class Lifespan:
    """From when to when a program lasts, as far as the calendar goes."""

    started_at: datetime
    completed_at: datetime | None


def calendar_points(
    schedule: Schedule, lifespan: Lifespan, *, at: datetime
) -> Iterator[tuple[Point, datetime]]:
    """Return the weeks or months whose window is open at `at`, each with the moment its days count from.

    Weeks while the program lasts, months once it is completed. A window that passed while nothing ran stays
    unasked: somebody who is asked today answers for today.
    """
    completed_at = lifespan.completed_at
    anchor, since, unit = (
        (Anchor.WEEK, lifespan.started_at, timedelta(weeks=1))
        if completed_at is None
        else (Anchor.MONTH, completed_at, MONTH)
    )
    series = schedule.series.get(anchor)
    if series is None:
        return
    window = series.window
    first = max(1, (at - since - window.closes_after) // unit)
    for number in range(first, (at - since - window.opens_after) // unit + 1):
        counted_from = since + number * unit
        is_open = counted_from + window.opens_after <= at < counted_from + window.closes_after
        if is_open and series.asks_at(number):
            yield Point(anchor, number), counted_from


@cache
def schedules() -> Mapping[int, Schedule]:
    """Return every schedule shipped, by version. Raises InstrumentError where a file is unsound."""
    folder = Path(__file__).parent
    parsed = [
        parse_schedule(tomllib.loads(path.read_text()), file=path.name)
        for path in sorted(folder.glob("schedule*.toml"))
    ]
    return MappingProxyType({each.version: each for each in parsed})


def schedule() -> Schedule:
    """Return the schedule by which is asked now: the newest."""
    return schedules()[max(schedules())]


def parse_schedule(values: Mapping[str, object], *, file: str) -> Schedule:
    """Check a schedule's tables; raises InstrumentError naming file and place."""
    top = Table(values, file=file)
    top.take("status", str)
    top.take("source", str)
    version = top.optional("version", int) or 1
    named = "schedule.toml" if version == 1 else f"schedule_{version}.toml"
    top.check(file == named, f"version {version} belongs in {named}")
    asked = _instruments(top)
    parsed = Schedule(
        version=version,
        instruments=asked,
        baseline=_baseline(top.table("baseline")),
        series=MappingProxyType(dict(_all_series(top, asked))),
        minutes_a_week=top.optional("minutes_a_week", int),
        minutes=_minutes(top),
    )
    # The first version shipped without; every later one says what it asks of people.
    top.check(version == 1 or parsed.minutes_a_week is not None, "minutes_a_week is missing")
    if parsed.minutes_a_week is not None:
        untimed = set(parsed.every_instrument()) ^ set(parsed.minutes)
        top.check(not untimed, f"minutes and instruments differ in {', '.join(sorted(untimed))}")
    top.finish()
    return parsed


def _instruments(table: Table) -> tuple[str, ...]:
    asked = table.list_of("instruments", str)
    unknown = [code for code in asked if code not in instruments() and code not in slots()]
    table.check(bool(asked), "instruments is empty")
    table.check(not unknown, f"instruments names {', '.join(unknown)}, which there is no file for")
    return tuple(asked)


def _minutes(top: Table) -> Mapping[str, int]:
    table = top.optional_table("minutes")
    if table is None:
        return MappingProxyType({})
    minutes = {code: table.take(code, int) for code in table.keys()}  # noqa: SIM118 - it is no mapping
    table.check(all(each > 0 for each in minutes.values()), "minutes have to be above 0")
    return MappingProxyType(minutes)


def _baseline(table: Table) -> Window:
    window = _window(table, earliest=timedelta(0))
    table.finish()
    return window


def _all_series(top: Table, asked: tuple[str, ...]) -> Iterator[tuple[Anchor, Series]]:
    yield Anchor.AFTER_SESSION, _series(top.table(Anchor.AFTER_SESSION), asked, earliest=timedelta(0))
    for anchor in (Anchor.BEFORE_SESSION, Anchor.WEEK, Anchor.MONTH, Anchor.AS_NEEDED):
        table = top.optional_table(anchor)
        if table is not None:
            earliest = _EARLIEST if anchor == Anchor.BEFORE_SESSION else timedelta(0)
            causes = _causes(table) if anchor == Anchor.AS_NEEDED else ()
            series = _series(table, _instruments(table), earliest=earliest, causes=causes)
            # Whoever has completed a program is not asked for ever.
            table.check(anchor != Anchor.MONTH or bool(series.numbers), "month needs numbers")
            # A safety measure comes however long treatment stands still, and whenever it is called for.
            spares = series.stands_still or series.spared_for is not None
            whenever = series.every == 1 and not spares
            table.check(anchor != Anchor.AS_NEEDED or whenever, "as_needed is every 1, and nothing stops it")
            yield anchor, series


def _causes(table: Table) -> tuple[str, ...]:
    causes = table.list_of("causes", str)
    unknown = [cause for cause in causes if cause not in list(CauseKind)]
    table.check(bool(causes), "causes is empty")
    table.check(not unknown, f"causes names {', '.join(unknown)}, which nothing calls")
    return tuple(causes)


def _series(
    table: Table, asked: tuple[str, ...], *, earliest: timedelta, causes: tuple[str, ...] = ()
) -> Series:
    every = table.optional("every", int)
    numbers = () if every is not None else tuple(table.list_of("numbers", int))
    table.check(every is None or every > 0, "every has to be above 0")
    table.check(all(number > 0 for number in numbers), "numbers have to be above 0")
    spared_for_days = table.optional("spared_for_days", int)
    series = Series(
        instruments=asked,
        window=_window(table, earliest=earliest),
        every=every,
        numbers=numbers,
        last=table.optional("last", bool) is True,
        stands_still=table.optional("stands_still", bool) is True,
        spared_for=None if spared_for_days is None else timedelta(days=spared_for_days),
        causes=causes,
    )
    table.finish()
    return series


def _window(table: Table, *, earliest: timedelta) -> Window:
    names = ("opens_after_days", "due_after_days", "reminder_stale_after_days", "closes_after_days")
    opens, due, stale, closes = (timedelta(days=table.take(name, int)) for name in names)
    rises = earliest <= opens <= due < stale <= closes
    table.check(rises, "the days have to rise: opens, due, reminder stale, closes")
    return Window(opens, due, stale, closes)
