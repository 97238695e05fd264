from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import clock


class Command(BaseCommand):
    """Shows the demo clock, or moves it forward."""

    help = "Show the demo clock, or move it forward by --days and --minutes (demo mode only)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare how far."""
        parser.add_argument("--days", type=float, default=0)
        parser.add_argument("--minutes", type=float, default=0)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Move the clock and print the moment it now shows."""
        try:
            clock.advance_demo(by=timedelta(days=options["days"], minutes=options["minutes"]))
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(clock.now().isoformat())
