from django.apps import AppConfig


class SafetyConfig(AppConfig):
    """What must not happen."""

    name = "safety"
    default_auto_field = "django.db.models.BigAutoField"
