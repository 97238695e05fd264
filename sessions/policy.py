"""What a session policy is, and the reading of one from a plain dict (a TOML file, or a row's JSON)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from programs.enums import Route
from safety.screening.policy import PolicyError

PLAUSIBLE: Mapping[str, tuple[int, int]] = {
    "check_in_interval_minutes": (5, 30),
    "timer_minutes": (30, 240),
    "observation_minutes": (60, 480),
    "dose_window_minutes": (5, 120),
    "attestation_max_age_minutes": (15, 720),
    "min_days_between": (1, 60),
    "max_doses_in_7_days": (1, 7),
    "max_gap_days": (14, 365),
    "missed_after_hours": (1, 48),
    "no_drive_until_hour": (5, 12),
    "no_drive_min_hours": (8, 72),
    "link_lifetime_after_end_hours": (1, 24),
    "morning_answer_hours": (1, 48),
    "review.after_session": (1, 18),
    "review.then_every_sessions": (1, 18),
    "review.due_days": (1, 14),
    "recovery.checked_within_minutes": (5, 60),
    "recovery.rise_at_most.systolic_mmhg": (0, 60),
    "recovery.rise_at_most.diastolic_mmhg": (0, 40),
    "readings.required": (2, 5),
    "readings.max_age_minutes": (5, 120),
    "readings.seated_rest_minutes": (3, 30),
    "readings.hold_above.systolic_mmhg": (100, 179),
    "readings.hold_above.diastolic_mmhg": (60, 119),
    "readings.hold_above.heart_rate_bpm": (80, 150),
    "readings.crisis_from.systolic_mmhg": (140, 200),
    "readings.crisis_from.diastolic_mmhg": (90, 130),
    "readings.crisis_from.heart_rate_bpm": (100, 220),
    "readings.crisis_from.oxygen_saturation_pct": (80, 95),
}
"""Between which values, ends included, each number can be meant at all; a typing slip lies outside."""
REVIEW = ("review.after_session", "review.then_every_sessions", "review.due_days")
RECOVERY = (
    "recovery.checked_within_minutes",
    "recovery.rise_at_most.systolic_mmhg",
    "recovery.rise_at_most.diastolic_mmhg",
)
LATER = frozenset(
    {
        "readings.crisis_from.heart_rate_bpm",
        "readings.crisis_from.oxygen_saturation_pct",
        *REVIEW,
        *RECOVERY,
        "morning_answer_hours",
        "max_doses_in_7_days",
    }
)
"""What earlier versions did not have: a session that started under one ends under it."""
PLAUSIBLE_DOSE_MG = (1, 1000)
DOSE_NUMBERS = ("min_mg", "max_mg", "max_step_mg")
STATUSES = ("example, confirm before use", "confirmed")
_LISTS: Mapping[str, tuple[str, ...]] = {
    "preparation": ("key", "title", "text"),
    "today_questions": ("key", "topic", "ask"),
}
_TEXTS = ("id", "title", "note", "readings.instruction", "emergency.call_first")


@dataclass(frozen=True, slots=True)
class Limits:
    """Readings in mmHg, beats a minute and percent; what plays no part is null.

    Beyond a limit is above it, and below it for the oxygen saturation.
    """

    systolic_mmhg: int
    diastolic_mmhg: int
    heart_rate_bpm: int | None = None
    oxygen_saturation_pct: int | None = None


@dataclass(frozen=True, slots=True)
class ReadingPolicy:
    """What is measured before a dose: how often, how fresh, and where it holds the dose back."""

    required: int
    max_age: timedelta
    seated_rest: timedelta
    instruction: str
    hold_above: Limits
    crisis_from: Limits


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to prepare, in words for the patient."""

    key: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class TodayQuestion:
    """One question of the day; anything but "no" keeps the session from starting."""

    key: str
    topic: str
    ask: str


@dataclass(frozen=True, slots=True)
class Emergency:
    """What a monitor does first, and the signs that call for it."""

    call_first: str
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DoseBounds:
    """Between which amounts, both included, a plan may order one route; never compared with another route.

    `max_step_mg` is by how much at most a dose rises from the last one by that route; null is not bounded so,
    in a policy older than that.
    """

    min_mg: int
    max_mg: int
    max_step_mg: int | None = None


@dataclass(frozen=True, slots=True)
class ReviewPolicy:
    """After which sessions a clinician looks at what happened, and within how many days of the end.

    After the session of one number, and after every so many: 1 and 6 mean after 1, 6, 12 and 18.
    """

    after_session: int
    then_every_sessions: int
    due_in: timedelta


@dataclass(frozen=True, slots=True)
class RecoveryPolicy:
    """What has to be seen of somebody before their watched time ends, and how lately.

    They talk normally, and their blood pressure is at most so much (mmHg) above what it was before the dose.
    """

    checked_within: timedelta
    systolic_rise_mmhg: int
    diastolic_rise_mmhg: int


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How a session runs: one version of the policy, read and found plausible."""

    check_in_interval: timedelta
    timer: timedelta
    observation: timedelta
    dose_window: timedelta
    attestation_max_age: timedelta
    min_days_between: int
    max_gap_days: int
    missed_after: timedelta
    no_drive_until_hour: int
    no_drive_min: timedelta
    link_lifetime_after_end: timedelta
    readings: ReadingPolicy
    dose_bounds: Mapping[Route, DoseBounds]
    preparation: tuple[Item, ...]
    today_questions: tuple[TodayQuestion, ...]
    emergency: Emergency
    review: ReviewPolicy | None = None
    """Null in a version from before reviews were asked for: none is."""
    morning_answer_in: timedelta | None = None
    """How long after the no-driving time a clinician is called where no answer came; null: never."""
    recovery: RecoveryPolicy | None = None
    """Null in a version from before recovery was asked about: the time alone ends a session."""
    max_doses_in_7_days: int | None = None
    """Null in a version from before weeks were counted: the days between two doses alone space them."""

    @property
    def watched_after_dose(self) -> timedelta:
        """Return how long after the dose the monitor stays: the longer of timer and observation time."""
        return max(self.timer, self.observation)

    @property
    def watched_at_most(self) -> timedelta:
        """Return how long after the start somebody may have to watch: a dose in the window's last minute."""
        return self.dose_window + self.watched_after_dose


def left_out(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Return, a plain sentence each, which guards a version leaves out by saying nothing of them.

    That is no fault: what started under a version from before they were ends under it. Whoever signs one, or
    runs a clinic by one, is to know.
    """
    try:
        policy = parse_policy(content)
    except PolicyError as error:
        return (f"No session starts by it, because it cannot be read: {error}.",)
    crisis = policy.readings.crisis_from
    steps = sorted(str(route) for route, bounds in policy.dose_bounds.items() if bounds.max_step_mg is None)
    said = {
        "No clinician reviews a session before the next one starts: it has no [review].": policy.review
        is None,
        "Nobody is called where a patient does not say in the morning that they are awake: it has no "
        "morning_answer_hours.": policy.morning_answer_in is None,
        "A session ends by the time alone, however the person is: it has no [recovery].": policy.recovery
        is None,
        "Any number of doses fits into a week, as far apart as they have to be: it has no "
        "max_doses_in_7_days.": policy.max_doses_in_7_days is None,
        "No heart rate calls anybody in a session: it has no readings.crisis_from.heart_rate_bpm.": (
            crisis.heart_rate_bpm is None
        ),
        "No oxygen saturation calls anybody in a session: it has no "
        "readings.crisis_from.oxygen_saturation_pct.": crisis.oxygen_saturation_pct is None,
        f"A dose may rise to the most there is in one step ({', '.join(steps)}): it has no max_step_mg.": (
            bool(steps)
        ),
    }
    return tuple(sentence for sentence, is_so in said.items() if is_so)


def parse_policy(content: Mapping[str, Any]) -> SessionPolicy:
    """Read a session policy; raises `PolicyError` with the place of the first thing that is wrong.

    Refused are keys nobody knows, missing ones, numbers outside `PLAUSIBLE` or without a source, and limits
    that contradict each other.
    """
    flat = _flatten({key: value for key, value in content.items() if key != "sources"})
    numbers = _numbers(flat)
    _check_sources(content.get("sources"), numbers)
    texts = {key: _text(flat, key) for key in _TEXTS}
    known = {*numbers, *texts, *_LISTS, "version", "emergency.signs"}
    for key in flat:
        if key not in known:
            raise PolicyError(key, "is not known")
    policy = SessionPolicy(
        check_in_interval=timedelta(minutes=numbers["check_in_interval_minutes"]),
        timer=timedelta(minutes=numbers["timer_minutes"]),
        observation=timedelta(minutes=numbers["observation_minutes"]),
        dose_window=timedelta(minutes=numbers["dose_window_minutes"]),
        attestation_max_age=timedelta(minutes=numbers["attestation_max_age_minutes"]),
        min_days_between=numbers["min_days_between"],
        max_gap_days=numbers["max_gap_days"],
        missed_after=timedelta(hours=numbers["missed_after_hours"]),
        no_drive_until_hour=numbers["no_drive_until_hour"],
        no_drive_min=timedelta(hours=numbers["no_drive_min_hours"]),
        link_lifetime_after_end=timedelta(hours=numbers["link_lifetime_after_end_hours"]),
        readings=_readings(numbers, texts["readings.instruction"]),
        dose_bounds=_bounds(numbers),
        preparation=tuple(Item(**item) for item in _rows(flat, "preparation")),
        today_questions=tuple(TodayQuestion(**item) for item in _rows(flat, "today_questions")),
        emergency=Emergency(texts["emergency.call_first"], _signs(flat)),
        review=_review(numbers),
        morning_answer_in=timedelta(hours=hours) if (hours := numbers.get("morning_answer_hours")) else None,
        recovery=_recovery(numbers),
        max_doses_in_7_days=numbers.get("max_doses_in_7_days"),
    )
    _check_agreement(policy)
    return policy


def _flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _numbers(flat: Mapping[str, Any]) -> dict[str, int]:
    doses = {f"dose_bounds.{route}.{end}" for route in Route.values for end in DOSE_NUMBERS}
    bounds = dict(PLAUSIBLE) | dict.fromkeys(sorted(doses & set(flat)), PLAUSIBLE_DOSE_MG)
    numbers = {}
    for key, (low, high) in bounds.items():
        if key in LATER and key not in flat:
            continue
        value = flat.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise PolicyError(key, "must be a whole number")
        if not low <= value <= high:
            raise PolicyError(key, f"is {value}; it can only be meant between {low} and {high}")
        numbers[key] = value
    return numbers


def _check_sources(sources: Any, numbers: Mapping[str, int]) -> None:
    given = sources if isinstance(sources, Mapping) else {}
    for key in sorted(set(numbers) ^ set(given)):
        raise PolicyError(f"sources.{key}", "is missing" if key in numbers else "belongs to no number")
    for key, row in given.items():
        if not isinstance(row, Mapping) or set(row) != {"source", "status"} or not row["source"]:
            raise PolicyError(f"sources.{key}", "must have a source and a status")
        if row["status"] not in STATUSES:
            raise PolicyError(f"sources.{key}", f"has a status that is none of {', '.join(STATUSES)}")


def _text(flat: Mapping[str, Any], key: str) -> str:
    value = flat.get(key)
    if not isinstance(value, str) or not value.strip():
        raise PolicyError(key, "must be a text")
    return value


def _rows(flat: Mapping[str, Any], key: str) -> Sequence[dict[str, str]]:
    rows, columns = flat.get(key), _LISTS[key]
    if not isinstance(rows, list) or not rows:
        raise PolicyError(key, "must be a list that is not empty")
    for row in rows:
        if not isinstance(row, Mapping) or set(row) != set(columns):
            raise PolicyError(key, f"must have {', '.join(columns)} in every row")
        for column in columns:
            _text(row, column)
    if len({row["key"] for row in rows}) != len(rows):
        raise PolicyError(key, "names the same key twice")
    return rows


def _signs(flat: Mapping[str, Any]) -> tuple[str, ...]:
    signs = flat.get("emergency.signs")
    if not isinstance(signs, list) or not signs or not all(isinstance(sign, str) and sign for sign in signs):
        raise PolicyError("emergency.signs", "must be a list of texts that is not empty")
    return tuple(signs)


def _readings(numbers: Mapping[str, int], instruction: str) -> ReadingPolicy:
    return ReadingPolicy(
        required=numbers["readings.required"],
        max_age=timedelta(minutes=numbers["readings.max_age_minutes"]),
        seated_rest=timedelta(minutes=numbers["readings.seated_rest_minutes"]),
        instruction=instruction,
        hold_above=Limits(
            systolic_mmhg=numbers["readings.hold_above.systolic_mmhg"],
            diastolic_mmhg=numbers["readings.hold_above.diastolic_mmhg"],
            heart_rate_bpm=numbers["readings.hold_above.heart_rate_bpm"],
        ),
        crisis_from=Limits(
            systolic_mmhg=numbers["readings.crisis_from.systolic_mmhg"],
            diastolic_mmhg=numbers["readings.crisis_from.diastolic_mmhg"],
            heart_rate_bpm=numbers.get("readings.crisis_from.heart_rate_bpm"),
            oxygen_saturation_pct=numbers.get("readings.crisis_from.oxygen_saturation_pct"),
        ),
    )


def _bounds(numbers: Mapping[str, int]) -> dict[Route, DoseBounds]:
    """Return the bounds of each route that has them; a plan for another route is in none."""
    bounds = {}
    for route in Route:
        least, most, step = (numbers.get(f"dose_bounds.{route}.{end}") for end in DOSE_NUMBERS)
        if least is None and most is None and step is None:
            continue
        if least is None or most is None or least > most:
            raise PolicyError(f"dose_bounds.{route}", "must have min_mg, and max_mg not below it")
        bounds[route] = DoseBounds(min_mg=least, max_mg=most, max_step_mg=step)
    return bounds


def _review(numbers: Mapping[str, int]) -> ReviewPolicy | None:
    """Return when a clinician looks."""
    said = _all_or_none(numbers, REVIEW, otherwise="is missing, where reviews are asked for")
    return ReviewPolicy(said[0], said[1], timedelta(days=said[2])) if said else None


def _recovery(numbers: Mapping[str, int]) -> RecoveryPolicy | None:
    """Return what has to be seen at the end."""
    said = _all_or_none(numbers, RECOVERY, otherwise="is missing, where recovery is asked about")
    return RecoveryPolicy(timedelta(minutes=said[0]), said[1], said[2]) if said else None


def _all_or_none(numbers: Mapping[str, int], keys: Sequence[str], *, otherwise: str) -> list[int]:
    """Return the numbers of a part that a version may leave out as a whole; raises `PolicyError`."""
    missing = [key for key in keys if key not in numbers]
    if missing and len(missing) < len(keys):
        raise PolicyError(missing[0], otherwise)
    return [] if missing else [numbers[key] for key in keys]


def _check_agreement(policy: SessionPolicy) -> None:
    """Refuse numbers that are plausible each by itself and make no sense together."""
    held, crisis = policy.readings.hold_above, policy.readings.crisis_from
    for name in ("systolic_mmhg", "diastolic_mmhg", "heart_rate_bpm"):
        limit = getattr(crisis, name)
        if limit is not None and getattr(held, name) >= limit:
            raise PolicyError(f"readings.hold_above.{name}", "must be below the crisis level")
    for limits, place in ((held, "hold_above"), (crisis, "crisis_from")):
        if limits.diastolic_mmhg >= limits.systolic_mmhg:
            raise PolicyError(f"readings.{place}", "has the diastolic limit at or above the systolic one")
    if policy.min_days_between >= policy.max_gap_days:
        raise PolicyError("min_days_between", "must be less than max_gap_days")
