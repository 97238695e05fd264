from pathlib import Path

from django.apps import AppConfig
from django.conf import settings


class AssessmentsConfig(AppConfig):
    """What was measured."""

    name = "assessments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and say where licensed instruments are."""
        from assessments import checks  # noqa: F401 - checks register themselves on import
        from assessments.instruments import use_folder

        use_folder(Path(settings.INSTRUMENT_WORDING_DIR) if settings.INSTRUMENT_WORDING_DIR else None)
