"""Calls people before a report is late, once it is, and when nobody has found out what had to be."""

from datetime import datetime, timedelta
from uuid import UUID

from core.database import atomic
from programs.services import lock_open_enrollments
from safety.enums import AlertClass
from safety.events import clocks
from safety.events.models import FollowUp, ReportingClock
from safety.services import raise_alert

CALLS_AGAIN = timedelta(days=1)
"""How often somebody is called about a follow-up while it is overdue. Proposed default."""


def watch_clocks(*, at: datetime) -> int:
    """Raise an alert for each running clock that has come to its next step; return how many.

    Any number of processes may do this at once: each step of each clock is taken once.
    """
    running = ReportingClock.objects.filter(ended_at=None, warned_pct__lt=clocks.WARN_AT_PCT[-1])
    return sum(_warn(*found, at=at) for found in running.values_list("pk", "patient_id"))


def _warn(clock_id: UUID, patient_id: UUID, *, at: datetime) -> bool:
    with atomic():
        # First, as whoever notes news or ends a clock does: else each could wait for the other.
        lock_open_enrollments(patient_id)
        rows = ReportingClock.objects.select_for_update(skip_locked=True).filter(pk=clock_id, ended_at=None)
        clock = rows.first()
        if clock is None:
            return False
        gone = clocks.pct_gone(aware_at=clock.aware_at, due_at=clock.due_at, at=at)
        step = clocks.to_warn(pct_gone=gone, warned_pct=clock.warned_pct)
        if step is None:
            return False
        clock.warned_pct = step
        clock.save(update_fields=["warned_pct"])
        source = f"clock:{clock.pk}"
        raise_alert(patient_id, alert_class=AlertClass.REPORT_DUE, source=source, at=at)
        return True


def watch_follow_ups(*, at: datetime) -> int:
    """Raise an alert for each follow-up that is overdue, again every day until it ends; return how many.

    Any number of processes may do this at once: each call of each follow-up is made once.
    """
    late = FollowUp.objects.filter(ended_at=None, due_at__lte=at).exclude(called_at__gt=at - CALLS_AGAIN)
    return sum(_call(*found, at=at) for found in late.values_list("pk", "patient_id"))


def _call(follow_up_id: UUID, patient_id: UUID, *, at: datetime) -> bool:
    with atomic():
        lock_open_enrollments(patient_id)
        late = FollowUp.objects.filter(pk=follow_up_id, ended_at=None).exclude(called_at__gt=at - CALLS_AGAIN)
        follow_up = late.select_for_update(skip_locked=True).first()
        if follow_up is None:
            return False
        follow_up.called_at = at
        follow_up.save(update_fields=["called_at"])
        # One for all of a person's: each event has a follow-up, and many of them must not drown a page.
        source = f"follow-ups:{patient_id}"
        raise_alert(patient_id, alert_class=AlertClass.FOLLOW_UP_DUE, source=source, at=at)
        return True
