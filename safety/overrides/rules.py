"""When somebody whom the policy excludes may be treated all the same: never on one clinician's word."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.errors import InputError
from core.errors import Reason as RefusalReason
from safety.screening.logic import Truth
from safety.screening.policy import Level, Policy


@dataclass(frozen=True)
class Term:
    """From which day on the patient answers anew, and from which it is over."""

    screen_again_on: date
    ends_on: date


def term_faults(term: Term, *, today: date) -> list[InputError]:
    """Return what is wrong with a term: both days are to come, and the patient is asked before it ends."""
    faults = []
    if term.screen_again_on <= today:
        faults.append(InputError("/screen_again_on", "not_to_come", "Give a day that is to come."))
    if term.ends_on < term.screen_again_on:
        faults.append(InputError("/ends_on", "before_screening", "It ends on that day or later."))
    return faults


def standing_exclusions(policy: Policy, decision: Mapping[str, Any]) -> list[RefusalReason]:
    """Return the exclusions of a stored decision that a policy lets nobody override.

    A rule that the policy does not have is none that it lets anybody override.
    """
    may_be = {rule.id for rule in policy.rules if rule.overridable}
    return [
        RefusalReason(reason["code"], reason["detail"]["clinician"])
        for reason in decision["reasons"]
        if reason["level"] == Level.EXCLUDE and reason["certainty"] == Truth.TRUE
        if reason["rule"] not in may_be
    ]
