from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AccountsConfig(AppConfig):
    """People: who they are, how they sign in, who cares for whom."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the sign-in library count its limits where ours are counted."""
        from accounts import limits

        limits.count_for_allauth()


class ClinicAdminConfig(AdminConfig):
    """Django's admin behind our sign-in."""

    default_site = "accounts.admin.ClinicSite"
