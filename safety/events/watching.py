"""Calls people before a report is late, and once it is."""

from datetime import datetime
from uuid import UUID

from core.database import atomic
from safety.enums import AlertClass
from safety.events import clocks
from safety.events.models import ReportingClock
from safety.services import raise_alert


def watch_clocks(*, at: datetime) -> int:
    """Raise an alert for each running clock that has come to its next step; return how many.

    Any number of processes may do this at once: each step of each clock is taken once.
    """
    running = ReportingClock.objects.filter(ended_at=None, warned_pct__lt=clocks.WARN_AT_PCT[-1])
    return sum(_warn(clock_id, at=at) for clock_id in running.values_list("pk", flat=True))


def _warn(clock_id: UUID, *, at: datetime) -> bool:
    with atomic():
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
        raise_alert(clock.patient_id, alert_class=AlertClass.REPORT_DUE, source=source, at=at)
        return True
