from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from core.acting import acting_as
from core.actors import Actor, ServiceName
from core.errors import Problem
from desk.clinic.services import first_operator_link


class Command(BaseCommand):
    """Prints a link by which somebody becomes the first operator; it sends nothing."""

    help = "Print a link that makes the first operator's account, once, within three days."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address that the operator will sign in with."""
        parser.add_argument("email")

    @acting_as(Actor.service(ServiceName.INSTALL))
    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Print the link; refuse where there is an operator already."""
        try:
            link = first_operator_link(options["email"], at=clock.now())
        except Problem as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(link)
