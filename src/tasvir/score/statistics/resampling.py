"""Drawing prompts again with replacement (Efron 1979): how often each prompt comes up in each resample.

Only these counts are drawn. A mean, a tau or an alpha of a resample is then arithmetic on the counts, so that
ten thousand resamples are a few products of matrices, and figures made of the same prompts share their draws.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Indices = NDArray[np.int64]

DRAWS = 10_000
LEVEL = (0.025, 0.975)
LEAST_PROMPTS = 5
"""Of fewer prompts no bootstrap interval is given: there are too few different resamples."""
_CHUNK = 100_000
"""Numbers held at once."""


def resampled_counts(n: int, *, draws: int, seed: int, width: int = 1) -> Iterator[Values]:
    """How often each of n units comes up in each resample, in chunks of rows that add up to ``draws``.

    Args:
        n: Units.
        draws: Resamples.
        seed: What they come from; equal n, draws, seed and width give equal chunks.
        width: Numbers that the caller makes of one count: keeps its arrays small.
    """
    rng = np.random.default_rng(seed)
    size = max(1, _CHUNK // max(n * width, 1))
    for start in range(0, draws, size):
        rows = min(size, draws - start)
        chosen = rng.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
        yield np.bincount(chosen.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def percentile_interval(found: Values) -> tuple[float, float] | None:
    """Middle 95 % of what resamples gave, or None where more than 2.5 % of them gave no number."""
    known = found[np.isfinite(found)]
    if len(known) < (1 - LEVEL[0]) * len(found) or not len(known):
        return None
    low, high = np.quantile(known, LEVEL)
    return float(low), float(high)
