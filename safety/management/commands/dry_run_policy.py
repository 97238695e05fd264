from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from core.acting import acting_as
from core.actors import Actor, ServiceName
from safety.dry_run import Change, Summary, changes, summary
from safety.models import Screening
from safety.screening.files import MAX_CHARACTERS, read_policy
from safety.screening.policy import Policy
from safety.screening.tables import PolicyError

MOST = 200


class Command(BaseCommand):
    """Tells of a draft of the screening policy who would change, before anybody signs it."""

    help = "Decide every stored screening once more by the policy in a file, and say who would change."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, and how many of the screenings that change to name."""
        parser.add_argument("file", type=Path, help="a policy as a TOML file")
        parser.add_argument("--most", type=int, default=MOST, help="name at most so many screenings")

    @acting_as(Actor.service(ServiceName.INSTALL))
    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Print a line for each kind of change, for each rule that makes it, and for each screening."""
        policy = _policy(options["file"])
        shown: list[Change] = []
        found = summary(self._noting(policy, shown, most=options["most"]))
        for line in _lines(found):
            self.stdout.write(line)
        for change in shown:
            rules = [*(f"+{rule}" for rule in change.begin), *(f"-{rule}" for rule in change.cease)]
            self.stdout.write(
                f"{change.screening_id}\t{change.before}\t{change.after}\t{' '.join(rules)}".rstrip()
            )
        if (unnamed := sum(found.moves.values()) - len(shown)) > 0:
            self.stdout.write(f"and {unnamed} more; --most names them")

    def _noting(self, policy: Policy, shown: list[Change], *, most: int) -> Iterator[Change | None]:
        """Pass every change on, keeping the first of them, and show how far it is."""
        for change in tqdm(changes(policy), total=Screening.objects.count(), unit=" screenings"):
            if change is not None and len(shown) < most:
                shown.append(change)
            yield change


def _policy(path: Path) -> Policy:
    try:
        with path.open(encoding="utf-8") as file:
            return read_policy(file.read(MAX_CHARACTERS + 1))[1]
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} can't be read: {error}") from None
    except PolicyError as error:
        raise CommandError(f"{path}: {error}") from None


def _lines(found: Summary) -> Iterator[str]:
    changed = sum(found.moves.values())
    yield f"{found.total} screenings decided once more, {changed} would change."
    for (before, after), count in sorted(found.moves.items()):
        yield f"{count}\t{before} -> {after}"
    for sign, rules in (("+", found.begin), ("-", found.cease)):
        for rule, count in sorted(rules.items()):
            yield f"{count}\t{sign}{rule}"
