"""Where a session can go from where it is, and what each party may do next."""

from collections.abc import Mapping
from enum import StrEnum

from sessions.enums import BOOKED_STATUSES, LIVE_STATUSES
from sessions.enums import SessionEvent as Event
from sessions.enums import SessionStatus as Status

TRANSITIONS: Mapping[tuple[Status, Event], Status] = {
    (Status.SCHEDULED, Event.MONITOR_ACCEPTED): Status.READY,
    (Status.SCHEDULED, Event.RESCHEDULED): Status.SCHEDULED,
    (Status.READY, Event.RESCHEDULED): Status.SCHEDULED,
    (Status.SCHEDULED, Event.CANCELLED): Status.CANCELLED,
    (Status.READY, Event.CANCELLED): Status.CANCELLED,
    (Status.SCHEDULED, Event.MISSED): Status.MISSED,
    (Status.READY, Event.MISSED): Status.MISSED,
    # The gate asks for the monitor itself, so that a start without one is refused with every reason.
    (Status.SCHEDULED, Event.STARTED): Status.IN_PROGRESS,
    (Status.READY, Event.STARTED): Status.IN_PROGRESS,
    (Status.IN_PROGRESS, Event.DOSED): Status.IN_PROGRESS,
    (Status.IN_PROGRESS, Event.ABORTED): Status.ABORTED,
    (Status.IN_PROGRESS, Event.ENDED): Status.RECOVERING,
    (Status.RECOVERING, Event.COMPLETED): Status.COMPLETED,
}


def next_status(status: Status, event: Event) -> Status | None:
    """Return where `event` leads from `status`, or `None` if it leads nowhere."""
    return TRANSITIONS.get((status, event))


class Party(StrEnum):
    """Who somebody is to one session."""

    PATIENT = "patient"
    """Whose session it is."""
    MONITOR = "monitor"
    """Who holds its link."""
    CLINICIAN = "clinician"
    """In whose care the patient is."""


SHOWN_TO_MONITOR = (
    "Your first name.",
    "When the session is, and how far it has come.",
    "What they wrote down themselves.",
    "That a clinician has let a high blood pressure pass, never why.",
)
"""What a monitor is shown, in words for the patient before they ask somebody."""
_EVERYBODY = frozenset(Party)
_PRESENT = frozenset({Party.PATIENT, Party.MONITOR})
_PATIENT = frozenset({Party.PATIENT})
_MONITOR = frozenset({Party.MONITOR})
_ACTIONS: tuple[tuple[str, frozenset[Party], tuple[Status, ...]], ...] = (
    ("prepare", _PATIENT, BOOKED_STATUSES),
    ("invite_monitor", _PATIENT, BOOKED_STATUSES),
    ("attest_monitor_present", _MONITOR, BOOKED_STATUSES),
    ("attest_patient_today", _PATIENT, BOOKED_STATUSES),
    ("give_place", _PATIENT, (*BOOKED_STATUSES, *LIVE_STATUSES)),
    ("start", _PRESENT, BOOKED_STATUSES),
    ("reschedule", _PATIENT, BOOKED_STATUSES),
    ("cancel", _PATIENT, BOOKED_STATUSES),
    ("check_in", _PRESENT, (Status.IN_PROGRESS,)),
    ("end", _EVERYBODY, (Status.IN_PROGRESS,)),
    ("observe", _EVERYBODY, (*BOOKED_STATUSES, *LIVE_STATUSES)),
    ("record_dose_outcome", _EVERYBODY, LIVE_STATUSES),
    ("reflect", _PATIENT, (*LIVE_STATUSES, Status.COMPLETED)),
)


def next_actions(
    status: Status,
    *,
    party: Party,
    may_dose: bool,
    may_answer_morning: bool = False,
    effects_due: bool = False,
) -> list[str]:
    """Return what `party` may do now, in the order it is usually done; reporting harm is always among it.

    `may_dose` is whether the dose is neither taken, nor refused, nor come up again; `may_answer_morning`,
    whether the morning after has come and they have not said that they may drive; `effects_due`, whether a
    session with a dose has ended and nobody has said what the medicine did.
    """
    actions = [name for name, parties, statuses in _ACTIONS if party in parties and status in statuses]
    if status == Status.IN_PROGRESS and may_dose and party in _PRESENT:
        actions.insert(0, "record_dose")
    if effects_due and party == Party.PATIENT:
        actions.append("note_effects")
    if may_answer_morning and party == Party.PATIENT:
        actions.insert(0, "answer_morning")
    return [*actions, "report_event"]
