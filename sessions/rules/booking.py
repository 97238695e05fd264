"""For when a session may be booked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import Reason
from sessions.rules.start import week_fault
from sessions.rules.times import far_enough, local_day

BOOK_AHEAD_AT_MOST = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class BookingFacts:
    """What a booking asks for, beside what it may ask for; `zone` is the chart's, not the booking's."""

    at: datetime
    scheduled_at: datetime
    zone: ZoneInfo
    number: int
    planned_sessions: int
    min_days_between: int
    last_dosed_at: datetime | None
    doses_at: tuple[datetime, ...]
    max_doses_in_7_days: int | None


def booking_faults(facts: BookingFacts) -> list[Reason]:
    """Return everything that keeps a session from being booked for that time.

    How far it is from the last dose is asked of a time that can be at all.
    """
    faults = []
    if facts.number > facts.planned_sessions:
        detail = f"Your plan has {facts.planned_sessions} sessions, and all are taken or booked."
        faults.append(Reason("all_sessions_used", detail))
    if facts.scheduled_at <= facts.at:
        faults.append(Reason("in_the_past", "Choose a time that is still to come."))
    elif facts.scheduled_at - facts.at > BOOK_AHEAD_AT_MOST:
        faults.append(Reason("too_far_ahead", "Choose a time within a year from now."))
    else:
        faults.extend(_spacing_faults(facts))
    return faults


def _spacing_faults(facts: BookingFacts) -> Iterator[Reason]:
    last, days = facts.last_dosed_at, facts.min_days_between
    if last is not None and not far_enough(
        facts.scheduled_at, last_dosed_at=last, zone=facts.zone, days=days
    ):
        earliest = local_day(last, facts.zone) + timedelta(days=days)
        yield Reason("too_soon", f"The next session can be on {earliest} at the earliest.")
    most = facts.max_doses_in_7_days
    yield from week_fault(facts.scheduled_at, doses_at=facts.doses_at, zone=facts.zone, most=most)
