from django.apps import AppConfig


class SafetyConfig(AppConfig):
    """What must not happen."""

    name = "safety"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks; read the ladders that ship now, not when somebody has to be paged."""
        from safety import checks  # noqa: F401 - checks register themselves on import
        from safety.ladders import shipped

        shipped()
