import signal
import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.queries import person_by_email, roles_of
from core import clock
from core.acting import acting_as
from sessions.drills import services
from sessions.drills.queries import length
from sessions.drills.rules import Step, advice, faults, told
from sessions.drills.services import DRILL, DrillRefused, Hands

PAGES, MOST_PAGES = 3, 4


class Command(BaseCommand):
    """Holds a drill in the running system: does silence raise the alarm, and how soon?"""

    help = (
        "Let a monitor who does not exist fall silent, and measure when each call and page leaves. Pages go "
        "nowhere. Takes as long as the pages do: ten minutes for three. Fails if one was late or missing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare how many pages to wait for, and who runs it."""
        parser.add_argument(
            "--pages", type=_pages, default=PAGES, help=f"1 to {MOST_PAGES} (default: {PAGES})"
        )
        parser.add_argument("--by", help="address of whoever runs it and works here, for the report")

    @acting_as(DRILL)
    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Run it, print the report, and fail with what to do about each step that failed."""
        # Ended from outside, it closes what it opened and files that it was ended.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        pages: int = options["pages"]
        minutes = length(pages, at=clock.now()).seconds // 60
        self._say(f"a drill of {pages} pages, about {minutes} minutes; no page is sent")
        steps: list[Step] = []
        try:
            report = services.run(
                pages=pages,
                run_by=_person(options["by"]),
                hands=Hands(clock.now, lambda span: time.sleep(span.total_seconds()), self._say),
                steps=steps,
            )
        except DrillRefused as refused:
            raise CommandError(str(refused)) from None
        except KeyboardInterrupt:
            raise CommandError("Ended before it was over; filed as not passed.") from None
        self._print(steps)
        self.stdout.write(f"Filed as {report.pk} (/admin/treatment_sessions/drill/{report.pk}/change/).")
        if not report.passed:
            raise CommandError("The drill has failed. While this stands, start no session that can wait.")
        self.stdout.write("Passed: every call and page left in time, once.")

    def _say(self, line: str) -> None:
        self.stderr.write(f"  {clock.now():%H:%M:%S} {line}")

    def _print(self, steps: list[Step]) -> None:
        """Draw one line for each step, in minutes since the check-in was due, and what to do under it."""
        for step in steps:
            what, came = told(step, since=steps[0].programmed_at)
            self.stdout.write(f"{what:<72}{came:>24}")
            found = list(faults(step))
            for fault in found:
                self.stdout.write(f"  FAILED {fault}")
            if found:
                self.stdout.write(f"  {advice(step)}")


def _pages(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_PAGES):
        raise ArgumentTypeError(f"a number from 1 to {MOST_PAGES}")
    return int(text)


def _person(email: str | None) -> User | None:
    """Return who runs it; raises `CommandError` for somebody who does not work here."""
    if email is None:
        return None
    found = person_by_email(email)
    if found is None or not roles_of(found.pk, at=clock.now()):
        raise CommandError("--by: nobody who works here has this address.")
    return found
