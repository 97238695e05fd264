"""When an assessment is asked, and where one stands: a schedule that is data, and rules over moments."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

from assessments.instruments import instruments
from assessments.instruments.tables import Table
from programs.enums import EnrollmentStatus

BASELINE = 0
"""The `after_session` of what is asked before the first dose."""

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
class Schedule:
    """Which instruments are asked, before the first dose and after every so many sessions."""

    instruments: tuple[str, ...]
    baseline: Window
    every: int
    after_session: Window

    def window(self, after_session: int) -> Window | None:
        """Return the window of the set asked after that session, or `None` where nothing is asked."""
        if after_session == BASELINE:
            return self.baseline
        return None if after_session % self.every else self.after_session


@cache
def schedule() -> Schedule:
    """Return the schedule shipped. Raises InstrumentError where its file is unsound."""
    path = Path(__file__).with_name("schedule.toml")
    return parse_schedule(tomllib.loads(path.read_text()), file=path.name)


def parse_schedule(values: Mapping[str, object], *, file: str) -> Schedule:
    """Check a schedule's tables; raises InstrumentError naming file and place."""
    top = Table(values, file=file)
    top.take("status", str)
    top.take("source", str)
    asked = top.list_of("instruments", str)
    unknown = [code for code in asked if code not in instruments()]
    top.check(bool(asked), "instruments is empty")
    top.check(not unknown, f"instruments names {', '.join(unknown)}, which there is no file for")
    after_session = top.table("after_session")
    every = after_session.take("every", int)
    after_session.check(every > 0, "every has to be above 0")
    parsed = Schedule(tuple(asked), _window(top.table("baseline")), every, _window(after_session))
    top.finish()
    return parsed


def _window(table: Table) -> Window:
    names = ("opens_after_days", "due_after_days", "reminder_stale_after_days", "closes_after_days")
    opens, due, stale, closes = (timedelta(days=table.take(name, int)) for name in names)
    rises = timedelta(0) <= opens <= due < stale <= closes
    table.check(rises, "the days have to rise: opens, due, reminder stale, closes")
    table.finish()
    return Window(opens, due, stale, closes)
