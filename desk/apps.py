from django.apps import AppConfig


class DeskConfig(AppConfig):
    """What spans the rooms."""

    name = "desk"
    default_auto_field = "django.db.models.BigAutoField"
