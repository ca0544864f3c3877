"""Student's t: its tail by the incomplete beta function, and the tests of two means that use it.

P(|T| > t) = I_x(v / 2, 1 / 2) with x = v / (v + t^2), v degrees of freedom; the regularised incomplete
beta by Lentz's continued fraction (Abramowitz and Stegun 1964, 26.5.27 and 26.5.8).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from tasvir.score.statistics.means import all_equal
from tasvir.score.statistics.resampling import Values

LEVEL = 0.05
"""Of the two-sided 95 % interval."""
_TINY = 1e-300
_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Tested:
    """A difference of means, its t-test and 95 % interval.

    Args:
        difference: Of the means.
        interval: 95 %, None where it cannot be told.
        p: Two-sided, None where it cannot be told.
        reason: Why not.
    """

    difference: float
    interval: tuple[float, float] | None
    p: float | None
    reason: str = ""


def student_tail(t: float, freedom: float) -> float:
    """Two-sided p of Student's t at so many degrees of freedom > 0."""
    if math.isinf(t):
        return 0.0
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


@cache
def student_quantile(freedom: float, level: float = LEVEL) -> float:
    """The t whose two-sided p is ``level``, by bisection to 1e-12 of it."""
    low, high = 0.0, 1.0
    while student_tail(high, freedom) > level:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if student_tail(middle, freedom) > level else (low, middle)
    return (low + high) / 2


def paired_t(differences: Sequence[float] | Values) -> Tested:
    """The t-test of paired differences and the interval of their mean (Student 1908).

    All differences 0 give p 1. One difference, or differences other than 0 that are all equal, give no p.

    Raises:
        ValueError: No differences, or one that is not finite.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not len(values) or not np.isfinite(values).all():
        raise ValueError("no differences, or one that is not finite: they have no mean")
    n, mean = len(values), math.fsum(values) / len(values)
    if n == 1:
        return Tested(mean, None, None, "one pair: its spread cannot be estimated")
    if not values.any():
        return Tested(0.0, (0.0, 0.0), 1.0)
    if all_equal(values):
        return Tested(mean, None, None, f"all {n} differences are equal: they have no spread")
    return _tested(mean, float(values.std(ddof=1)) / math.sqrt(n), n - 1)


def two_sample_t(
    first: tuple[float, float, int], second: tuple[float, float, int], *, equal_spread: bool = True
) -> Tested:
    """The t-test of two independent samples: first minus second.

    Args:
        first: Mean, standard deviation (n - 1) and n of a sample.
        second: The same of the other.
        equal_spread: Student's, with one spread for both; else Welch's (1947).
    """
    (mean, spread, n), (other, other_spread, m) = first, second
    if n < 2 or m < 2:
        return Tested(mean - other, None, None, "a sample of one: its spread cannot be estimated")
    if spread == other_spread == 0:
        p = 1.0 if mean == other else None
        return Tested(mean - other, None, p, "neither sample has any spread")
    own, its = spread**2 / n, other_spread**2 / m
    if not equal_spread:
        freedom = (own + its) ** 2 / (own**2 / (n - 1) + its**2 / (m - 1))
        return _tested(mean - other, math.sqrt(own + its), freedom)
    pooled = ((n - 1) * spread**2 + (m - 1) * other_spread**2) / (n + m - 2)
    return _tested(mean - other, math.sqrt(pooled * (1 / n + 1 / m)), n + m - 2)


def _tested(difference: float, error: float, freedom: float) -> Tested:
    difference, half = float(difference), float(student_quantile(freedom) * error)
    interval = (difference - half, difference + half)
    return Tested(difference, interval, float(student_tail(difference / error, freedom)))


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) for 0 <= x <= 1."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / _away(1 + term * d), _away(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            return value
    raise ArithmeticError(f"incomplete beta of {a}, {b} at {x} does not converge: a mistake of ours")


def _away(number: float) -> float:
    """Not 0."""
    return number if abs(number) > _TINY else _TINY
