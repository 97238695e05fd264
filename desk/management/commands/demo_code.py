from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from desk import demo


class Command(BaseCommand):
    """Says what the demo staff's authenticator app would show."""

    help = "Print the code that signs the demo staff in just now (DEMO=1 only)."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Print the code."""
        if not settings.DEMO:
            raise CommandError("DEMO is not set.")
        # The real time: the sign-in library knows nothing of the demo's clock.
        self.stdout.write(demo.code(at=timezone.now()))
