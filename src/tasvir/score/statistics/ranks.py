"""Ranks: of values with ties, and of models among each other with how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasvir.score.statistics.resampling import DRAWS, LEVEL, Indices, Values, resampled_counts


def average_ranks(values: Sequence[float] | Values) -> Values:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, group, counts = np.unique(
        np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True
    )
    last = np.cumsum(counts)
    means: Values = (last - (counts - 1) / 2)[group]
    return means


def places(columns: Values, *, draws: int = DRAWS, seed: int = 0) -> tuple[Indices, Values, Indices]:
    """Places of k models by their means over the same n prompts: 1 is the greatest mean, ties share it.

    Args:
        columns: n x k, no NaN.
        draws: Resamples of the prompts.
        seed: What they come from.

    Returns:
        Places (k); share of resamples in which each is first, ties sharing (k, adds up to 1); places at the
        2.5 % best and worst resamples (2 x k).
    """
    firsts, drawn = np.zeros(columns.shape[1]), []
    for counts in resampled_counts(len(columns), draws=draws, seed=seed):
        there = _places(counts @ columns)
        leading = there == 1
        firsts += (leading / leading.sum(axis=1, keepdims=True)).sum(axis=0)
        drawn.append(there)
    span = np.quantile(np.concatenate(drawn), LEVEL, axis=0, method="inverted_cdf").astype(np.int64)
    own: Indices = _places(columns.sum(axis=0)[None])[0]
    return own, firsts / draws, span


def _places(sums: Values) -> Indices:
    """Of each row: one more than how many are greater, by more than rounding."""
    tolerance = 1e-12 * np.abs(sums).max(axis=1)[:, None, None]
    greater = sums[:, None, :] > sums[:, :, None] + tolerance
    found: Indices = greater.sum(axis=2) + 1
    return found
