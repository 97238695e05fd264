from django.apps import AppConfig


class AssessmentsConfig(AppConfig):
    """What was measured."""

    name = "assessments"
    default_auto_field = "django.db.models.BigAutoField"
