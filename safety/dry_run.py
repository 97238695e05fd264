"""What another version of the screening policy would have said of everybody: who would change, and why."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from core.acting import seeing_all_charts
from safety import rules
from safety.models import Screening
from safety.screening.answers import validate_answers
from safety.screening.policy import Policy

UNREADABLE = "unreadable"
"""What a screening comes to whose answers the version can't read: it asks other questions."""
_COLUMNS = ("id", "outcome", "answers", "decision__chart", f"decision__{rules.FACTS}", "decision__reasons")
_FETCHED = 1_000


@dataclass(frozen=True, slots=True)
class Change:
    """One screening that would come to something else: what, and which rules would begin or cease to speak.

    A rule that is unknown instead of true, or the other way, both ceases and begins.
    """

    screening_id: UUID
    before: str
    after: str
    begin: tuple[str, ...]
    cease: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """How many were decided once more, how many of them go from what to what, and which rules do it."""

    total: int
    moves: Mapping[tuple[str, str], int]
    begin: Mapping[str, int]
    cease: Mapping[str, int]


def changes(policy: Policy) -> Iterator[Change | None]:
    """Decide every stored screening once more, oldest first; yield how each would change, None if not at all.

    In one transaction, a thousand rows in memory at a time. Each on the age and the health facts that it was
    decided on then. Opens the walls: what comes out names screenings, and nobody.
    """
    with seeing_all_charts(), transaction.atomic():
        stored = Screening.objects.order_by("id").values_list(*_COLUMNS)
        for row in stored.iterator(chunk_size=_FETCHED):
            yield _change(policy, *row)


def summary(found: Iterable[Change | None]) -> Summary:
    """Count what a dry run finds."""
    total = 0
    moves: Counter[tuple[str, str]] = Counter()
    begin: Counter[str] = Counter()
    cease: Counter[str] = Counter()
    for change in found:
        total += 1
        if change is not None:
            moves[change.before, change.after] += 1
            begin.update(change.begin)
            cease.update(change.cease)
    return Summary(total, moves, begin, cease)


def _change(
    policy: Policy,
    screening_id: UUID,
    outcome: str,
    answers: Mapping[str, Any],
    chart: Mapping[str, Any],
    facts: Mapping[str, Any] | None,
    reasons: list[Mapping[str, Any]],
) -> Change | None:
    if validate_answers(policy, answers):
        return Change(screening_id, outcome, UNREADABLE, (), ())
    pinned = rules.pinned_facts({} if facts is None else {rules.FACTS: facts})
    again = rules.decide_in_brief(policy, answers, age_years=chart[rules.AGE], facts=pinned)
    then = {(reason["rule"], reason["certainty"]) for reason in reasons}
    begin = tuple(sorted(rule for rule, _ in again.spoke - then))
    cease = tuple(sorted(rule for rule, _ in then - again.spoke))
    if (again.outcome, begin, cease) == (outcome, (), ()):
        return None
    return Change(screening_id, outcome, again.outcome, begin, cease)
