"""A run's results become a `Comparison`: the one place where figures of tables are made.

Only values of equal recipes are put together. Nothing hangs on the order of cells, and the names of models
are nothing but names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tasvir.errors import RecordError, UnknownNameError
from tasvir.results import MetricInfo, RunResults
from tasvir.score.comparing.correlations import correlations, gaps, judged
from tasvir.score.comparing.matrix import matrices
from tasvir.score.comparing.raters import agreement
from tasvir.score.comparing.sweeps import sweeps, times
from tasvir.score.comparing.tables import table
from tasvir.score.comparison import Comparison
from tasvir.score.statistics import DRAWS

FEWER = 10
"""Correlations get so many times fewer resamples: theirs cost more, and two digits are read of them."""


def compare(
    results: RunResults,
    *,
    models: Sequence[str] = (),
    metrics: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
) -> Comparison:
    """Compare a run's models by its metrics.

    Args:
        results: The run.
        models: Only these; all of them if empty.
        metrics: Only these; all of them if empty.
        draws: Bootstrap resamples and random sign flips.
        seed: What they come from.

    Raises:
        UnknownNameError: A model or metric that the run does not have.
        RecordError: A metric was used with two recipes.
    """
    _check_names("model", models, [model.name for model in results.models])
    _check_names("metric", metrics, [metric.name for metric in results.metrics])
    chosen = tuple(model for model in results.models if not models or model.name in models)
    measures = tuple(metric for metric in results.metrics if not metrics or metric.name in metrics)
    _check_recipes(measures)
    names = [model.name for model in chosen]
    of_pictures = tuple(metric for metric in measures if not metric.of_sets)
    of_sets = {metric.name for metric in measures if metric.of_sets}
    tables = [
        (matrix, table(matrix, draws=draws, seed=seed)) for matrix in matrices(results, names, of_pictures)
    ]
    measured = times(results, names)
    suites = judged(results, names, of_pictures)
    labels = [metric.name for metric in of_pictures]
    fewer = max(draws // FEWER, 1)
    return Comparison(
        draws,
        seed,
        chosen,
        of_pictures,
        tuple(made for _, made in tables),
        measured,
        sweeps(tables, measured, draws=draws, seed=seed),
        correlations(suites, labels, draws=fewer, seed=seed),
        gaps(suites, labels, draws=fewer, seed=seed),
        agreement(results, draws=fewer, seed=seed),
        tuple(one for one in results.set_figures if one.model in names and one.metric in of_sets),
        tuple(speed for speed in results.speeds if speed.model in names),
    )


def _check_names(kind: str, asked: Sequence[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            there = ", ".join(known) or "none"
            raise UnknownNameError(f"this run has no {kind} {name!r}; it has: {there}")


def _check_recipes(metrics: Sequence[MetricInfo]) -> None:
    recipes: dict[str, set[str]] = defaultdict(set)
    for metric in metrics:
        recipes[metric.name].add(metric.recipe_hash)
    for name, hashes in recipes.items():
        if len(hashes) > 1:
            raise RecordError(
                f"{name} was used with {len(hashes)} recipes ({', '.join(sorted(hashes))}): values of "
                "unequal recipes are never put into one table; score the run again with one of them"
            )
