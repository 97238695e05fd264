"""How often something happened, and between which bounds that may lie."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, fsum, inf, lgamma, log

CONFIDENCE = 0.95
BAND_MG = 100
"""How wide a band of doses is; doses of different routes are never compared."""


@dataclass(frozen=True)
class Interval:
    """An exact interval, ends included."""

    low: float
    high: float


def poisson_interval(count: int, *, exposure: int) -> Interval:
    """Return the exact (Garwood) 95 % interval of a rate: `count` events in `exposure` units.

    Garwood, Biometrika 1936;28:437-442. Without exposure anything is possible.
    """
    if not exposure:
        return Interval(0.0, inf)
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if not count else _solve(lambda mean: 1 - _at_most(count - 1, mean) < tail, above=count)
    high = _solve(lambda mean: _at_most(count, mean) > tail, above=2 * count + 10)
    return Interval(low / exposure, high / exposure)


def _at_most(count: int, mean: float) -> float:
    """Return the chance of `count` events or fewer where `mean` are to be expected."""
    if not mean:
        return 1.0
    return fsum(exp(number * log(mean) - mean - lgamma(number + 1)) for number in range(count + 1))


def _solve(too_low: Callable[[float], bool], *, above: float) -> float:
    """Return the mean from which `too_low` no longer holds, found by halving between 0 and `above`."""
    low, high = 0.0, float(above)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if too_low(middle) else (low, middle)
    return high


def band(dose_mg: float) -> str:
    """Return the band of a dose: "201-300 mg" holds 201 up to and with 300."""
    top = -int(-dose_mg // BAND_MG) * BAND_MG
    return f"{top - BAND_MG + 1}-{top} mg"
