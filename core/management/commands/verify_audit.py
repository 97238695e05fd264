from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from tqdm import tqdm

from core import trail
from core.acting import acting_as
from core.actors import Actor, ServiceName


class Command(BaseCommand):
    """Checks that the audit trail is as it was written."""

    help = "Check the audit trail against itself and against what was noted of it outside the database."

    @acting_as(Actor.service(ServiceName.ANCHOR))
    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Name every fault and fail, or say how much was looked at."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(sum(seq), 0) FROM guard.head")
            count = int(cursor.fetchone()[0])
        with tqdm(total=count, unit=" events") as bar:
            try:
                faults = trail.verify(seen=bar.update)
            except trail.AnchorsUnreadable as changed:
                raise CommandError(f"Not as it was noted: {changed}") from changed
        for fault in faults:
            self.stdout.write(str(fault))
        if faults:
            raise CommandError(f"{len(faults)} faults.")
        self.stdout.write(f"{count} events are as they were written.")
