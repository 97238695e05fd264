"""What a phone sends, before anything is stored of it: whether it calls for help, and its clock."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sessions.enums import Alertness
from sessions.plausible import DIASTOLIC_MMHG, SYSTOLIC_MMHG
from sessions.policy import SessionPolicy
from sessions.rules.start import CLOCK_SKEW, is_crisis

KEPT_OFFLINE_AT_MOST = timedelta(hours=24)
_NOT_WELL = frozenset({"false", "f", "no", "n", "off", "0", "0.0"})
"""Every way of saying "false" that the form reads, and numbers."""


def calls_for_help(said: object, policy: SessionPolicy | None) -> bool:
    """Tell whether what a phone sent, in whatever shape, says that not all is well or nobody wakes.

    So does a blood pressure at crisis level; without a policy, nobody can tell whether one is.
    """
    if not isinstance(said, Mapping):
        return False
    if _word(said.get("all_well")) in _NOT_WELL or _word(said.get("alertness")) == Alertness.CANNOT_BE_WOKEN:
        return True
    return policy is not None and is_crisis(*_pressure(said), policy)


def _pressure(said: Mapping[object, object]) -> tuple[float, float]:
    """Return the upper and the lower number, nought for what is none; where they are swapped, as meant."""
    upper = _number(said.get("systolic_mmhg"), within=SYSTOLIC_MMHG)
    lower = _number(said.get("diastolic_mmhg"), within=DIASTOLIC_MMHG)
    return (lower, upper) if 0 < upper < lower else (upper, lower)


def _number(said: object, *, within: tuple[int, int]) -> float:
    """Return a number in whatever shape, or nought for what cannot be a reading at all."""
    try:
        number = float(_word(said))
    except ValueError:
        return 0
    return number if within[0] <= number <= within[1] else 0


def _word(said: object) -> str:
    return str(said).strip().casefold()


def clock_fault(observed_at: datetime, *, received_at: datetime) -> str:
    """Return in words what is wrong with a phone's time, or nothing: ahead of ours, or a day behind."""
    if observed_at > received_at + CLOCK_SKEW:
        return "This time is still to come. Check the clock of the phone."
    if observed_at < received_at - KEPT_OFFLINE_AT_MOST:
        return "This is more than a day ago. Check the clock of the phone."
    return ""
