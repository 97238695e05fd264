"""When something was seen, as a phone says, beside when it reached us."""

from datetime import datetime, timedelta

from sessions.rules.start import CLOCK_SKEW

KEPT_OFFLINE_AT_MOST = timedelta(hours=24)


def clock_fault(observed_at: datetime, *, received_at: datetime) -> str:
    """Return in words what is wrong with a phone's time, or nothing: ahead of ours, or a day behind."""
    if observed_at > received_at + CLOCK_SKEW:
        return "This time is still to come. Check the clock of the phone."
    if observed_at < received_at - KEPT_OFFLINE_AT_MOST:
        return "This is more than a day ago. Check the clock of the phone."
    return ""
