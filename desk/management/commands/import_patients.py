from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import clock
from core.acting import acting_as
from core.actors import Actor, ServiceName
from core.errors import Problem
from desk.clinic import importing

TELL_EVERY = 100


class Command(BaseCommand):
    """Takes over the patients that a clinic had before, all of them or none."""

    help = "Import patients from a CSV file, after a look at every line; nothing is written on a fault."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, and whether to write."""
        parser.add_argument("file", type=Path)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--dry-run", action="store_true", help="only say what would happen")
        what.add_argument("--commit", action="store_true", help="write, if every line is good")

    @acting_as(Actor.service(ServiceName.INSTALL))
    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Report every fault by line and column, or write and say how many."""
        at = clock.now()
        try:
            with options["file"].open(encoding="utf-8-sig", newline="") as file:
                lines, faults = importing.read(file, today=at.date())
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}.") from error
        for fault in faults:
            where = f"line {fault.line}" + (f", {fault.column}" if fault.column else "")
            self.stdout.write(f"{where}: {fault.detail}")
        if faults:
            raise CommandError(f"{len(faults)} faults; nothing was written.")
        if options["dry_run"]:
            self.stdout.write(f"{len(lines)} patients could be imported; nothing was written.")
            return
        try:
            importing.store(lines, at=at, tell=lambda done: self._tell(done, of=len(lines)))
        except Problem as refusal:
            raise CommandError(f"{refusal.detail} Nothing was written.") from refusal
        self.stdout.write(f"{len(lines)} patients imported. Each chooses a password by resetting it.")

    def _tell(self, done: int, *, of: int) -> None:
        if done % TELL_EVERY == 0 or done == of:
            self.stderr.write(f"{done} of {of}")
