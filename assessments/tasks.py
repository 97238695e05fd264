from celery import shared_task

from assessments import keeping, rescoring
from core import clock
from core.acting import acting_as
from core.actors import Actor, ServiceName


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
@acting_as(Actor.service(ServiceName.SCHEDULE))
def keep_schedule() -> None:
    """Ask for what has fallen due by the calendar, and put off what stands still; may run twice."""
    keeping.keep_schedule(at=clock.now())


@shared_task  # type: ignore[untyped-decorator]
@acting_as(Actor.service(ServiceName.SCHEDULE))
def rescore() -> None:
    """Score what was submitted anew where an instrument's file has changed; may run twice."""
    rescoring.rescore(at=clock.now())
