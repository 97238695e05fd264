"""What a phone sends, before anything is stored of it: whether it calls for help, and its clock."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sessions.enums import Alertness
from sessions.rules.start import CLOCK_SKEW

KEPT_OFFLINE_AT_MOST = timedelta(hours=24)
_NOT_WELL = frozenset({"false", "f", "no", "n", "off", "0", "0.0"})
"""Every way of saying "false" that the form reads, and numbers."""


def calls_for_help(said: object) -> bool:
    """Tell whether what a phone sent, in whatever shape, says that not all is well or nobody wakes."""
    if not isinstance(said, Mapping):
        return False
    is_not_well = _word(said.get("all_well")) in _NOT_WELL
    return is_not_well or _word(said.get("alertness")) == Alertness.CANNOT_BE_WOKEN


def _word(said: object) -> str:
    return str(said).strip().casefold()


def clock_fault(observed_at: datetime, *, received_at: datetime) -> str:
    """Return in words what is wrong with a phone's time, or nothing: ahead of ours, or a day behind."""
    if observed_at > received_at + CLOCK_SKEW:
        return "This time is still to come. Check the clock of the phone."
    if observed_at < received_at - KEPT_OFFLINE_AT_MOST:
        return "This is more than a day ago. Check the clock of the phone."
    return ""
