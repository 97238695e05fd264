"""What was measured before a dose: whether it is enough, what is too high, and what a clinician overrode."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from core.errors import Reason
from sessions.policy import SessionPolicy
from sessions.rules.times import CLOCK_SKEW, is_fresh

CRISIS = Reason(
    "blood_pressure_crisis", "This is an emergency level. If they feel unwell, call for help now."
)
UNKNOWN = Reason("readings_unknown", "It is not known what was measured before.")
APART = timedelta(minutes=1)
"""Readings closer together than this are one measurement."""
CRISIS_LASTS = timedelta(hours=24)
"""How long after a crisis reading there is no dose, however good the ones after it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Blood pressure in mmHg and, where the cuff shows it, beats a minute; or a heart rate alone.

    `taken_there` says that the patient or the monitor took it: what a clinician enters from afar can hold a
    dose back, never let it pass. `is_corrected` says that there is a newer version of it; for the limits
    both count.
    """

    observed_at: datetime
    systolic_mmhg: int | None = None
    diastolic_mmhg: int | None = None
    heart_rate_bpm: int | None = None
    taken_there: bool = True
    id: UUID | None = None
    is_corrected: bool = False


@dataclass(frozen=True, slots=True)
class Readings:
    """What was measured in a session, oldest first, and in the patient's others; null is not known.

    `elsewhere` is what may still be a day's crisis. Older than `fresh_from` counts for the crisis alone.
    """

    here: Sequence[Reading] | None
    elsewhere: Sequence[Reading] | None
    at: datetime
    fresh_from: datetime

    @property
    def of_the_day(self) -> list[Reading]:
        """Return what may be a day's crisis, as far as it is known."""
        known = (*(self.here or ()), *(self.elsewhere or ()))
        return [one for one in known if one.observed_at >= self.at - CRISIS_LASTS]

    @property
    def fresh(self) -> list[Reading]:
        """Return what counts for the limits, as far as it is known."""
        return [one for one in self.here or () if one.observed_at >= self.fresh_from]


@dataclass(frozen=True, slots=True)
class Override:
    """That a clinician let a session's limits of blood pressure go for two readings, by whom and why.

    `first` was above a limit; `second` was measured after it.
    """

    id: UUID
    first: UUID
    second: UUID
    by: str
    reason: str
    given_at: datetime


def is_crisis(systolic_mmhg: float, diastolic_mmhg: float, policy: SessionPolicy) -> bool:
    """Tell whether a blood pressure is an emergency by the policy."""
    crisis = policy.readings.crisis_from
    return systolic_mmhg >= crisis.systolic_mmhg or diastolic_mmhg >= crisis.diastolic_mmhg


@dataclass(frozen=True, slots=True)
class Measured:
    """What a device showed at one moment, in the units of the names; null is what it did not show."""

    systolic_mmhg: float | None = None
    diastolic_mmhg: float | None = None
    heart_rate_bpm: float | None = None
    oxygen_saturation_pct: float | None = None


def is_emergency(measured: Measured, policy: SessionPolicy) -> bool:
    """Tell whether one of the numbers calls for a clinician at once, by the policy."""
    crisis = policy.readings.crisis_from
    pairs = (
        (measured.systolic_mmhg, crisis.systolic_mmhg),
        (measured.diastolic_mmhg, crisis.diastolic_mmhg),
        (measured.heart_rate_bpm, crisis.heart_rate_bpm),
    )
    too_high = any(found is not None and limit is not None and found >= limit for found, limit in pairs)
    oxygen, least = measured.oxygen_saturation_pct, crisis.oxygen_saturation_pct
    return too_high or (oxygen is not None and least is not None and oxygen <= least)


def has_crisis(readings: Sequence[Reading], policy: SessionPolicy) -> bool:
    """Tell whether one of the readings is a blood pressure at crisis level."""
    return any(is_crisis(one.systolic_mmhg, one.diastolic_mmhg, policy) for one in _pressures(readings))


def level_faults(
    measured: Readings, policy: SessionPolicy, *, overrides: Sequence[Override]
) -> Iterator[Reason]:
    """Give what is too high: the last fresh readings against the hold limits, the day's against the crisis.

    A normal reading does not make up for one at crisis level before it, nor does another session: what was
    measured elsewhere counts too, and not to know the one or the other refuses. An override that holds takes
    its own two readings' blood pressures out of the limits, and nothing else.
    Source: clinical policy in force (label: above 140/90 counts as raised; crisis 180/120, example).
    """
    held, count = policy.readings.hold_above, policy.readings.required
    if measured.here is None or measured.elsewhere is None:
        yield UNKNOWN
    if has_crisis(measured.of_the_day, policy):
        yield CRISIS
    overridden = _overridden(measured, policy, overrides)
    last = [one for one in _last(_pressures(measured.fresh), count) if one.id not in overridden]
    if any(one.systolic_mmhg > held.systolic_mmhg for one in last):
        yield Reason("systolic_too_high", f"The upper number must be {held.systolic_mmhg} or less.")
    if any(one.diastolic_mmhg > held.diastolic_mmhg for one in last):
        yield Reason("diastolic_too_high", f"The lower number must be {held.diastolic_mmhg} or less.")
    if held.heart_rate_bpm is not None and any(
        one.heart_rate_bpm > held.heart_rate_bpm for one in _last(_rates(measured.fresh), count)
    ):
        yield Reason("heart_rate_too_high", f"The heart rate must be {held.heart_rate_bpm} or less.")


def override_faults(
    first: UUID, second: UUID, *, measured: Readings, policy: SessionPolicy
) -> Iterator[Reason]:
    """Give why the limits cannot be overridden for two readings; asked again whenever the limits are.

    Both are fresh, of this session and taken there, and nobody has corrected them; the first is above a limit
    and the second was measured after it. Never beside a crisis of the day, nor where one is not ruled out.
    Proposed after the esketamine label, which weighs risk against benefit above 140/90 mmHg (unverified); no
    source was found for a heart rate above its limit, so that one has no override.
    """
    if measured.here is None or measured.elsewhere is None:
        yield UNKNOWN
    if has_crisis(measured.of_the_day, policy):
        yield CRISIS
    whole = {one.id: one for one in _pressures(measured.here or ()) if one.taken_there}
    named = [whole.get(first), whole.get(second)]
    pair = [one for one in named if one is not None and not one.is_corrected]
    if len(pair) < len(named):
        detail = "Name two blood pressures that were measured there in this session, and are not corrected."
        yield Reason("not_a_reading", detail)
        return
    if not all(measured.fresh_from <= one.observed_at <= measured.at + CLOCK_SKEW for one in pair):
        yield Reason("readings_too_old", f"Measure again. {policy.readings.instruction}")
    if not _is_above(pair[0], policy):
        yield Reason("within_limits", "The first of them is within the limits: there is nothing to override.")
    if pair[1].observed_at - pair[0].observed_at < APART:
        yield Reason("no_second_reading", f"Have it measured a second time. {policy.readings.instruction}")


def other_fault(first: UUID, second: UUID, *, measured: Readings, policy: SessionPolicy) -> Iterator[Reason]:
    """Give the one reason for which nobody signs what would not help: since the first, another is above."""
    pressures = _pressures(measured.here or ())
    since = [one.observed_at for one in pressures if one.id == first]
    others = [one for one in pressures if one.id not in (first, second) and _is_above(one, policy)]
    if any(one.observed_at > moment for one in others for moment in since):
        detail = "Since the first of them another one was above the limits. Look at the last two."
        yield Reason("other_reading_too_high", detail)


def relied_on(
    measured: Readings, policy: SessionPolicy, *, overrides: Sequence[Override]
) -> tuple[Override, ...]:
    """Return the overrides without which the blood pressure would hold the dose back."""
    last = _last(_pressures(measured.fresh), policy.readings.required)
    held = {one.id for one in last if _is_above(one, policy)}
    return tuple(
        one for one in overrides if held & {one.first, one.second} and _overridden(measured, policy, [one])
    )


def _overridden(measured: Readings, policy: SessionPolicy, overrides: Sequence[Override]) -> set[UUID | None]:
    """Return the readings that overrides take out of the limits; one that holds no more takes none."""
    holding = (
        one
        for one in overrides
        if not any(override_faults(one.first, one.second, measured=measured, policy=policy))
    )
    return {reading for one in holding for reading in (one.first, one.second)}


def _is_above(pressure: "_Pressure", policy: SessionPolicy) -> bool:
    held = policy.readings.hold_above
    return pressure.systolic_mmhg > held.systolic_mmhg or pressure.diastolic_mmhg > held.diastolic_mmhg


def enough_faults(readings: Sequence[Reading], policy: SessionPolicy, *, at: datetime) -> Iterator[Reason]:
    """Give what was not measured, or not lately."""
    rule, pressures = policy.readings, _moments(_pressures(readings))
    rates = [one for one in _rates(readings) if one.taken_there]
    if len(pressures) < rule.required:
        yield Reason("too_few_readings", f"{rule.required} readings are needed. {rule.instruction}")
    elif not all(is_fresh(moment, at, rule.max_age) for moment in pressures[: rule.required]):
        yield Reason("readings_too_old", f"Measure again. {rule.instruction}")
    if not rates:
        yield Reason("heart_rate_missing", "Measure the heart rate.")
    elif not is_fresh(rates[-1].observed_at, at, rule.max_age):
        yield Reason("heart_rate_too_old", "Measure the heart rate again.")


@dataclass(frozen=True, slots=True)
class _Pressure:
    observed_at: datetime
    taken_there: bool
    systolic_mmhg: int
    diastolic_mmhg: int
    id: UUID | None
    is_corrected: bool


@dataclass(frozen=True, slots=True)
class _Rate:
    observed_at: datetime
    taken_there: bool
    heart_rate_bpm: int


_Taken = TypeVar("_Taken", _Pressure, _Rate)


def _pressures(readings: Sequence[Reading]) -> list[_Pressure]:
    """Return the readings with both numbers: half a blood pressure is none."""
    return [
        _Pressure(
            one.observed_at,
            one.taken_there,
            one.systolic_mmhg,
            one.diastolic_mmhg,
            one.id,
            one.is_corrected,
        )
        for one in readings
        if one.systolic_mmhg is not None and one.diastolic_mmhg is not None
    ]


def _rates(readings: Sequence[Reading]) -> list[_Rate]:
    return [
        _Rate(one.observed_at, one.taken_there, one.heart_rate_bpm)
        for one in readings
        if one.heart_rate_bpm is not None
    ]


def _moments(taken: Sequence[_Taken]) -> list[datetime]:
    """Return when somebody there measured, newest first: what is entered at once is one measurement."""
    moments: list[datetime] = []
    for one in reversed(taken):
        if one.taken_there and (not moments or moments[-1] - one.observed_at >= APART):
            moments.append(one.observed_at)
    return moments


def _last(taken: Sequence[_Taken], count: int) -> list[_Taken]:
    """Return the last `count` measurements with everything in between, and all of them if there are fewer.

    What belongs to the first of them counts whole: a high number is not undone by measuring again at once.
    """
    moments = _moments(taken)
    return [one for one in taken if len(moments) < count or moments[count - 1] - one.observed_at < APART]
