from celery import shared_task

from core import clock
from core.acting import acting_as
from safety import services as safety
from sessions import services
from sessions.deviations import services as deviations


@shared_task  # type: ignore[untyped-decorator]
def watch() -> None:
    """Look at what time has changed, then send the pages due; may run twice, and beside the watchdog."""
    with acting_as(services.WATCH):
        try:
            services.watch(at=clock.now())
        finally:
            safety.page_unacknowledged(at=clock.now())


@shared_task  # type: ignore[untyped-decorator]
def find_deviations() -> None:
    """Write down where the protocol was not kept; may run twice."""
    with acting_as(services.WATCH):
        deviations.find_deviations(at=clock.now())
