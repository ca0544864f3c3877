"""Means with intervals: every reported figure has its n and its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the standard normal distribution."""


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval of shares in 0..1 by Wilson's score (Wilson 1927), which stays inside 0..1.

    Raises:
        ValueError: No values.
    """
    if not values:
        raise ValueError("no values: a mean of nothing is not a number")
    n, mean = len(values), math.fsum(values) / len(values)
    center = (mean + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(mean * (1 - mean) / n + Z95**2 / (4 * n * n))
    return mean, max(center - half, 0.0), min(center + half, 1.0)


def paired_interval(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Mean of the first minus the second, with the 95 % interval of a mean of paired differences.

    Normal theory: mean -+ z s / sqrt(n), s the standard deviation of the differences.

    Raises:
        ValueError: Fewer than two pairs.
    """
    if len(pairs) < 2:
        raise ValueError("fewer than two pairs: their spread cannot be estimated")
    differences = [first - second for first, second in pairs]
    n, mean = len(differences), math.fsum(differences) / len(differences)
    variance = math.fsum((value - mean) ** 2 for value in differences) / (n - 1)
    half = Z95 * math.sqrt(variance / n)
    return mean, mean - half, mean + half
