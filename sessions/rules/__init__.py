"""Every decision about a session, as pure functions over values."""

from sessions.rules.booking import BookingFacts, booking_faults
from sessions.rules.dose import (
    NO_DOSE_AGAIN,
    DoseFacts,
    UnseenDose,
    dose_faults,
    is_told_twice,
    late_dose_faults,
    outcome_fault,
    should_not_have_been,
)
from sessions.rules.entries import calls_for_help, clock_fault, comes_late
from sessions.rules.leaving import Leaving, LeavingFacts, Step, leaving
from sessions.rules.log import Gap, gaps, is_late
from sessions.rules.machine import SHOWN_TO_MONITOR, TRANSITIONS, Party, next_actions, next_status
from sessions.rules.morning import (
    MENDED_BY_ANSWER,
    Morning,
    MorningFacts,
    drive_faults,
    morning_due_at,
    morning_faults,
)
from sessions.rules.places import Place, place_faults
from sessions.rules.recovery import EndFacts, Seen, end_faults
from sessions.rules.review import ReviewFacts, review_due_at, review_faults
from sessions.rules.start import (
    CRISIS_LASTS,
    NOT_WATCHED,
    Measured,
    PlaceFacts,
    PlanFacts,
    Reading,
    StartDecision,
    StartFacts,
    TodayAnswers,
    decide_start,
    for_monitor,
    is_emergency,
)
from sessions.rules.times import deadlines, far_enough, is_news, local_day, meets, no_drive_until

__all__ = [
    "CRISIS_LASTS",
    "MENDED_BY_ANSWER",
    "NOT_WATCHED",
    "NO_DOSE_AGAIN",
    "SHOWN_TO_MONITOR",
    "TRANSITIONS",
    "BookingFacts",
    "DoseFacts",
    "EndFacts",
    "Gap",
    "Leaving",
    "LeavingFacts",
    "Measured",
    "Morning",
    "MorningFacts",
    "Party",
    "Place",
    "PlaceFacts",
    "PlanFacts",
    "Reading",
    "ReviewFacts",
    "Seen",
    "StartDecision",
    "StartFacts",
    "Step",
    "TodayAnswers",
    "UnseenDose",
    "booking_faults",
    "calls_for_help",
    "clock_fault",
    "comes_late",
    "deadlines",
    "decide_start",
    "dose_faults",
    "drive_faults",
    "end_faults",
    "far_enough",
    "for_monitor",
    "gaps",
    "is_emergency",
    "is_late",
    "is_news",
    "is_told_twice",
    "late_dose_faults",
    "leaving",
    "local_day",
    "meets",
    "morning_due_at",
    "morning_faults",
    "next_actions",
    "next_status",
    "no_drive_until",
    "outcome_fault",
    "place_faults",
    "review_due_at",
    "review_faults",
    "should_not_have_been",
]
