"""Do metrics agree with people, and with each other.

One picture counts once a prompt, however many models it serves; swept settings are taken together. A metric
whose lower values are better is turned round, so that a positive correlation always says: they prefer the
same pictures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tasvir.results import MetricInfo, RunResults
from tasvir.score.comparing.matrix import DIGITS, value_of
from tasvir.score.comparing.raters import PictureKey, rated
from tasvir.score.comparison import RATING, Correlation, CorrelationGap
from tasvir.score.statistics import (
    Figure,
    Indices,
    Values,
    correlate,
    gap,
    kendall,
    spearman,
    within_prompts,
)

LEAST_MODELS = 3
"""Of fewer no correlation of models is given."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a suite's pictures.

    Args:
        suite: The suite's label.
        values: By metric (or `RATING`) and picture.
        signs: By the same names, -1 where lower is better, else 1.
        drawn_by: By model, its pictures.
    """

    suite: str
    values: Mapping[str, Mapping[PictureKey, float]]
    signs: Mapping[str, int]
    drawn_by: Mapping[str, tuple[PictureKey, ...]]


def judged(results: RunResults, models: Sequence[str], metrics: Sequence[MetricInfo]) -> tuple[Judged, ...]:
    """By suite, every picture's scores and mean rating."""
    found = []
    for suite in results.suites:
        values: dict[str, dict[PictureKey, float]] = {metric.name: {} for metric in metrics}
        drawn: dict[str, set[PictureKey]] = {model: set() for model in models}
        for cell in results.cells:
            if cell.suite != suite or cell.model not in drawn or cell.picture is None:
                continue
            key = cell.prompt, cell.picture
            drawn[cell.model].add(key)
            for metric in metrics:
                value = value_of(cell, metric.name)
                if not isinstance(value, str):
                    values[metric.name][key] = value
        there = set().union(*drawn.values())
        values[RATING] = {
            key: math.fsum(given.values()) / len(given)
            for key, given in rated(results.ratings, suite).items()
            if key in there
        }
        signs = {RATING: 1, **{metric.name: 1 if metric.higher_is_better else -1 for metric in metrics}}
        of_models = {model: tuple(sorted(keys)) for model, keys in drawn.items()}
        found.append(Judged(suite, values, signs, of_models))
    return tuple(found)


def correlations(
    suites: Sequence[Judged], metrics: Sequence[str], *, draws: int, seed: int
) -> tuple[Correlation, ...]:
    """Each metric with the ratings, then every two metrics, where there are pictures that both know."""
    pairs = [(metric, RATING) for metric in metrics] + list(combinations(metrics, 2))
    return tuple(
        _correlation(suite, first, second, draws, seed)
        for suite in suites
        for first, second in pairs
        if suite.values[first].keys() & suite.values[second].keys()
    )


def _correlation(suite: Judged, first: str, second: str, draws: int, seed: int) -> Correlation:
    keys, prompts, (x, y) = _columns(suite, (first, second))
    pooled = correlate(x, y, prompts, draws=draws, seed=seed)
    within_tau, within_rho, n_within = within_prompts(x, y, prompts, draws=draws, seed=seed)
    systems = _systems(suite, first, second, set(keys))
    system_tau, system_rho = _of_systems(systems, suite.signs[first] * suite.signs[second])
    return Correlation(
        first,
        second,
        suite.suite,
        len(np.unique(prompts)),
        len(keys),
        pooled.tau,
        pooled.rho,
        within_tau,
        within_rho,
        n_within,
        systems,
        system_tau,
        system_rho,
    )


def gaps(
    suites: Sequence[Judged], metrics: Sequence[str], *, draws: int, seed: int
) -> tuple[CorrelationGap, ...]:
    """Of every two metrics, how much better the first follows people on the pictures that both know."""
    return tuple(
        _gap(suite, first, second, draws, seed)
        for suite in suites
        for first, second in combinations(metrics, 2)
        if suite.values[first].keys() & suite.values[second].keys() & suite.values[RATING].keys()
    )


def _gap(suite: Judged, first: str, second: str, draws: int, seed: int) -> CorrelationGap:
    keys, prompts, (x, y, rating) = _columns(suite, (first, second, RATING))
    one = correlate(x, rating, prompts, draws=draws, seed=seed)
    other = correlate(y, rating, prompts, draws=draws, seed=seed)
    return CorrelationGap(
        first,
        second,
        suite.suite,
        len(np.unique(prompts)),
        len(keys),
        _difference(one.tau, other.tau, one.drawn_tau, other.drawn_tau),
        _difference(one.rho, other.rho, one.drawn_rho, other.drawn_rho),
    )


def _difference(one: Figure, other: Figure, drawn_one: Values, drawn_other: Values) -> Figure:
    if one.value is None or other.value is None:
        return Figure(None, None, one.reason or other.reason)
    return gap(drawn_one, drawn_other, one.value - other.value)


def _columns(suite: Judged, names: Sequence[str]) -> tuple[list[PictureKey], Indices, tuple[Values, ...]]:
    """Pictures that all of these know, sorted, the number of each one's prompt, and a column a name,
    greater is better."""
    keys = sorted(set.intersection(*(set(suite.values[name]) for name in names)))
    numbers = {prompt: index for index, prompt in enumerate(sorted({prompt for prompt, _ in keys}))}
    columns = tuple(
        suite.signs[name] * np.round([suite.values[name][key] for key in keys], DIGITS) for name in names
    )
    return keys, np.array([numbers[prompt] for prompt, _ in keys]), columns


def _systems(suite: Judged, first: str, second: str, keys: set[PictureKey]) -> dict[str, tuple[float, float]]:
    systems = {}
    for model, drawn in suite.drawn_by.items():
        own = [key for key in drawn if key in keys]
        if own:
            sums = (math.fsum(suite.values[name][key] for key in own) for name in (first, second))
            x, y = (total / len(own) for total in sums)
            systems[model] = (x, y)
    return systems


def _of_systems(systems: Mapping[str, tuple[float, float]], sign: int) -> tuple[Figure, Figure]:
    if len(systems) < LEAST_MODELS:
        few = Figure(
            None, None, f"{len(systems)} models: a correlation of models takes at least {LEAST_MODELS}"
        )
        return few, few
    x, y = np.round(np.array(list(systems.values())), DIGITS).T
    tau, rho = (
        Figure(
            value, None, "the models' means are all equal" if value is None else "models are no random sample"
        )
        for value in (kendall(sign * x, y), spearman(sign * x, y))
    )
    return tau, rho
