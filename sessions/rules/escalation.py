"""Whether silence would raise the alarm now, as somebody outside asks it."""

from dataclasses import dataclass
from datetime import timedelta

from sessions.enums import EscalationFault

OVERDUE_AFTER = timedelta(minutes=1)
"""Six looks of the slower detector: what is open after that, both have failed to deal with."""


@dataclass(frozen=True, slots=True)
class EscalationFacts:
    """What raising the alarm depends on: who looks, and what stands that they should have seen."""

    watchdog_is_alive: bool
    worker_is_alive: bool
    deadline_is_overdue: bool
    page_is_overdue: bool
    page_has_nobody: bool


def escalation_faults(facts: EscalationFacts) -> list[EscalationFault]:
    """Return why silence might go unseen, all that is known of it; nothing while it would not.

    One detector that looks is enough; beside something overdue, the one that does not look is named too.
    """
    nobody_looks = not (facts.watchdog_is_alive or facts.worker_is_alive)
    passed_by = facts.deadline_is_overdue or facts.page_is_overdue or facts.page_has_nobody
    if not (nobody_looks or passed_by):
        return []
    found = {
        EscalationFault.WATCHDOG_STALE: not facts.watchdog_is_alive,
        EscalationFault.WORKER_STALE: not facts.worker_is_alive,
        EscalationFault.DEADLINE_OVERDUE: facts.deadline_is_overdue,
        EscalationFault.PAGE_OVERDUE: facts.page_is_overdue,
        EscalationFault.PAGE_FOR_NOBODY: facts.page_has_nobody,
    }
    return [fault for fault, is_so in found.items() if is_so]
