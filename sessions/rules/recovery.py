"""Whether a session may end: watched to the end of its time, and the person as they were before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from core.errors import Reason
from sessions.enums import Alertness
from sessions.policy import RecoveryPolicy, SessionPolicy
from sessions.rules.readings import Reading

UNSETTLED = Reason("dose_unsettled", "If it was not taken after all, say so first: then this can end.")


@dataclass(frozen=True, slots=True)
class Seen:
    """How awake somebody was found, by who watched them or a clinician, and when."""

    alertness: Alertness
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class EndFacts:
    """What the end of a session depends on; null means not known.

    `dosed_by` is the latest moment at which a dose can have been taken, null where none can; `is_unsettled`,
    whether all that is known of one is that it was refused as it was told of. `seen` and `readings` are the
    session's, corrected ones too, `before` the readings up to the start, as corrected. `overruled` is whether
    a clinician ends it and says why.
    """

    at: datetime
    started_at: datetime
    dosed_by: datetime | None
    is_unsettled: bool
    seen: tuple[Seen, ...]
    before: tuple[Reading, ...]
    readings: tuple[Reading, ...]
    overruled: bool


def end_faults(facts: EndFacts, policy: SessionPolicy) -> list[Reason]:
    """Return what keeps a session from ending: once dosed, its time, then what was seen of the person.

    Nothing shortens the time, neither a hold nor leaving the program nor a clinician. Source of both: the
    esketamine label, at least two hours and until safe to leave; how safe is seen is the policy's.
    """
    if facts.dosed_by is None:
        return []
    if facts.at < facts.dosed_by + policy.watched_after_dose:
        minutes = int(policy.watched_after_dose.total_seconds() // 60)
        stays = Reason("still_watched", f"Somebody stays for {minutes} minutes after the dose.")
        return [stays, UNSETTLED] if facts.is_unsettled else [stays]
    if policy.recovery is None or facts.overruled:
        return []
    return [*_alertness_faults(facts, policy.recovery), *_pressure_faults(facts, policy.recovery)]


def _alertness_faults(facts: EndFacts, asked: RecoveryPolicy) -> Iterator[Reason]:
    last = max((one.seen_at for one in facts.seen), default=None)
    if last is None or last < facts.at - asked.checked_within:
        yield Reason("alertness_not_seen", "Who is with them says how awake they are now, then ends it.")
    # A correction is of the same moment: of that one all have to say so.
    elif any(one.alertness != Alertness.TALKS_NORMALLY for one in facts.seen if one.seen_at == last):
        yield Reason("not_awake_yet", "They do not talk normally yet. Stay, look again later, or call us.")


def _pressure_faults(facts: EndFacts, asked: RecoveryPolicy) -> Iterator[Reason]:
    before = _newest(iter(facts.before))
    since = max(facts.at - asked.checked_within, facts.started_at)
    now = _newest(one for one in facts.readings if one.observed_at > since)
    if not before or not now:
        yield Reason("pressure_not_measured", "Measure the blood pressure once more, or call us.")
        return
    systolic = max(one[0] for one in now) - min(one[0] for one in before)
    diastolic = max(one[1] for one in now) - min(one[1] for one in before)
    if systolic > asked.systolic_rise_mmhg or diastolic > asked.diastolic_rise_mmhg:
        yield Reason("pressure_not_back", "It is not back to what it was. Rest, measure again, or call us.")


def _newest(readings: Iterator[Reading]) -> list[tuple[int, int]]:
    """Return the newest blood pressure, in every version that was entered of it."""
    found = [
        (one.observed_at, (one.systolic_mmhg, one.diastolic_mmhg))
        for one in readings
        if one.systolic_mmhg is not None and one.diastolic_mmhg is not None
    ]
    last = max((moment for moment, _ in found), default=None)
    return [pressure for moment, pressure in found if moment == last]
