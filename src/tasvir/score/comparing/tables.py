"""A table: means, paired differences, places and the prompts that split models, of one metric.

Differences are taken prompt by prompt. p values are adjusted by Holm over all pairs of the table; those of
its categories over all pairs of all categories.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from tasvir.score.comparing.matrix import DIGITS, Matrix
from tasvir.score.comparison import Group, Mean, Pair, Place, Split, Table, Verdict
from tasvir.score.statistics import (
    LEAST_PROMPTS,
    Figure,
    Indices,
    Values,
    effect_size,
    holm,
    least_detectable,
    least_p,
    places,
    prompt_means,
    share_interval,
    sign_flip,
)

SIGNIFICANT = 0.05
FLIPS_A_TEST = 200
"""Random sign flips at least for every test that is adjusted together: 1 / flips is the smallest p that they
can give, and Holm multiplies it by the number of tests."""
SPLITS = 3
"""Prompts listed each way for every pair of models."""


def table(matrix: Matrix, *, draws: int, seed: int) -> Table:
    """Everything of one metric on one suite under one setting."""
    rows = np.arange(len(matrix.prompts))
    categories = np.array(matrix.categories)
    pairs = math.comb(len(matrix.models), 2)
    groups = [
        _group(matrix, name, np.flatnonzero(categories == name), pairs * len(matrix.names), draws, seed)
        for name in matrix.names
    ]
    return Table(
        matrix.metric.name,
        matrix.metric.recipe_hash,
        matrix.metric.higher_is_better,
        matrix.suite,
        matrix.settings,
        matrix.seeds,
        _judged([_group(matrix, "", rows, pairs, draws, seed)], matrix.sign)[0],
        tuple(_judged(groups, matrix.sign)) if len(groups) > 1 else (),
        _splits(matrix),
    )


def compare_columns(
    names: Sequence[tuple[str, str]], columns: Values, sign: int, *, tests: int, draws: int, seed: int
) -> list[Pair]:
    """Pairs from their differences (n prompts x k pairs, NaN where one lacks the prompt); p as it is.

    ``tests`` is how many will be adjusted together.
    """
    differences = np.round(columns, DIGITS)
    means = prompt_means(differences, draws=draws, seed=seed)
    p = sign_flip(differences, draws=max(draws, FLIPS_A_TEST * tests), seed=seed)
    return [
        _pair(pair, differences[:, index], sign, means[index], p[index]) for index, pair in enumerate(names)
    ]


def judge(pairs: Sequence[Pair], sign: int) -> list[Pair]:
    """The same pairs with p adjusted for all of them, and who is better."""
    adjusted = holm([pair.p for pair in pairs])
    tests = sum(pair.p is not None for pair in pairs)
    judged = []
    for pair, p in zip(pairs, adjusted, strict=True):
        verdict: Verdict = "undecided"
        if p is not None and p < SIGNIFICANT and pair.difference:
            verdict = "first" if sign * pair.difference > 0 else "second"
        few = too_few(pair.n, tests) if pair.n and verdict == "undecided" else ""
        reason = few or pair.reason
        judged.append(replace(pair, p_holm=p, verdict=verdict, reason=reason, too_few=bool(few)))
    return judged


def too_few(n: int, tests: int) -> str:
    """Why so many prompts can show no difference in so many tests, however large it is; "" where they can."""
    if least_p(n) * tests < SIGNIFICANT:
        return ""
    return f"too few: {n} prompt{'s' if n > 1 else ''} in {tests} test{'s' if tests > 1 else ''}"


def _pair(names: tuple[str, str], column: Values, sign: int, mean: Figure, p: float | None) -> Pair:
    known = column[~np.isnan(column)]
    better = sign * known
    return Pair(
        *names,
        n=len(known),
        difference=mean.value,
        interval=mean.interval,
        p=p,
        p_holm=None,
        effect=effect_size(known),
        mde=least_detectable(known),
        wins=int((better > 0).sum()),
        ties=int((better == 0).sum()),
        losses=int((better < 0).sum()),
        verdict="undecided",
        reason=mean.reason if len(known) else "no prompt has values for both",
    )


def _group(matrix: Matrix, category: str, rows: Indices, tests: int, draws: int, seed: int) -> Group:
    values = matrix.values[rows]
    indices = list(combinations(range(len(matrix.models)), 2))
    names = [(matrix.models[one], matrix.models[other]) for one, other in indices]
    differences = (
        np.stack([values[:, one] - values[:, other] for one, other in indices], axis=1)
        if indices
        else np.empty((len(rows), 0))
    )
    common = values[~np.isnan(values).any(axis=1)]
    return Group(
        category,
        len(rows),
        _means(matrix, rows, draws, seed),
        tuple(compare_columns(names, differences, matrix.sign, tests=tests, draws=draws, seed=seed)),
        len(common),
        _places(matrix, common, draws, seed),
    )


def _means(matrix: Matrix, rows: Indices, draws: int, seed: int) -> tuple[Mean, ...]:
    values, counts = matrix.values[rows], matrix.counts[rows]
    if matrix.yes_or_no:
        figures = [
            share_interval(column[~np.isnan(column)], count[~np.isnan(column)])
            for column, count in zip(values.T, counts.T, strict=True)
        ]
    else:
        figures = prompt_means(values, draws=draws, seed=seed)
    prompts = [matrix.prompts[row] for row in rows]
    means = []
    for index, (model, figure) in enumerate(zip(matrix.models, figures, strict=True)):
        reasons = matrix.reasons(model, prompts)
        means.append(
            Mean(
                model,
                n_prompts=int((counts[:, index] > 0).sum()),
                n_pictures=int(counts[:, index].sum()),
                missing=sum(count for _, count in reasons),
                value=figure.value,
                interval=figure.interval,
                reason=figure.reason,
                reasons=reasons,
            )
        )
    return tuple(means)


def _places(matrix: Matrix, common: Values, draws: int, seed: int) -> tuple[Place, ...]:
    if len(matrix.models) < 2 or len(common) < LEAST_PROMPTS:
        return ()
    own, first, span = places(matrix.sign * common, draws=draws, seed=seed)
    return tuple(
        Place(model, int(own[index]), float(first[index]), int(span[0, index]), int(span[1, index]))
        for index, model in enumerate(matrix.models)
    )


def _judged(groups: Sequence[Group], sign: int) -> list[Group]:
    """Groups whose pairs are adjusted for all pairs of all of them."""
    pairs = iter(judge([pair for group in groups for pair in group.pairs], sign))
    return [replace(group, pairs=tuple(next(pairs) for _ in group.pairs)) for group in groups]


def _splits(matrix: Matrix) -> tuple[Split, ...]:
    found = []
    for one, other in combinations(range(len(matrix.models)), 2):
        for better, worse in ((one, other), (other, one)):
            gains = np.round(matrix.values[:, better] - matrix.values[:, worse], DIGITS)
            ahead = np.flatnonzero(matrix.sign * gains > 0)
            most = sorted(ahead, key=lambda row: (-abs(gains[row]), matrix.prompts[row]))[:SPLITS]
            found += [
                Split(
                    matrix.prompts[row],
                    matrix.models[better],
                    matrix.models[worse],
                    float(gains[row]),
                    float(matrix.values[row, better]),
                    float(matrix.values[row, worse]),
                )
                for row in most
            ]
    return tuple(found)
