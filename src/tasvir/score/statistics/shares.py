"""Means with intervals: every reported figure has its n and its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of two means.

    Args:
        value: First over second; None where the second is 0.
        interval: 95 %, or None where resamples leave no such interval.
        reason: Why something is None, else empty.
    """

    value: float | None
    interval: tuple[float, float] | None
    reason: str = ""


def paired_ratio(pairs: Sequence[tuple[float, float]], *, seed: int = 0, resamples: int = 2000) -> Ratio:
    """Mean of the first over mean of the second, with the 95 % percentile interval of a paired bootstrap.

    Whole pairs are drawn again with replacement (Efron and Tibshirani 1993, chapter 13); a resample whose
    second mean is 0 counts as infinite.

    Raises:
        ValueError: No pairs.
    """
    if not pairs:
        raise ValueError("no pairs: a ratio of nothing is not a number")
    values = np.asarray(pairs, dtype=np.float64)
    first, second = values.sum(axis=0)
    if second == 0:
        return Ratio(None, None, "the mean to divide by is 0")
    chosen = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    above, below = (values[chosen, column].sum(axis=1) for column in (0, 1))
    ratios = np.divide(above, below, out=np.full(resamples, np.inf), where=below != 0)
    low, high = np.quantile(ratios, (0.025, 0.975), method="inverted_cdf")
    if not np.isfinite(high):
        zeros = int((below == 0).sum())
        return Ratio(
            float(first / second), None, f"{zeros} of {resamples} resamples have a mean of 0 to divide by"
        )
    return Ratio(float(first / second), (float(low), float(high)))


def cohens_kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """Agreement of two raters beyond chance (Cohen 1960), at most 1, 0 by chance.

    None where chance alone agrees always: both gave every item the same answer.

    Raises:
        ValueError: No pairs.
    """
    if not pairs:
        raise ValueError("no pairs: nobody agreed on anything")
    n = len(pairs)
    agreed = sum(one == other for one, other in pairs) / n
    yes, other_yes = (sum(pair[rater] for pair in pairs) / n for rater in (0, 1))
    chance = yes * other_yes + (1 - yes) * (1 - other_yes)
    return None if chance == 1 else (agreed - chance) / (1 - chance)
