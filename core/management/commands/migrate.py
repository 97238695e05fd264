from typing import Any

from django.core.management.commands import migrate
from django.db import connection

from core.database import as_owner


class Command(migrate.Command):
    """`migrate`, as the role that owns the tables, so that nobody serves with that role by habit."""

    # The database check asks whether the role is unprivileged; here it must not be.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate on a connection from `DATABASE_OWNER_URL`.

        A change that cannot have its lock within five seconds gives up and can be tried again, instead of
        making every reader wait behind it.
        """
        with as_owner():
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            super().handle(*args, **options)
