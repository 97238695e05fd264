from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core import clock
from core.acting import acting_as
from core.actors import Actor, ServiceName
from desk import demo


class Command(BaseCommand):
    """Makes the demo clinic and says who to sign in as."""

    help = "Make the demo clinic in an empty database (DEMO=1 only), and print who to sign in as."

    @acting_as(Actor.service(ServiceName.DEMO))
    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Load the people and print their sign-ins."""
        try:
            people = demo.load(at=clock.now())
        except demo.DemoRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        for person in people:
            self.stdout.write(f"  {person.role:10} {person.email:20} at {person.where}")
        self.stdout.write(f"  password   {demo.PASSWORD!r} for all of them")
        self.stdout.write(f"  code       clinicians: secret {demo.TOTP_SECRET} in an authenticator app,")
        self.stdout.write("             or bin/manage demo_code")
