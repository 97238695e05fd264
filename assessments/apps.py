from django.apps import AppConfig


class AssessmentsConfig(AppConfig):
    """What was measured."""

    name = "assessments"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from assessments import checks  # noqa: F401 - checks register themselves on import
