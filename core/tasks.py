from celery import shared_task

from core import heartbeats, limits


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def tick() -> None:
    """Show that beat schedules, Redis carries and a worker works; may run twice."""
    heartbeats.beat("worker")


@shared_task  # type: ignore[untyped-decorator]
def forget_ended_limits() -> None:
    """Clear away counters of limits that bind nobody any more; may run twice."""
    limits.forget_ended()
