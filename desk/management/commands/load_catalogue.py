from typing import Any

from django.core.management.base import BaseCommand

from core.acting import acting_as
from core.actors import Actor, ServiceName
from desk.catalogue import load


class Command(BaseCommand):
    """Publishes the programs, policies and texts that come with the software; again is harmless."""

    help = "Publish the programs, policies and texts that come with the software."

    @acting_as(Actor.service(ServiceName.CATALOGUE))
    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Load and say what is in force."""
        for line in load():
            self.stdout.write(line)
