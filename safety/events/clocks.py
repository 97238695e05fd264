"""By when an event has to be reported to whom: the table of rules, and the reckoning of days."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

TABLES = Path(__file__).parent / "reporting_rules"
WARN_AT_PCT = (50, 80, 100)
"""How much of the time is gone when somebody is called. Source: this clinic's requirement."""


class Need(StrEnum):
    """What an event has to be for a rule to hold."""

    SERIOUS = "serious"
    UNEXPECTED = "unexpected"
    SUSPECTED = "suspected"
    FATAL_OR_LIFE_THREATENING = "fatal_or_life_threatening"


@dataclass(frozen=True)
class Rule:
    """One duty to report: whose, to whom, of what, within how many hours or calendar days of which zone."""

    code: str
    role: str
    authority: str
    what: str
    needs: tuple[Need, ...]
    zone: str
    restarts: bool
    source: str
    status: str
    hours: int | None = None
    calendar_days: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the rule as a clock keeps it."""
        return asdict(self)


@dataclass(frozen=True)
class Table:
    """One version of the rules, and the day from which it holds."""

    version: int
    effective_on: date
    rules: tuple[Rule, ...]


class TableError(ValueError):
    """A table of rules says something that cannot be meant."""


def parse(content: Mapping[str, Any]) -> Table:
    """Read a table; raises `TableError` for a rule without its time, with two, or told twice."""
    rules = tuple(_rule(each) for each in content["rules"])
    if len({rule.code for rule in rules}) != len(rules):
        raise TableError("two rules have one code")
    return Table(content["version"], content["effective_on"], rules)


def _rule(said: Mapping[str, Any]) -> Rule:
    try:
        rule = Rule(**{**said, "needs": tuple(Need(need) for need in said["needs"])})
        ZoneInfo(rule.zone)
    except (TypeError, KeyError, ValueError) as error:
        raise TableError(f"{said.get('code')}: {error}") from None
    given = [span for span in (rule.hours, rule.calendar_days) if span is not None]
    if len(given) != 1 or given[0] < 1:
        raise TableError(f"{rule.code}: give hours or calendar days, one of the two")
    return rule


@lru_cache(maxsize=1)
def tables() -> Sequence[Table]:
    """Return every version that comes with the software, oldest first; read once for each process."""
    found = [parse(tomllib.loads(path.read_text())) for path in TABLES.glob("*.toml")]
    return sorted(found, key=lambda table: (table.effective_on, table.version))


def in_force(at: datetime) -> Table:
    """Return the table that holds at `at`; before the first one, the first."""
    return [*tables()[:1], *(table for table in tables() if table.effective_on <= at.date())][-1]


Known = Mapping[Need, bool | None]
"""What is known of an event: `None` where nobody has said."""


def holds(rule: Rule, known: Known) -> bool:
    """Tell whether a rule holds for an event: unless something that it needs is known to be false."""
    return all(known.get(need) is not False for need in rule.needs)


def due_at(rule: Rule, *, aware_at: datetime) -> datetime:
    """Return the first instant that is too late, in UTC.

    Hours are counted from the instant. Days are calendar days of the rule's zone, weekends and holidays
    among them: day 0 is that of `aware_at` there, and the last day counts to its end.
    """
    if rule.hours is not None:
        return aware_at + timedelta(hours=rule.hours)
    zone = ZoneInfo(rule.zone)
    last_on = aware_at.astimezone(zone).date() + timedelta(days=rule.calendar_days or 0)
    return datetime.combine(last_on + timedelta(days=1), time.min, tzinfo=zone).astimezone(UTC)


def pct_gone(*, aware_at: datetime, due_at: datetime, at: datetime) -> int:
    """Return how much of the time is gone, in whole percent, from 0; over 100 once it is too late."""
    return max(0, int((at - aware_at) * 100 / (due_at - aware_at)))


def to_warn(*, pct_gone: int, warned_pct: int) -> int | None:
    """Return the highest step that is reached and was not warned of, if there is one."""
    reached = [step for step in WARN_AT_PCT if warned_pct < step <= pct_gone]
    return reached[-1] if reached else None
