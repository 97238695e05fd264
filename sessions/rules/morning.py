"""The morning after: when the person can be asked, and what lets them drive again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from core.errors import Reason
from sessions.policy import SessionPolicy


@dataclass(frozen=True, slots=True)
class Morning:
    """What somebody said of themselves the morning after."""

    slept: bool
    is_alert: bool


def morning_faults(no_drive_until: datetime | None, *, zone: ZoneInfo, at: datetime) -> Iterator[Reason]:
    """Give why the morning after cannot be told of yet; there is none without a dose.

    Source: esketamine label, no driving before the next day after restful sleep. Who answers in the night
    has not slept.
    """
    if no_drive_until is None:
        yield Reason("no_morning", "There is nothing to wait for after this session.")
    elif at < no_drive_until:
        there = no_drive_until.astimezone(zone)
        yield Reason(
            "too_early", f"Answer from {there:%H:%M} on {there:%B} {there.day} on. Do not drive yet."
        )


def may_drive(no_drive_until: datetime | None, newest: Morning | None, *, at: datetime) -> bool:
    """Tell whether somebody may drive again: by the clock and by their own word, never by one alone."""
    if no_drive_until is None or newest is None:
        return False
    return at >= no_drive_until and newest.slept and newest.is_alert


def morning_due_at(no_drive_until: datetime, policy: SessionPolicy) -> datetime | None:
    """Return when a clinician is called where no answer came; `None` where the policy calls nobody."""
    wait = policy.morning_answer_in
    return None if wait is None else no_drive_until + wait
