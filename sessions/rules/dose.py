"""Whether the dose may be taken now, and what is made of one that nobody was asked about."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from core.errors import Reason
from programs.enums import Route
from sessions.enums import LIVE_STATUSES, OutcomeKind, SessionStatus
from sessions.policy import SessionPolicy
from sessions.rules.readings import Override, Reading, Readings, has_crisis, level_faults
from sessions.rules.start import (
    ALERT_OPEN,
    NO_MONITOR,
    NOT_ACTIVE,
    ON_HOLD,
    PAUSED,
    clearance_reasons,
    consent_reasons,
    spacing_fault,
    week_fault,
)
from sessions.rules.times import CLOCK_SKEW

NO_DOSE_AGAIN = Reason("no_dose_again", "It was refused, or came up again. Do not take it; end this session.")


@dataclass(frozen=True, slots=True)
class DoseFacts:
    """A dose beside the order that it must match, and what is asked again at the moment it is taken.

    Null means not known, and refuses. `fresh_from` is since when readings count for the hold limits.
    """

    at: datetime
    dose_by: datetime
    route: Route
    dose_mg: Decimal
    ordered_route: Route
    ordered_dose_mg: Decimal
    order_is_current: bool | None
    enrollment_is_active: bool | None
    is_paused: bool | None
    missing_consents: tuple[str, ...] | None
    clearance_faults: tuple[Reason, ...] | None
    open_holds: int | None
    blocking_alerts: int | None
    monitor_is_bound: bool | None
    readings: tuple[Reading, ...]
    readings_elsewhere: tuple[Reading, ...] | None
    overrides: tuple[Override, ...]
    fresh_from: datetime
    last_dosed_at: datetime | None
    doses_at: tuple[datetime, ...] | None
    chart_timezone: str
    min_days_between: int
    outcomes: tuple[OutcomeKind, ...] | None


def dose_faults(facts: DoseFacts, policy: SessionPolicy) -> list[Reason]:
    """Return everything that keeps this dose from being taken now, in a session that has started.

    How far it is from the last one is asked again: somebody may have said since that they took one.
    """
    zone = ZoneInfo(facts.chart_timezone)
    last, days = facts.last_dosed_at, facts.min_days_between
    most = policy.max_doses_in_7_days
    return [
        *_order_faults(facts),
        *_safety_faults(facts),
        *_reading_faults(facts, policy),
        *spacing_fault(facts.at, last_dosed_at=last, zone=zone, days=days),
        *week_fault(facts.at, doses_at=facts.doses_at, zone=zone, most=most),
    ]


def _order_faults(facts: DoseFacts) -> Iterator[Reason]:
    if facts.outcomes != ():
        yield NO_DOSE_AGAIN
    if facts.at > facts.dose_by:
        yield Reason(
            "dose_window_over",
            "The time for it has passed. If it was taken in time, report it late.",
        )
    if facts.order_is_current is not True:
        yield Reason("order_changed", "The plan has changed since the start. End this session.")
    if facts.route != facts.ordered_route:
        yield Reason("other_route", f"The plan orders the {facts.ordered_route.label.lower()} route.")
    if facts.dose_mg != facts.ordered_dose_mg:
        yield Reason("other_amount", f"The plan orders {facts.ordered_dose_mg} mg, no more and no less.")


def _safety_faults(facts: DoseFacts) -> Iterator[Reason]:
    if facts.enrollment_is_active is not True:
        yield NOT_ACTIVE
    if facts.is_paused is not False:
        yield PAUSED
    yield from consent_reasons(facts.missing_consents)
    yield from clearance_reasons(facts.clearance_faults)
    if facts.open_holds != 0:
        yield ON_HOLD
    if facts.blocking_alerts != 0:
        yield ALERT_OPEN
    if facts.monitor_is_bound is not True:
        yield NO_MONITOR


def _reading_faults(facts: DoseFacts, policy: SessionPolicy) -> Iterator[Reason]:
    measured = Readings(facts.readings, facts.readings_elsewhere, at=facts.at, fresh_from=facts.fresh_from)
    return level_faults(measured, policy, overrides=facts.overrides)


def late_dose_faults(
    *, taken_at: datetime, opened_at: datetime, dose_by: datetime, at: datetime
) -> list[Reason]:
    """Return what keeps a report from being that of a dose taken in its window and reported after it.

    The window is from `opened_at` to `dose_by`, both included. That a dose was taken is a fact, so nothing
    else is asked: neither whether it might have been, nor how much was ordered.
    """
    if taken_at < opened_at:
        return [Reason("before_the_start", f"That was before this session started. {_TELL_US}")]
    if at <= dose_by:
        return [Reason("dose_window_open", "There is still time. Record the dose as taken now.")]
    if taken_at > at:
        return [Reason("in_the_future", "Give a time that has been.")]
    if taken_at > dose_by:
        return [Reason("dose_window_over", f"That was after the time for the dose. {_TELL_US}")]
    return []


def outcome_fault(kind: OutcomeKind, *, status: SessionStatus, dosed: bool) -> str:
    """Return in words why that cannot have become of a session's dose, or nothing.

    That it came up again is heard from the start on, whether or not anybody has recorded the dose, and still
    where the session ended as one without any.
    """
    came_up_unseen = kind == OutcomeKind.VOMITED and status == SessionStatus.ABORTED
    if status not in LIVE_STATUSES and not came_up_unseen:
        return f"This session does not run. {_TELL_US}"
    if kind == OutcomeKind.REFUSED and dosed:
        return f"The dose is recorded as taken. {_TELL_US}"
    return ""


ONE_DOSE = timedelta(minutes=2)
"""Two people who record the same dose within this are two at one table, who both tapped."""


def refused_dose_source(session_id: UUID) -> str:
    """Return where the alert comes from about a dose of this session that was refused as it was told of."""
    return f"refused-dose:{session_id}"


def told_at_latest(taken_at: datetime, *, at: datetime) -> datetime:
    """Return when a dose was taken, by our clock where the teller's goes a little ahead."""
    return at if at < taken_at <= at + CLOCK_SKEW else taken_at


def taken_in_window(said: datetime | None, *, opened_at: datetime, at: datetime) -> datetime:
    """Return when a dose that is recorded in its window was taken: now, unless a phone kept it for a while.

    `said` is the phone's time, `None` where it gave none; one before the window is a clock that goes behind.
    """
    if said is None or said >= at - ONE_DOSE:
        return at
    return max(said, opened_at)


def is_told_twice(recorded_at: datetime, *, at: datetime) -> bool:
    """Tell whether a dose like the one recorded then is that same one, said by somebody else at once."""
    return at - recorded_at <= ONE_DOSE


_TELL_US = "Report what happened, or call us."


@dataclass(frozen=True, slots=True)
class UnseenDose:
    """A dose that nobody was asked about when it was taken; null means not known.

    `readings` are the patient's blood pressures from a day before it on, in whatever session.
    """

    route: Route
    dose_mg: Decimal
    ordered: tuple[Route, Decimal] | None
    was_held: bool
    readings: tuple[Reading, ...]


def should_not_have_been(dose: UnseenDose, policy: SessionPolicy | None) -> bool:
    """Tell whether a dose was worse than unseen: other than ordered, under a hold, or beside a crisis."""
    if policy is None or dose.was_held or dose.ordered != (dose.route, dose.dose_mg):
        return True
    return has_crisis(dose.readings, policy)
