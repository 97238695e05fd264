import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("rekindle")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@beat_init.connect  # type: ignore[untyped-decorator]  # Celery has no types
@worker_init.connect  # type: ignore[untyped-decorator]
def refuse_privileged_role(**kwargs: Any) -> None:  # noqa: ARG001
    """Start neither worker nor beat with a role that could rewrite history."""
    from core.database import refuse_privileged_role as refuse  # Django is set up only now

    refuse()


@setup_logging.connect  # type: ignore[untyped-decorator]
def log_like_the_web(**kwargs: Any) -> None:  # noqa: ARG001
    """Keep Celery's own log lines away: they hold a failed task's message and arguments."""
    logging.config.dictConfig(settings.LOGGING)
