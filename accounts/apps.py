from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People: who they are, how they sign in, who cares for whom."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the sign-in library count its limits where ours are counted."""
        from accounts import limits

        limits.count_for_allauth()
