from typing import Any

from celery.beat import PersistentScheduler

from core import heartbeats


class HeartbeatScheduler(PersistentScheduler):  # type: ignore[misc]  # Celery has no types
    """Celery's scheduler, leaving a sign of life each time it really hands a task out."""

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        """Hand out one due task, then beat: a broker that refuses the task leaves the row stale."""
        result = super().apply_async(entry, *args, **kwargs)
        heartbeats.beat("beat")
        return result
