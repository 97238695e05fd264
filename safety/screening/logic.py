"""Kleene's three-valued logic, and conditions evaluated in it."""

from collections.abc import Callable, Iterable
from enum import StrEnum

from safety.screening.policy import AllOf, AnyOf, Condition, Leaf, Not


class Truth(StrEnum):
    """Kleene's three values."""

    TRUE = "true"
    """It holds."""
    FALSE = "false"
    """It does not hold."""
    UNKNOWN = "unknown"
    """What is known doesn't say."""


def all_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's and: one false decides, else one unknown leaves it open."""
    found = set(truths)
    if Truth.FALSE in found:
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.TRUE


def any_of(truths: Iterable[Truth]) -> Truth:
    """Kleene's or: one true decides, else one unknown leaves it open."""
    found = set(truths)
    if Truth.TRUE in found:
        return Truth.TRUE
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.FALSE


def negate(truth: Truth) -> Truth:
    """Kleene's not: unknown stays unknown."""
    if truth is Truth.UNKNOWN:
        return truth
    return Truth.FALSE if truth is Truth.TRUE else Truth.TRUE


def truth_of(holds: bool | None) -> Truth:
    """Return the truth of something that holds, doesn't, or of which nobody knows."""
    if holds is None:
        return Truth.UNKNOWN
    return Truth.TRUE if holds else Truth.FALSE


def evaluate(condition: Condition, found: Callable[[Leaf], Truth]) -> Truth:
    """Return whether the condition holds, given whether each leaf does."""
    match condition:
        case AllOf(parts):
            return all_of(evaluate(part, found) for part in parts)
        case AnyOf(parts):
            return any_of(evaluate(part, found) for part in parts)
        case Not(part):
            return negate(evaluate(part, found))
        case _:
            return found(condition)
