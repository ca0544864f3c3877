"""Rank correlations of two ways of scoring the same pictures, with intervals that know which share a prompt.

Kendall's tau-b counts pairs of pictures, concordant less discordant, over those that each side does not tie
(Kendall 1945); Spearman's rho is Pearson's correlation of the ranks (Spearman 1904). Whole prompts are drawn
again: a resample's tau is a quadratic form in how often each prompt came up, and nothing is sorted twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasvir.score.statistics.figure import Figure
from tasvir.score.statistics.means import prompt_means
from tasvir.score.statistics.ranks import average_ranks
from tasvir.score.statistics.resampling import (
    DRAWS,
    LEAST_PROMPTS,
    Indices,
    Values,
    percentile_interval,
    resampled_counts,
)

LEAST_PICTURES = 3
"""Of fewer no correlation is given: two points always lie on a line."""
_CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class Correlated:
    """Correlations over all pictures, and what they are in each resample.

    Args:
        tau: Kendall's tau-b with its 95 % percentile interval.
        rho: Spearman's rho, likewise.
        drawn_tau: Tau of every resample, NaN where it has none; empty where there is no interval.
        drawn_rho: Rho likewise.
    """

    tau: Figure
    rho: Figure
    drawn_tau: Values
    drawn_rho: Values


def kendall(first: Values, second: Values) -> float | None:
    """Kendall's tau-b, -1 to 1, or None where one side does not vary.

    Raises:
        ValueError: Different lengths.
    """
    _check(first, second)
    together, own, other = _concordances(first, second, np.zeros(len(first), dtype=np.int64), 1)
    scale = float(np.sqrt(own[0, 0] * other[0, 0]))
    return float(together[0, 0]) / scale if scale > 0 else None


def spearman(first: Values, second: Values) -> float | None:
    """Spearman's rho, -1 to 1, right also with ties, or None where one side does not vary.

    Raises:
        ValueError: Different lengths.
    """
    _check(first, second)
    x, y = (average_ranks(side) - (len(side) + 1) / 2 for side in (first, second))
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 0 else None


def correlate(
    first: Values,
    second: Values,
    prompts: Indices,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Correlated:
    """Tau-b and rho over all of n pictures, with intervals over resampled prompts.

    Args:
        first: n values.
        second: n values.
        prompts: By picture, the number of its prompt.
        draws: Resamples.
        seed: What they come from: equal prompts, draws and seed give equal resamples.
    """
    nothing = np.empty(0)
    reason = _unfit(first, second)
    if reason:
        return Correlated(Figure(None, None, reason), Figure(None, None, reason), nothing, nothing)
    tau, rho = kendall(first, second), spearman(first, second)
    labels, member = np.unique(prompts, return_inverse=True)
    if len(labels) < LEAST_PROMPTS:
        reason = f"{len(labels)} prompts: an interval takes at least {LEAST_PROMPTS}"
        return Correlated(Figure(tau, None, reason), Figure(rho, None, reason), nothing, nothing)
    taus = _drawn_taus(first, second, member, len(labels), draws, seed)
    rhos = _drawn_rhos(first, second, member, len(labels), draws, seed)
    return Correlated(_figure(tau, taus), _figure(rho, rhos), taus, rhos)


def gap(first: Values, second: Values, value: float) -> Figure:
    """Difference of two correlations on the same pictures, from what both are in the same resamples.

    Args:
        first: The first's correlation in every resample (`Correlated.drawn_tau`).
        second: The second's.
        value: The difference itself.
    """
    if not len(first) or not len(second):
        return Figure(value, None, "one of the two has no interval")
    return _figure(value, first - second)


def within_prompts(
    first: Values,
    second: Values,
    prompts: Indices,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[Figure, Figure, int]:
    """Mean over prompts of tau-b and of rho among one prompt's pictures, and of how many prompts.

    A prompt with a single picture, or whose pictures one side ties all, has none and is left out.
    """
    labels, member = np.unique(prompts, return_inverse=True)
    order = np.argsort(member, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(member, minlength=len(labels)))[:-1])
    both = [(kendall(first[g], second[g]), spearman(first[g], second[g])) for g in groups if len(g) > 1]
    found = np.array([pair for pair in both if None not in pair], dtype=np.float64).reshape(-1, 2)
    if not len(found):
        none = Figure(None, None, "no prompt has two pictures that both sides tell apart")
        return none, none, 0
    tau, rho = prompt_means(found, draws=draws, seed=seed)
    return tau, rho, len(found)


def _check(first: Values, second: Values) -> None:
    if len(first) != len(second):
        raise ValueError(f"{len(first)} values against {len(second)}: give pairs")


def _unfit(first: Values, second: Values) -> str:
    _check(first, second)
    if len(first) < LEAST_PICTURES:
        return f"{len(first)} pictures: a correlation takes at least {LEAST_PICTURES}"
    for which, side in (("first", first), ("second", second)):
        if np.ptp(side) == 0:
            return f"the {which} gives every picture the same value"
    return ""


def _figure(value: float | None, drawn: Values) -> Figure:
    interval = percentile_interval(drawn)
    return Figure(value, interval, "" if interval else "too many resamples have no correlation")


def _concordances(
    first: Values, second: Values, member: Indices, n_prompts: int
) -> tuple[Values, Values, Values]:
    """By pair of prompts, over ordered pairs of their pictures: sums of sign x sign, |sign x|, |sign y|."""
    found = np.zeros((3, n_prompts, n_prompts))
    n = len(first)
    order = np.argsort(member, kind="stable")
    starts = np.flatnonzero(np.diff(member[order], prepend=-1))
    columns = member[order][starts]
    codes = [np.unique(side, return_inverse=True)[1].astype(np.float32) for side in (first, second)]
    size = max(1, _CHUNK // max(n, 1))
    for start in range(0, n, size):
        rows = slice(start, start + size)
        x, y = (np.sign(code[rows, None] - code[order]) for code in codes)
        for kind, product in enumerate((x * y, np.abs(x), np.abs(y))):
            sums = np.zeros((len(x), n_prompts))
            sums[:, columns] = np.add.reduceat(product, starts, axis=1)
            np.add.at(found[kind], member[rows], sums)
    return found[0], found[1], found[2]


def _drawn_taus(
    first: Values, second: Values, member: Indices, n_prompts: int, draws: int, seed: int
) -> Values:
    matrices = _concordances(first, second, member, n_prompts)
    found = []
    for counts in resampled_counts(n_prompts, draws=draws, seed=seed):
        together, own, other = ((counts @ matrix * counts).sum(axis=1) for matrix in matrices)
        found.append(_over(together, own * other))
    return np.concatenate(found)


def _drawn_rhos(
    first: Values, second: Values, member: Indices, n_prompts: int, draws: int, seed: int
) -> Values:
    width = max(1, len(first) // n_prompts)
    found = []
    for counts in resampled_counts(n_prompts, draws=draws, seed=seed, width=width):
        weights = counts[:, member]
        middle = (weights.sum(axis=1, keepdims=True) + 1) / 2
        x, y = (_weighted_ranks(side, weights) - middle for side in (first, second))
        squares = (weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1)
        found.append(_over((weights * x * y).sum(axis=1), squares))
    return np.concatenate(found)


def _weighted_ranks(values: Values, weights: Values) -> Values:
    """Average ranks of n values of which each comes up so many times (m x n weights)."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    upto = np.cumsum(weights[:, order], axis=1)
    last = np.cumsum(np.bincount(group)) - 1
    ends = upto[:, last]
    begins = np.concatenate([np.zeros((len(weights), 1)), ends[:, :-1]], axis=1)
    ranks: Values = ((begins + ends + 1) / 2)[:, group]
    return ranks


def _over(sums: Values, squares: Values) -> Values:
    found = np.full(len(sums), np.nan)
    np.divide(sums, np.sqrt(squares), out=found, where=squares > 0)
    return found
