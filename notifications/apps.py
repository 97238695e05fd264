from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Every message that leaves."""

    name = "notifications"
    default_auto_field = "django.db.models.BigAutoField"
