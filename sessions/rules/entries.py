"""What a phone sends, before anything is stored of it: whether it calls for help, and its clock."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sessions.enums import Alertness, SessionStatus
from sessions.plausible import DIASTOLIC_MMHG, HEART_RATE_BPM, OXYGEN_SATURATION_PCT, SYSTOLIC_MMHG
from sessions.policy import SessionPolicy
from sessions.rules.readings import Measured, is_emergency
from sessions.rules.times import CLOCK_SKEW

KEPT_OFFLINE_AT_MOST = timedelta(hours=24)
_NOT_WELL = frozenset({"false", "f", "no", "n", "off", "0", "0.0"})
"""Every way of saying "false" that the form reads, and numbers."""


def calls_for_help(said: object, policy: SessionPolicy | None) -> bool:
    """Tell whether what a phone sent, in whatever shape, says that not all is well or nobody wakes.

    So does a reading at crisis level; without a policy, nobody can tell whether one is.
    """
    if not isinstance(said, Mapping):
        return False
    if _word(said.get("all_well")) in _NOT_WELL or _word(said.get("alertness")) == Alertness.CANNOT_BE_WOKEN:
        return True
    return policy is not None and is_emergency(_measured(said), policy)


def _measured(said: Mapping[object, object]) -> Measured:
    """Return every number that can be a reading; a pressure whose two are swapped, as it was meant."""
    upper = _number(said.get("systolic_mmhg"), within=SYSTOLIC_MMHG)
    lower = _number(said.get("diastolic_mmhg"), within=DIASTOLIC_MMHG)
    if upper is not None and lower is not None and upper < lower:
        upper, lower = lower, upper
    return Measured(
        systolic_mmhg=upper,
        diastolic_mmhg=lower,
        heart_rate_bpm=_number(said.get("heart_rate_bpm"), within=HEART_RATE_BPM),
        oxygen_saturation_pct=_number(said.get("oxygen_saturation_pct"), within=OXYGEN_SATURATION_PCT),
    )


def _number(said: object, *, within: tuple[int, int]) -> float | None:
    """Return a number in whatever shape, or nothing for what cannot be a reading at all."""
    try:
        number = float(_word(said))
    except ValueError:
        return None
    return number if within[0] <= number <= within[1] else None


def _word(said: object) -> str:
    return str(said).strip().casefold()


def comes_late(observed_at: datetime, *, status: SessionStatus, over_at: datetime | None) -> bool:
    """Tell whether an entry was made in a session that is over by now, and waited in somebody's phone.

    `over_at` is when nobody had to be watched or to stay off the road any more.
    """
    is_over = status in (SessionStatus.COMPLETED, SessionStatus.ABORTED)
    return is_over and over_at is not None and observed_at < over_at


def clock_fault(observed_at: datetime, *, received_at: datetime) -> str:
    """Return in words what is wrong with a phone's time, or nothing: ahead of ours, or a day behind."""
    if observed_at > received_at + CLOCK_SKEW:
        return "This time is still to come. Check the clock of the phone."
    if observed_at < received_at - KEPT_OFFLINE_AT_MOST:
        return "This is more than a day ago. Check the clock of the phone."
    return ""
