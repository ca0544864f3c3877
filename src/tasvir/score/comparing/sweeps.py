"""Quality and time while a setting varies: how much of it pays.

The knee is the least value of the setting that the paired test cannot tell from the best one. The best is
picked by the same values that it is tested on, which favours it: the knee errs towards more, not less.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tasvir.results import Cell, RunResults
from tasvir.score.comparing.matrix import Matrix, natural, natural_settings, settings_key
from tasvir.score.comparing.tables import SIGNIFICANT, compare_columns, judge, too_few
from tasvir.score.comparison import Mean, Pair, Sweep, SweepPoint, Table, Time
from tasvir.score.statistics import Values

Point = tuple[Matrix, Table]
"""What a sweep has at one setting."""


def times(results: RunResults, models: Sequence[str]) -> tuple[Time, ...]:
    """Seconds a picture by suite, settings and model."""
    found: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
    for cell in results.cells:
        if cell.model in models:
            found[cell.suite, settings_key(cell.settings), cell.model].append(cell)
    made = [_time(cells) for cells in found.values()]
    suites, order = list(results.suites), list(models)
    made.sort(
        key=lambda time: (
            suites.index(time.suite),
            natural_settings(time.settings),
            order.index(time.model),
        )
    )
    return tuple(made)


def _time(cells: Sequence[Cell]) -> Time:
    seconds = [cell.seconds for cell in cells if cell.picture is not None and cell.seconds is not None]
    first = cells[0]
    quartiles = None
    if seconds:
        low, middle, high = (float(value) for value in np.quantile(seconds, (0.25, 0.5, 0.75)))
        quartiles = (low, middle, high)
    return Time(first.model, first.suite, dict(first.settings), len(seconds), quartiles)


def sweeps(found: Sequence[Point], measured: Sequence[Time], *, draws: int, seed: int) -> tuple[Sweep, ...]:
    """Of every metric, suite and model, every setting that has two values or more while the others stay."""
    medians = {
        (time.suite, time.model, settings_key(time.settings)): time.seconds[1]
        for time in measured
        if time.seconds
    }
    groups: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for matrix, table in found:
        groups[matrix.metric.name, matrix.suite].append((matrix, table))
    return tuple(
        _sweep(model, key, line, medians, draws, seed)
        for group in groups.values()
        for model in dict.fromkeys(model for matrix, _ in group for model in matrix.models)
        for key, line in _lines(group, model)
        if len(line) > 1
    )


def _lines(group: Sequence[Point], model: str) -> list[tuple[str, list[Point]]]:
    """Every setting that varies, with the points at which it does while the others stay."""
    lines: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for key in sorted({key for matrix, _ in group for key in matrix.settings}):
        for matrix, table in group:
            if key in matrix.settings and model in matrix.models:
                lines[key, settings_key(_without(matrix.settings, key))].append((matrix, table))
    return [(key, line) for (key, _), line in lines.items()]


def _without(settings: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != key}


def _sweep(
    model: str,
    key: str,
    line: Sequence[Point],
    medians: dict[tuple[str, str, str], float],
    draws: int,
    seed: int,
) -> Sweep:
    line = sorted(line, key=lambda point: natural(point[0].settings[key]))
    matrix = line[0][0]
    means = [table.overall.mean(model) for _, table in line]
    best = _best(means, matrix.sign)
    against: list[Pair | None] = [None] * len(line)
    if best is not None:
        others = [index for index in range(len(line)) if index != best]
        columns = _differences(line, model, best)[:, others]
        names = [(_said(line[index][0], key), _said(line[best][0], key)) for index in others]
        found = compare_columns(names, columns, matrix.sign, tests=len(others), draws=draws, seed=seed)
        pairs = judge(found, matrix.sign)
        for index, pair in zip(others, pairs, strict=True):
            against[index] = pair
    points = tuple(
        SweepPoint(
            point.settings[key],
            mean,
            medians.get((point.suite, model, settings_key(point.settings))),
            pair,
        )
        for (point, _), mean, pair in zip(line, means, against, strict=True)
    )
    sweep = Sweep(
        matrix.metric.name,
        matrix.suite,
        model,
        key,
        _without(matrix.settings, key),
        points,
        None if best is None else points[best].at,
        None,
    )
    return _with_knee(sweep)


def _said(matrix: Matrix, key: str) -> str:
    return f"{key}={matrix.settings[key]}"


def _best(means: Sequence[Mean], sign: int) -> int | None:
    """Index of the best mean, the first of equal ones."""
    known = [(-sign * mean.value, index) for index, mean in enumerate(means) if mean.value is not None]
    return min(known)[1] if known else None


def _differences(line: Sequence[Point], model: str, best: int) -> Values:
    """Prompts x points: each point's values less those of the best one, NaN where either lacks the prompt."""
    of_points = [
        dict(zip(matrix.prompts, matrix.values[:, matrix.models.index(model)], strict=True))
        for matrix, _ in line
    ]
    prompts = sorted(set().union(*of_points))
    values = np.array([[point.get(prompt, math.nan) for point in of_points] for prompt in prompts])
    differences: Values = values - values[:, [best]]
    return differences


def _with_knee(sweep: Sweep) -> Sweep:
    """The sweep with its knee, or why there is none."""
    if sweep.best is None:
        return replace(sweep, reason="no values")
    pairs = [point.against_best for point in sweep.points if point.against_best is not None]
    tested = [pair for pair in pairs if pair.p is not None]
    if not tested:
        return replace(sweep, reason="no two points have values for the same prompts")
    if reason := too_few(min(pair.n for pair in tested), len(tested)):
        return replace(sweep, reason=reason)
    knee = next(point.at for point in sweep.points if _as_good(point.against_best))
    return replace(sweep, knee=knee)


def _as_good(pair: Pair | None) -> bool:
    """True for the best point itself, and for those that the test cannot tell from it."""
    return pair is None or (pair.p_holm is not None and pair.p_holm >= SIGNIFICANT)
