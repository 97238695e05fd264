"""Every write of a session, one function per verb."""

from sessions.services.booking import book, cancel, reschedule, save_preparation
from sessions.services.calls import set_call_link
from sessions.services.course import (
    end_session,
    hear_refused_dose,
    hear_refused_outcome,
    keep_unattributed_dose,
    record_dose,
    record_dose_outcome,
    record_late_dose,
    start_session,
)
from sessions.services.effects import Triage, note_effects, triage_effects
from sessions.services.entries import (
    CheckInEntry,
    ObservationEntry,
    attest_monitor_present,
    attest_patient_today,
    check_in,
    correct,
    heed,
    observe,
    reflect,
)
from sessions.services.leaving import close_account, leave, pause, resume, take_back
from sessions.services.monitors import invite_monitor, release_monitor
from sessions.services.mornings import answer_morning
from sessions.services.overrules import override_readings, overrule
from sessions.services.places import give_place
from sessions.services.proposing import confirm_proposal, decline_proposal, propose, withdraw_proposal
from sessions.services.reports import report_event
from sessions.services.reviews import review_session
from sessions.services.watching import WATCH, Watched, watch

__all__ = [
    "WATCH",
    "CheckInEntry",
    "ObservationEntry",
    "Triage",
    "Watched",
    "answer_morning",
    "attest_monitor_present",
    "attest_patient_today",
    "book",
    "cancel",
    "check_in",
    "close_account",
    "confirm_proposal",
    "correct",
    "decline_proposal",
    "end_session",
    "give_place",
    "hear_refused_dose",
    "hear_refused_outcome",
    "heed",
    "invite_monitor",
    "keep_unattributed_dose",
    "leave",
    "note_effects",
    "observe",
    "override_readings",
    "overrule",
    "pause",
    "propose",
    "record_dose",
    "record_dose_outcome",
    "record_late_dose",
    "reflect",
    "release_monitor",
    "report_event",
    "reschedule",
    "resume",
    "review_session",
    "save_preparation",
    "set_call_link",
    "start_session",
    "take_back",
    "triage_effects",
    "watch",
    "withdraw_proposal",
]
