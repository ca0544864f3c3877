"""The mean of one against the mean of another: ratios with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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
