"""By what law medicine is prescribed without a visit in person, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from safety.screening.policy import PolicyError

KEYS = {"id", "version", "title", "note", "basis", "source", "status", "ends_on", "warn_days_before"}
MOST_WARNING_DAYS = 365


@dataclass(frozen=True, slots=True)
class Authority:
    """The law, the last day on which it holds, and how many days before that somebody is told."""

    basis: str
    ends_on: date
    warn_days_before: tuple[int, ...]

    @property
    def ends_at(self) -> datetime:
        """Return the first moment after it, by UTC's day: the evening before in the United States."""
        return datetime.combine(self.ends_on + timedelta(days=1), time.min, tzinfo=UTC)

    def warning(self, *, today: date) -> int | None:
        """Return which warning is due on a day: the nearest to the end that has been reached."""
        left = (self.ends_on - today).days
        return min((days for days in self.warn_days_before if 0 <= left <= days), default=None)


def parse_authority(content: Mapping[str, Any]) -> Authority:
    """Read an authority from a plain dict; raises `PolicyError` with the place of what is wrong."""
    for key in sorted(KEYS ^ set(content)):
        raise PolicyError(key, "is missing" if key in KEYS else "is not known")
    for key in ("basis", "source", "title"):
        if not isinstance(content[key], str) or not content[key].strip():
            raise PolicyError(key, "must be a text")
    return Authority(content["basis"], _day(content["ends_on"]), _days(content["warn_days_before"]))


def _day(said: Any) -> date:
    try:
        return date.fromisoformat(said)
    except (TypeError, ValueError):
        raise PolicyError("ends_on", "must be a day such as 2026-12-31") from None


def _days(said: Any) -> tuple[int, ...]:
    if not isinstance(said, list) or not all(
        type(days) is int and 0 < days <= MOST_WARNING_DAYS for days in said
    ):
        raise PolicyError("warn_days_before", f"must be a list of days from 1 to {MOST_WARNING_DAYS}")
    return tuple(said)
