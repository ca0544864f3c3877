"""Spearman's rank correlation with a bootstrap interval; numpy alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def ranks(values: Sequence[float] | Values) -> Values:
    """Ranks from 1; equal values share the mean of their ranks."""
    array = np.asarray(values, dtype=np.float64)
    _, group, counts = np.unique(array, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Values = (last - (counts - 1) / 2)[group]
    return means


def spearman(first: Sequence[float] | Values, second: Sequence[float] | Values) -> float | None:
    """Spearman's rho (Spearman 1904): Pearson's correlation of the ranks, right also with ties.

    Returns:
        -1 to 1, or None where it has no value: one side does not vary.

    Raises:
        ValueError: Different lengths.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} values against {len(second)}: give pairs")
    x, y = ranks(first), ranks(second)
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 0 else None


def bootstrap_interval(
    first: Sequence[float], second: Sequence[float], *, seed: int, resamples: int = 2000
) -> tuple[float, float] | None:
    """95 % percentile interval of rho over resampled pairs (Efron 1979).

    Returns:
        Lower and upper end, or None where rho had no value in some resample.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(resamples):
        chosen = rng.integers(0, len(x), len(x))
        rho = spearman(x[chosen], y[chosen])
        if rho is None:
            return None
        found.append(rho)
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)
