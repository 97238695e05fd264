"""The morning after: when the person can be asked, and what lets them drive again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from core.errors import Reason
from sessions.policy import SessionPolicy
from sessions.rules.times import local_day

UNANSWERED = Reason("morning_unanswered", "Say whether you slept and feel awake. Do not drive before that.")
NOT_AWAKE = Reason(
    "not_awake", "You said that you do not feel awake. Do not drive today: a clinician calls you."
)
NOT_SLEPT = Reason("not_slept", "Sleep first, then answer again. Do not drive before that.")
CALL_OPEN = Reason(
    "call_open", "A clinician still looks into a call about you. Do not drive until they have."
)
MENDED_BY_ANSWER = (UNANSWERED, NOT_AWAKE, NOT_SLEPT)


@dataclass(frozen=True, slots=True)
class Morning:
    """What somebody said of themselves the morning after."""

    slept: bool
    is_alert: bool
    given_at: datetime


@dataclass(frozen=True, slots=True)
class MorningFacts:
    """What a morning after depends on.

    `no_drive_until` is the session's, or that of a dose told of since, whichever is later; `is_newest`, that
    no later session of the person runs or had a dose; `not_awake_at`, when they last said that they were not;
    `open_calls`, how many alerts that may mean sedation no clinician has closed.
    """

    no_drive_until: datetime | None
    is_newest: bool
    newest: Morning | None
    not_awake_at: datetime | None
    open_calls: int
    zone: ZoneInfo


def morning_faults(facts: MorningFacts, *, at: datetime) -> Iterator[Reason]:
    """Give why the morning after cannot be told of yet; there is none without a dose.

    Source: esketamine label, no driving before the next day after restful sleep. Who answers in the night
    has not slept.
    """
    if facts.no_drive_until is None:
        yield Reason("no_morning", "There is nothing to wait for after this session.")
    elif not facts.is_newest:
        yield Reason("later_session", "Answer for your newest session. Do not drive before that.")
    elif at < facts.no_drive_until:
        there = facts.no_drive_until.astimezone(facts.zone)
        yield Reason(
            "too_early", f"Answer from {there:%H:%M} on {there:%B} {there.day} on. Do not drive yet."
        )


def drive_faults(facts: MorningFacts, *, at: datetime) -> list[Reason]:
    """Return what keeps somebody from driving again: by the clock and by their own word, never by one alone.

    Nor while an alert stands open that may mean that they are sedated, whatever they say. A word given before
    the time does not count; that one is not awake stands for its day, whatever is said later on that day.
    """
    faults, newest, until = list(morning_faults(facts, at=at)), facts.newest, facts.no_drive_until
    if faults:
        return faults
    if newest is None or until is None or newest.given_at < until:
        faults.append(UNANSWERED)
    elif not newest.is_alert or stands(facts, day_of=newest.given_at):
        faults.append(NOT_AWAKE)
    elif not newest.slept:
        faults.append(NOT_SLEPT)
    if facts.open_calls:
        faults.append(CALL_OPEN)
    return faults


def stands(facts: MorningFacts, *, day_of: datetime) -> bool:
    """Tell whether somebody said on that day that they are not awake."""
    said_at = facts.not_awake_at
    return said_at is not None and local_day(said_at, facts.zone) == local_day(day_of, facts.zone)


def morning_due_at(no_drive_until: datetime, policy: SessionPolicy) -> datetime | None:
    """Return when a clinician is called where no answer came; `None` where the policy calls nobody."""
    wait = policy.morning_answer_in
    return None if wait is None else no_drive_until + wait
