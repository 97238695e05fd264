from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import second_factor
from core.acting import acting_as
from core.actors import Actor, ServiceName
from core.database import as_owner
from core.encryption import Undecipherable
from core.rotation import encrypted_columns, remaining, rotate


class Command(BaseCommand):
    """Encrypts every encrypted value anew under the first of `FIELD_KEY`, while the clinic runs."""

    help = "Encrypt every encrypted value anew under the first of FIELD_KEY; can be ended and begun again."
    # The database check asks whether the role is unprivileged; history can be re-encrypted by its owner only.
    requires_system_checks = []

    @acting_as(Actor.service(ServiceName.INSTALL))
    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Rotate column by column, saying how far it is; fail if anything is left under another key."""
        with as_owner():
            for column in encrypted_columns():
                name, total, done = f"{column.table}.{column.name}", remaining(column), 0
                try:
                    for batch in rotate(column):
                        done += batch
                        self.stdout.write(f"{name}: {done} of {total}")
                except Undecipherable as error:
                    raise CommandError(f"No key opens {error}; add the one that does to FIELD_KEY.") from None
                if left := remaining(column):
                    raise CommandError(f"{name}: {left} left under another key; run this again.")
                self.stdout.write(f"{name}: all under the first key, {done} of them new")
            try:
                renewed = second_factor.rotate()
            except Undecipherable:
                raise CommandError("No key opens a second factor; add the one that does.") from None
            self.stdout.write(f"second factors: all under the first key, {renewed} of them new")
