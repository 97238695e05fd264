"""When a clinician has to look at a session, and whether they can sign that they have."""

from dataclasses import dataclass
from datetime import datetime

from core.errors import Reason
from sessions.enums import SessionStatus
from sessions.policy import SessionPolicy

REVIEWABLE = (SessionStatus.COMPLETED, SessionStatus.ABORTED)
"""What is over for good; before that the log still grows."""


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """What a review depends on: how far the session is, and what nobody has looked at yet."""

    status: SessionStatus
    effects_to_triage: int
    open_deadlines: int


def review_due_at(number: int, *, ended_at: datetime, policy: SessionPolicy) -> datetime | None:
    """Return by when a clinician has to review a session with a dose; `None` where nobody is asked to.

    Source: clinical policy in force; a version from before reviews asks for none.
    """
    asked = policy.review
    if asked is None or (number != asked.after_session and number % asked.then_every_sessions != 0):
        return None
    return ended_at + asked.due_in


def review_faults(facts: ReviewFacts) -> list[Reason]:
    """Return everything that keeps a clinician from signing."""
    faults = []
    if facts.status not in REVIEWABLE:
        faults.append(Reason("session_not_over", "The session is not over, the morning after included."))
    if facts.effects_to_triage:
        faults.append(Reason("effects_to_triage", "Say first what you make of the effects that were noted."))
    if facts.open_deadlines:
        faults.append(Reason("check_in_not_settled", "A check-in is not settled yet. Try in a minute."))
    return faults
