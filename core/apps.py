from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The floor that every room stands on."""

    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from core import checks  # noqa: F401 - checks register themselves on import
