from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Every message that leaves."""

    name = "notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Check the paging gateway."""
        from notifications import checks  # noqa: F401 - checks register themselves on import
