"""Do raters agree? By chance alone they would, now and then: both measures take that off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tasvir.score.statistics.figure import Figure
from tasvir.score.statistics.resampling import (
    DRAWS,
    LEAST_PROMPTS,
    Indices,
    Values,
    percentile_interval,
    resampled_counts,
)

Scale = Literal["nominal", "ordinal", "interval"]


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


def krippendorff(
    ratings: Values,
    *,
    scale: Scale,
    clusters: Indices | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Figure:
    """Krippendorff's alpha of any number of raters: 1 - observed over expected disagreement (2011).

    Args:
        ratings: Raters x units; NaN where a rater has not seen the unit.
        scale: How far apart two values are: "nominal" (equal or not), "ordinal" (ratings in between),
            "interval" (their difference).
        clusters: By unit, the number of the prompt it belongs to: whole prompts are drawn again for the
            interval. None gives no interval.
        draws: Resamples.
        seed: What they come from.

    Returns:
        Alpha, at most 1; None with the reason where nothing was rated twice or all values are equal.
    """
    known = ~np.isnan(ratings)
    if not (known.sum(axis=0) > 1).any():
        return Figure(None, None, "nothing was rated by two people")
    values = np.unique(ratings[known])
    of_units = _coincidences(ratings, values)
    alpha = float(_alphas(of_units.sum(axis=0)[None], values, scale)[0])
    if np.isnan(alpha):
        return Figure(None, None, "everything was rated the same: there is nothing to agree about")
    if clusters is None:
        return Figure(alpha)
    labels, member = np.unique(clusters, return_inverse=True)
    if len(labels) < LEAST_PROMPTS:
        return Figure(alpha, None, f"{len(labels)} prompts: an interval takes at least {LEAST_PROMPTS}")
    of_prompts = np.zeros((len(labels), *of_units.shape[1:]))
    np.add.at(of_prompts, member, of_units)
    found = [
        _alphas(np.tensordot(counts, of_prompts, axes=1), values, scale)
        for counts in resampled_counts(len(labels), draws=draws, seed=seed, width=len(values))
    ]
    interval = percentile_interval(np.concatenate(found))
    return Figure(alpha, interval, "" if interval else "too many resamples hold one value alone")


def _coincidences(ratings: Values, values: Values) -> Values:
    """By unit, how often value c met value k: every pair of its ratings, over one less than their number."""
    given = (ratings[:, :, None] == values).sum(axis=0).astype(np.float64)
    raters = given.sum(axis=1)
    pairs = given[:, :, None] * given[:, None, :]
    pairs[:, range(len(values)), range(len(values))] -= given
    met: Values = np.where((raters > 1)[:, None, None], pairs / np.maximum(raters - 1, 1)[:, None, None], 0.0)
    return met


def _alphas(coincidences: Values, values: Values, scale: Scale) -> Values:
    """Alpha of each of m coincidence matrices (m x v x v); NaN where nothing could have disagreed."""
    totals = coincidences.sum(axis=2)
    apart = _distances(totals, values, scale)
    observed = (coincidences * apart).sum(axis=(1, 2))
    expected = (totals[:, :, None] * totals[:, None, :] * apart).sum(axis=(1, 2))
    ratio = np.full(len(totals), np.nan)
    np.divide(observed, expected, out=ratio, where=expected > 0)
    alphas: Values = 1 - (totals.sum(axis=1) - 1) * ratio
    return alphas


def _distances(totals: Values, values: Values, scale: Scale) -> Values:
    """Squared distances of values; ordinal ones hang on how many ratings lie in between."""
    along = np.cumsum(totals, axis=1) - totals / 2 if scale == "ordinal" else values[None]
    distances: Values = (along[:, :, None] - along[:, None, :]) ** 2
    return np.sign(distances) if scale == "nominal" else distances
