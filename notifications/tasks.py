from contextlib import suppress as ignoring
from time import monotonic

from celery import shared_task
from kombu.exceptions import OperationalError

from core import clock
from core.acting import acting_as
from core.actors import Actor, ServiceName
from notifications import services

TURN_SECONDS = 4
"""A turn ends, so that a backlog leaves the workers' other tasks theirs."""


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def deliver_due() -> None:
    """Send what is due while this turn lasts, the next tick goes on; may run twice, or at once elsewhere.

    A turn that finds a second message calls for another beside it, if a worker is free now, and one that was
    too short for what is due calls for the next: within a second of a backlog every free worker sends, though
    whoever had the turn may die. One that finds no worker free before the next tick is dropped.
    """
    ends, sent = monotonic() + TURN_SECONDS, 0
    with acting_as(Actor.service(ServiceName.DELIVER)):
        while services.deliver_due(at=clock.now(), limit=1):
            sent += 1
            if sent == 2:
                _call_another(within_s=1)
            if monotonic() >= ends:
                _call_another(within_s=TURN_SECONDS)
                return


def _call_another(*, within_s: int) -> None:
    with ignoring(OperationalError):  # without Redis the next tick goes on
        deliver_due.apply_async(expires=within_s, retry=False)
