from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    """What was chosen and agreed."""

    name = "programs"
    default_auto_field = "django.db.models.BigAutoField"
