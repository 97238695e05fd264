from time import monotonic

from celery import shared_task

from core import clock
from core.acting import acting_as
from core.actors import Actor, ServiceName
from notifications import services

TURN_SECONDS = 4
"""Less than a tick, so that a backlog leaves the workers' other tasks their turn."""


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def deliver_due() -> None:
    """Send what is due while this turn lasts, the next tick goes on; may run twice, or at once elsewhere."""
    ends = monotonic() + TURN_SECONDS
    with acting_as(Actor.service(ServiceName.DELIVER)):
        while services.deliver_due(at=clock.now(), limit=1) and monotonic() < ends:
            pass
