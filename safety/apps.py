from django.apps import AppConfig


class SafetyConfig(AppConfig):
    """What must not happen."""

    name = "safety"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Check the mapping of codes."""
        from safety import checks  # noqa: F401 - checks register themselves on import
