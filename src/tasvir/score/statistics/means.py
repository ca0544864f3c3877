"""Means over prompts with 95 % intervals.

Shares of yes and no: Wilson's score, widened where pictures of one prompt resemble each other. Other values:
BCa bootstrap over prompts (Efron 1987), its quantiles moved outwards by as much as Student's t is wider than
the normal at this n (Hesterberg 2015): `benchmarks/interval_coverage.py` measures it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from tasvir.score.statistics.figure import Figure
from tasvir.score.statistics.resampling import DRAWS, LEAST_PROMPTS, Values, resampled_counts

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the standard normal distribution."""
_NORMAL = NormalDist()


def around(value: float, error: float, width: float = Z95) -> tuple[float, float]:
    """value -+ width * error."""
    return value - width * error, value + width * error


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval of shares in 0..1 by Wilson's score (Wilson 1927), which stays inside 0..1.

    Raises:
        ValueError: No values.
    """
    if not values:
        raise ValueError("no values: a mean of nothing is not a number")
    mean = math.fsum(values) / len(values)
    low, high = _wilson(mean, len(values))
    return mean, low, high


def share_interval(shares: Values, counts: Values) -> Figure:
    """Mean over prompts of shares of yes, each prompt with one or more yes-or-no pictures.

    Wilson's interval at the effective number of pictures p (1 - p) / var(mean), at least the number of
    prompts and at most that of pictures (Dean and Pagano 2015); with one picture each it is `mean_interval`.

    Args:
        shares: n prompts' shares, 0 to 1.
        counts: n prompts' numbers of pictures.
    """
    n = len(shares)
    if n == 0:
        return Figure(None, None, "no values")
    mean, total = float(shares.mean()), float(counts.sum())
    error = float(shares.var(ddof=1)) / n if n > 1 else 0.0
    effective = mean * (1 - mean) / error if error > 0 else n
    return Figure(mean, _wilson(mean, min(max(effective, n), total)))


def prompt_means(columns: Values, *, draws: int = DRAWS, seed: int = 0) -> list[Figure]:
    """Means of k columns over n prompts, each with a 95 % interval by BCa bootstrap over prompts.

    Args:
        columns: n x k; NaN where a column has no value for a prompt.
        draws: Resamples.
        seed: What they come from; columns share them.

    Returns:
        k figures. No interval for fewer than 5 values or values that are all equal: the reason says so.
    """
    figures: list[Figure] = [Figure(None, None, "no values")] * columns.shape[1]
    known = ~np.isnan(columns)
    for pattern in np.unique(known, axis=1).T:
        members = np.flatnonzero((known == pattern[:, None]).all(axis=0))
        values = columns[np.ix_(pattern, members)]
        if len(values):
            for index, figure in zip(members, _bca(values, draws, seed), strict=True):
                figures[index] = figure
    return figures


def _bca(values: Values, draws: int, seed: int) -> list[Figure]:
    n = len(values)
    means = values.mean(axis=0)
    if n < LEAST_PROMPTS:
        reason = f"{n} prompt{'s' if n > 1 else ''}: an interval takes at least {LEAST_PROMPTS}"
        return [Figure(float(mean), None, reason) for mean in means]
    resampled = np.concatenate(
        [counts @ values / n for counts in resampled_counts(n, draws=draws, seed=seed)]
    )
    return [
        _bca_figure(values[:, index], float(mean), resampled[:, index]) for index, mean in enumerate(means)
    ]


def _bca_figure(values: Values, mean: float, resampled: Values) -> Figure:
    """Efron 1987, equations 2.3 and 6.6: bias from the resamples, acceleration from the skewness."""
    n, deviations = len(values), values - mean
    squares = float((deviations**2).sum())
    if all_equal(values):
        return Figure(mean, None, f"all {n} prompts have the same value")
    acceleration = float((deviations**3).sum()) / (6 * squares**1.5)
    near = np.isclose(resampled, mean, rtol=1e-12, atol=1e-12 * math.sqrt(squares))
    below = float(((resampled < mean) & ~near).mean() + near.mean() / 2)
    bias = _NORMAL.inv_cdf(min(max(below, 1 / len(resampled)), 1 - 1 / len(resampled)))
    reach = student95(n - 1) * math.sqrt(n / (n - 1))
    levels = [
        _NORMAL.cdf(bias + (bias + z) / max(1 - acceleration * (bias + z), 1e-9)) for z in (-reach, reach)
    ]
    low, high = np.quantile(resampled, levels)
    return Figure(mean, (float(low), float(high)))


def all_equal(values: Values) -> bool:
    """True where values differ by no more than rounding."""
    return float(np.ptp(values)) <= 1e-12 * float(np.abs(values).max())


def student95(freedom: int) -> float:
    """Two-sided 95 % quantile of Student's t, to 0.01 from 4 degrees on (Fisher and Cornish 1960)."""
    z, v = Z95, freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
    )


def _wilson(mean: float, n: float) -> tuple[float, float]:
    center = (mean + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(mean * (1 - mean) / n + Z95**2 / (4 * n * n))
    return max(center - half, 0.0), min(center + half, 1.0)
