from django.apps import AppConfig


class SessionsConfig(AppConfig):
    """What happens on the day.

    The label is not the name: Django's own `sessions` has that one (docs/adr/0002-sessions-label.md).
    """

    name = "sessions"
    label = "treatment_sessions"
    verbose_name = "Treatment sessions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from sessions import checks  # noqa: F401 - checks register themselves on import
