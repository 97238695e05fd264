from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from core.models import DemoClock


def now() -> datetime:
    """Return the present moment in UTC: the real one, or in demo mode the rehearsal's.

    The only clock that services and views read. In demo mode every process adds the same offset from the
    database, so that a rehearsal can live through weeks; `core.checks` refuses demo mode in production.
    """
    moment = timezone.now()
    return moment + demo_offset() if settings.DEMO else moment


def demo_offset() -> timedelta:
    """Return how far the rehearsal has moved time forward."""
    return DemoClock.objects.values_list("offset", flat=True).first() or timedelta(0)


def advance_demo(*, by: timedelta) -> timedelta:
    """Move the demo clock forward and return its new offset.

    Raises `ValueError` outside demo mode or backwards: time that has passed cannot be taken back.
    """
    if not settings.DEMO or by < timedelta(0):
        raise ValueError("the clock moves in demo mode only, and only forward")
    DemoClock.objects.bulk_create([DemoClock(offset=timedelta(0))], ignore_conflicts=True)
    # Added by the database: of two that move it at once, neither takes back what the other did.
    DemoClock.objects.update(offset=F("offset") + by)
    return demo_offset()
