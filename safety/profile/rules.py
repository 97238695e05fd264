"""What a health profile can say, and what is wrong with a statement that it can't."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.errors import InputError
from safety.enums import ProfileSection as Section
from safety.enums import ProfileState as State
from safety.screening.clinical import VITAL_BOUNDS
from safety.screening.health import VITAL_UNITS, CodeSystem, Vital

LISTS = (Section.CONDITION, Section.MEDICATION, Section.ALLERGY)
STATES: Mapping[Section, tuple[State, ...]] = {
    Section.CONDITION: (State.ACTIVE, State.REMISSION, State.RESOLVED, State.UNKNOWN, State.NONE),
    Section.MEDICATION: (State.TAKEN, State.STOPPED, State.UNKNOWN, State.NONE),
    Section.ALLERGY: (State.ACTIVE, State.RESOLVED, State.UNKNOWN, State.NONE),
    Section.PREGNANCY: (
        State.PREGNANT,
        State.POSSIBLE,
        State.NOT_PREGNANT,
        State.NOT_APPLICABLE,
        State.UNKNOWN,
    ),
    Section.LACTATION: (State.LACTATING, State.NOT_LACTATING, State.NOT_APPLICABLE, State.UNKNOWN),
    Section.VITAL: (State.MEASURED,),
}
"""What can be said in each section; anything can be withdrawn besides."""
_WEIGHT = {State.PREGNANT: 2, State.LACTATING: 2, State.POSSIBLE: 1}
_ANSWERED = (Section.PREGNANCY, Section.LACTATION)
AHEAD = timedelta(minutes=2)
"""How far ahead of ours the clock of somebody's phone may be."""


@dataclass(frozen=True)
class Measurement:
    """One measurement: of what, how much of which unit (by UCUM), and when."""

    vital: Vital
    value: float
    unit: str
    measured_at: datetime


@dataclass(frozen=True)
class Statement:
    """One thing said about somebody's health."""

    section: Section
    state: State
    text: str = ""
    codings: tuple[tuple[CodeSystem, str], ...] = ()
    measurement: Measurement | None = None
    external_id: str = field(default="", compare=False)


def weighs_less(after: State, before: State) -> bool:
    """Tell whether a word on pregnancy or lactation leaves less to heed than the one before it."""
    return _WEIGHT.get(after, 0) < _WEIGHT.get(before, 0)


def is_to_heed(said: Statement) -> bool:
    """Tell whether a statement says that something is there; that nothing is, is said of one chart alone."""
    return said.state in _WEIGHT or (said.section not in _ANSWERED and said.state != State.NONE)


def statement_faults(said: Statement, *, at: datetime) -> list[InputError]:
    """Return everything that keeps a statement from being one, with JSON pointers."""
    return [*_state_faults(said), *_text_faults(said), *_measurement_faults(said, at=at)]


def _state_faults(said: Statement) -> Iterable[InputError]:
    if said.state not in (*STATES[said.section], State.WITHDRAWN):
        known = ", ".join(STATES[said.section])
        yield InputError("/state", "unknown_state", f"Here that is one of: {known}.")


def _text_faults(said: Statement) -> Iterable[InputError]:
    needs_text = said.section in LISTS and said.state != State.NONE
    if needs_text and not said.text.strip():
        yield InputError("/text", "required", "Say what it is.")
    if said.text and not needs_text:
        yield InputError("/text", "not_here", "There is nothing to name here.")
    if said.codings and not needs_text:
        yield InputError("/codings", "not_here", "There is nothing to code here.")


def _measurement_faults(said: Statement, *, at: datetime) -> Iterable[InputError]:
    found = said.measurement
    if (said.section == Section.VITAL) != (found is not None):
        detail = "A measurement has vital, value, unit and measured_at; nothing else has."
        yield InputError("/measurement", "not_here" if found else "required", detail)
        return
    if found is None:
        return
    factor = VITAL_UNITS[found.vital].get(found.unit)
    if factor is None:
        units = ", ".join(VITAL_UNITS[found.vital])
        yield InputError("/measurement/unit", "unknown_unit", f"It is measured in: {units}.")
    else:
        if not VITAL_BOUNDS[found.vital].hold(found.value * factor):
            yield InputError("/measurement/value", "implausible", "Look for a typing slip.")
    if found.measured_at > at + AHEAD:
        yield InputError("/measurement/measured_at", "in_the_future", "Give a time that has been.")
