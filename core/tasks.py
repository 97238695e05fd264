from celery import shared_task
from django.utils import timezone

from core import heartbeats, limits, trail
from core.acting import acting_as
from core.actors import Actor, ServiceName


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def tick() -> None:
    """Show that beat schedules, Redis carries and a worker works; may run twice."""
    heartbeats.beat("worker")


@shared_task  # type: ignore[untyped-decorator]
def forget_ended_limits() -> None:
    """Clear away counters of limits that bind nobody any more; may run twice."""
    limits.forget_ended()


@shared_task  # type: ignore[untyped-decorator]
@acting_as(Actor.service(ServiceName.ANCHOR))
def anchor() -> None:
    """Note outside the database where the trail stands; may run twice. In real time, like the trail."""
    trail.anchor(at=timezone.now())
