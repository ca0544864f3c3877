"""Do people agree among themselves: what no metric can be asked to surpass."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tasvir.results import Rating, RunResults
from tasvir.score.comparing.matrix import DIGITS
from tasvir.score.comparison import Agreement, Rater
from tasvir.score.statistics import Indices, Values, correlate, krippendorff

PictureKey = tuple[str, str]
"""A prompt's id and a picture's SHA-256."""


def agreement(results: RunResults, *, draws: int, seed: int) -> tuple[Agreement, ...]:
    """By suite, how far its raters agree."""
    found = [_agreement(results.ratings, suite, draws, seed) for suite in results.suites]
    return tuple(one for one in found if one is not None)


def rated(ratings: Sequence[Rating], suite: str) -> dict[PictureKey, dict[str, int]]:
    """By picture and rater; who rated a picture again has changed their mind."""
    found: dict[PictureKey, dict[str, int]] = defaultdict(dict)
    for rating in ratings:
        if rating.suite == suite:
            found[rating.prompt, rating.picture][rating.rater] = rating.value
    return found


def _agreement(ratings: Sequence[Rating], suite: str, draws: int, seed: int) -> Agreement | None:
    found = rated(ratings, suite)
    if not found:
        return None
    keys = sorted(found)
    names = sorted({name for given in found.values() for name in given})
    values = np.array([[found[key].get(name, math.nan) for key in keys] for name in names], dtype=np.float64)
    numbers = {prompt: index for index, prompt in enumerate(sorted({prompt for prompt, _ in keys}))}
    prompts = np.array([numbers[prompt] for prompt, _ in keys])
    known = ~np.isnan(values)
    return Agreement(
        suite,
        len(keys),
        int((known.sum(axis=0) > 1).sum()),
        int(known.sum()),
        krippendorff(values, scale="ordinal", clusters=prompts, draws=draws, seed=seed),
        tuple(_rater(name, row, values, prompts, draws, seed) for row, name in enumerate(names)),
    )


def _rater(name: str, row: int, values: Values, prompts: Indices, draws: int, seed: int) -> Rater:
    own = values[row]
    others = np.delete(values, row, axis=0)
    shared = ~np.isnan(own) & ~np.isnan(others).all(axis=0)
    rest = np.array([np.nanmean(column) for column in others[:, shared].T]).round(DIGITS)
    found = correlate(own[shared], rest, prompts[shared], draws=draws, seed=seed)
    return Rater(
        name,
        int((~np.isnan(own)).sum()),
        float(np.nanmean(own)),
        int(shared.sum()),
        found.tau,
        found.rho,
    )
