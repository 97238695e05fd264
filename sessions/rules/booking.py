"""For when a session may be booked."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import Reason
from sessions.rules.times import local_day

BOOK_AHEAD_AT_MOST = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class BookingFacts:
    """What a booking asks for, beside what it may ask for; `last_dosed_on` is a day where the patient was."""

    at: datetime
    scheduled_at: datetime
    zone: ZoneInfo
    number: int
    planned_sessions: int
    min_days_between: int
    last_dosed_on: date | None


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
    elif (earliest := _earliest_day(facts)) and local_day(facts.scheduled_at, facts.zone) < earliest:
        faults.append(Reason("too_soon", f"The next session can be on {earliest} at the earliest."))
    return faults


def _earliest_day(facts: BookingFacts) -> date | None:
    if facts.last_dosed_on is None:
        return None
    return facts.last_dosed_on + timedelta(days=facts.min_days_between)
