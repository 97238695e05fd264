from celery import shared_task

from core import heartbeats


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def tick() -> None:
    """Show that beat schedules, Redis carries and a worker works; may run twice."""
    heartbeats.beat("worker")
