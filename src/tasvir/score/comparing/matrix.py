"""Values of one metric on one suite under one setting: prompts down, models across, seeds averaged."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasvir.results import Cell, MetricInfo, RunResults
from tasvir.score.comparison import Reasons
from tasvir.score.statistics import Values

NOT_SCORED = "not scored yet"
DIGITS = 12
"""Decimals that are kept: values that differ by rounding alone are ties."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """What a table is made of.

    Args:
        metric: The metric.
        suite: The suite's label.
        settings: What is swept.
        seeds: In order.
        prompts: The n prompts' ids, sorted.
        categories: By prompt.
        names: The categories that there are, in the suite's order.
        models: The k models' names, in the run's order.
        values: n x k means over seeds, NaN where there is none.
        counts: n x k pictures with a value.
        missing: By prompt and model, why its pictures have no value.
        yes_or_no: Every picture's value is 0 or 1.
    """

    metric: MetricInfo
    suite: str
    settings: dict[str, Any]
    seeds: tuple[int, ...]
    prompts: tuple[str, ...]
    categories: tuple[str, ...]
    names: tuple[str, ...]
    models: tuple[str, ...]
    values: Values
    counts: Values
    missing: Mapping[tuple[str, str], tuple[str, ...]]
    yes_or_no: bool

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.metric.higher_is_better else -1

    def reasons(self, model: str, prompts: Iterable[str]) -> Reasons:
        """Why this model's pictures of these prompts have no value, most frequent first."""
        counted = Counter(why for prompt in prompts for why in self.missing.get((prompt, model), ()))
        return tuple(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def matrices(results: RunResults, models: Sequence[str], metrics: Sequence[MetricInfo]) -> tuple[Matrix, ...]:
    """All matrices of a run, by metric, suite and settings."""
    sorted_out: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in results.cells:
        if cell.model in models:
            sorted_out[cell.suite, settings_key(cell.settings)].append(cell)
    order = {suite: index for index, suite in enumerate(results.suites)}
    parts = sorted(
        sorted_out.values(),
        key=lambda cells: (order.get(cells[0].suite, len(order)), natural_settings(cells[0].settings)),
    )
    return tuple(_matrix(metric, cells, results, models) for metric in metrics for cells in parts)


def _matrix(metric: MetricInfo, cells: Sequence[Cell], results: RunResults, models: Sequence[str]) -> Matrix:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    missing: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in cells:
        value = value_of(cell, metric.name)
        if isinstance(value, str):
            missing[cell.prompt, cell.model].append(value)
        else:
            found[cell.prompt, cell.model].append(value)
    suite = cells[0].suite
    prompts = tuple(sorted({cell.prompt for cell in cells}))
    present = {cell.model for cell in cells}
    columns = tuple(model for model in models if model in present)
    values = np.full((len(prompts), len(columns)), np.nan)
    counts = np.zeros(values.shape)
    for row, prompt in enumerate(prompts):
        for column, model in enumerate(columns):
            if scores := found.get((prompt, model)):
                values[row, column] = round(math.fsum(scores) / len(scores), DIGITS)
                counts[row, column] = len(scores)
    return Matrix(
        metric,
        suite,
        dict(cells[0].settings),
        tuple(sorted({cell.seed for cell in cells})),
        prompts,
        tuple(results.prompts[suite, prompt].category for prompt in prompts),
        _categories(results, suite, set(prompts)),
        columns,
        values,
        counts,
        {key: tuple(why) for key, why in missing.items()},
        bool(found) and all(score in (0.0, 1.0) for scores in found.values() for score in scores),
    )


def _categories(results: RunResults, suite: str, prompts: set[str]) -> tuple[str, ...]:
    there = (
        known.category
        for (label, prompt), known in results.prompts.items()
        if label == suite and prompt in prompts and known.category
    )
    return tuple(dict.fromkeys(there))


def value_of(cell: Cell, metric: str) -> float | str:
    """A cell's value, or why it has none."""
    score = cell.scores.get(metric)
    if cell.picture is None:
        return cell.reason or "no picture"
    if score is None:
        return NOT_SCORED
    if score.value is None or not math.isfinite(score.value):
        return score.reason or "no value"
    return score.value


def settings_key(settings: Mapping[str, Any]) -> str:
    """Equal for equal settings, whatever the order of their names."""
    return json.dumps(settings, sort_keys=True, default=str)


def natural_settings(settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """Sorts settings as people do: 2 before 10, "64x64" before "128x128"."""
    return tuple((name, natural(settings[name])) for name in sorted(settings))


def natural(value: Any) -> tuple[Any, ...]:
    """Sorts numbers by size, and texts by the numbers in them."""
    if isinstance(value, int | float):
        return ((0, float(value), ""),)
    parts = re.findall(r"\d+(?:\.\d+)?|[^\d]+", str(value))
    return tuple((0, float(part), "") if part[0].isdigit() else (1, 0.0, part) for part in parts)
