from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig


class AccountsConfig(AppConfig):
    """People: who they are, how they sign in, who cares for whom."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the sign-in library count its limits where ours are counted; look at the list of breaches.

        Raises `ImproperlyConfigured` where a list is named that cannot be used: no process starts with it.
        """
        from accounts import breached_passwords, limits

        limits.count_for_allauth()
        if settings.BREACHED_PASSWORDS_FILE:
            breached_passwords.listed(settings.BREACHED_PASSWORDS_FILE)


class ClinicAdminConfig(AdminConfig):
    """Django's admin behind our sign-in."""

    default_site = "accounts.admin.ClinicSite"
