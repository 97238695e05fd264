from contextlib import suppress as ignoring
from time import monotonic

from celery import shared_task
from kombu.exceptions import OperationalError

from core import clock
from core.acting import acting_as
from core.actors import Actor, ServiceName
from notifications import services

TURN_SECONDS = 4
"""Less than a tick, so that a backlog leaves the workers' other tasks their turn."""


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def deliver_due() -> None:
    """Send what is due while this turn lasts, the next tick goes on; may run twice, or at once elsewhere.

    A turn that was too short for what is due calls for another beside those of the ticks: as a backlog lasts,
    more and more workers send, until all do. One that finds no worker free before the next tick is dropped.
    """
    ends = monotonic() + TURN_SECONDS
    with acting_as(Actor.service(ServiceName.DELIVER)):
        while services.deliver_due(at=clock.now(), limit=1):
            if monotonic() >= ends:
                with ignoring(OperationalError):  # without Redis the next tick goes on
                    deliver_due.apply_async(expires=TURN_SECONDS, retry=False)
                return
