"""Two models on the same prompts: is the mean difference more than chance, how large, what could be missed.

The test flips the signs of the prompts' differences (Fisher 1935): if neither model were better, each
difference could as well have had the other sign. Several tests at once are held to 5 % by Holm (1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tasvir.score.statistics.means import Z95, all_equal
from tasvir.score.statistics.resampling import DRAWS, Values

MAX_EXACT = 16
"""Up to so many differences other than 0, all their signs are gone through: 2 ** 16 sums."""
POWER80 = 2.8
"""Z of 97.5 % plus Z of 80 %, 1.960 + 0.842: from standard errors to what is found four times out of five."""
_CHUNK = 100_000


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


def sign_flip(columns: Values, *, draws: int = DRAWS, seed: int = 0) -> list[float | None]:
    """Two-sided p of each column's mean difference being 0, by flipping signs.

    Exact where at most 16 differences are other than 0; else (b + 1) / (draws + 1) with b of the drawn sums
    at least as far from 0 as the true one (Phipson and Smyth 2010). Differences of 0 stay 0 under any sign.

    Args:
        columns: n prompts x k differences; NaN where a column lacks the prompt.
        draws: Random flips where it is not exact.
        seed: What they come from; columns share them.

    Returns:
        k values of p; None for a column without any value, 1 where all differences are 0.
    """
    values = np.where(np.isnan(columns), 0.0, columns)
    found: list[float | None] = [None] * values.shape[1]
    many = []
    for index, column in enumerate(values.T):
        nonzero = column[column != 0]
        if len(nonzero) > MAX_EXACT:
            many.append(index)
        elif not np.isnan(columns[:, index]).all():
            found[index] = _exact(nonzero)
    for index, p in zip(many, _drawn(values[:, many], draws, seed), strict=True):
        found[index] = float(p)
    return found


def _exact(nonzero: Values) -> float:
    if not len(nonzero):
        return 1.0
    sums = np.zeros(1)
    for value in nonzero[1:]:  # the first one's sign is fixed: turning all signs round changes no distance
        sums = np.concatenate([sums + value, sums - value])
    return float((np.abs(sums + nonzero[0]) >= _reach(nonzero)).mean())


def _drawn(values: Values, draws: int, seed: int) -> Values:
    n, k = values.shape
    far = np.zeros(k)
    if not k:
        return far
    reach = np.array([_reach(column) for column in values.T])
    rng = np.random.default_rng(seed)
    size = max(1, _CHUNK // n)
    for start in range(0, draws, size):
        signs = rng.integers(0, 2, size=(min(size, draws - start), n), dtype=np.int8) * 2.0 - 1.0
        far += (np.abs(signs @ values) >= reach).sum(axis=0)
    return (far + 1) / (draws + 1)


def _reach(differences: Values) -> float:
    """Sums at least this far from 0 count; equal ones do, whatever their rounding."""
    return abs(math.fsum(differences)) - 1e-9 * float(np.abs(differences).sum())


def least_p(n: int) -> float:
    """Smallest p that n differences can give: all of one sign, 2 of 2 ** n."""
    return 2.0 ** (1 - n)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p values adjusted for their number (Holm 1979), in the order given; None stays None, not counted."""
    known = sorted((p, index) for index, p in enumerate(values) if p is not None)
    adjusted: list[float | None] = [None] * len(values)
    worst = 0.0
    for rank, (p, index) in enumerate(known):
        worst = max(worst, min(1.0, (len(known) - rank) * p))
        adjusted[index] = worst
    return adjusted


def effect_size(differences: Values) -> float | None:
    """Mean over standard deviation of paired differences: d_z of Cohen 1988; None where they do not vary."""
    spread = _spread(differences)
    return float(differences.mean()) / spread if spread else None


def least_detectable(differences: Values) -> float | None:
    """Least true difference that so many prompts show four times out of five: 2.8 s / sqrt(n).

    80 % power, two-sided 5 %, s the standard deviation of the differences found; None where they do not vary:
    what else there is to see is not known then.
    """
    spread = _spread(differences)
    return POWER80 * spread / math.sqrt(len(differences)) if spread else None


def _spread(differences: Values) -> float | None:
    """None for fewer than two, or where all are equal."""
    if len(differences) < 2 or all_equal(differences):
        return None
    return float(differences.std(ddof=1))
