"""Synthetic results of a run: models of known quality, prompts of known difficulty, and noise from a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tasvir.records import Score, SuitePrompt
from tasvir.results import Cell, MetricInfo, ModelInfo, Rating, RunResults, Speed

SUITE = "made"
CATEGORIES = ("colour", "count", "space")
FULL_STEPS = 4.0
"""Half-way steps of a swept "steps": quality grows as steps / (steps + this)."""


def metric_info(name: str = "score", *, higher_is_better: bool = True) -> MetricInfo:
    recipe = {"metric": name, "version": 1}
    digits = hashlib.sha256(name.encode()).hexdigest()[:16]
    return MetricInfo(name, recipe, digits, higher_is_better, (0.0, 1.0))


def build_results(
    models: Mapping[str, float] | None = None,
    *,
    metrics: Sequence[MetricInfo] = (metric_info(),),
    prompts: int = 12,
    seeds: Sequence[int] = (0, 1),
    sweep: Sequence[dict[str, Any]] = ({},),
    noise: float = 0.1,
    missing: float = 0.0,
    undrawn: float = 0.0,
    raters: Sequence[str] = (),
    derived: Mapping[str, str] | None = None,
    seed: int = 0,
) -> RunResults:
    """A run of ``models`` (name: true quality, 0 to 1) on one suite of three categories.

    Args:
        noise: Standard deviation of each metric's error; that of prompts' difficulty is 0.15, of seeds 0.05.
        missing: Share of scores that are None with a reason.
        undrawn: Share of cells without a picture.
        raters: Each gives every picture 1 to 5.
        derived: Model: what it was fine-tuned from.
    """
    rng = np.random.default_rng(seed)
    asked = {
        (SUITE, f"p{index:03}"): SuitePrompt(f"p{index:03}", f"prompt number {index}", CATEGORIES[index % 3])
        for index in range(prompts)
    }
    hard = dict(zip(asked, rng.normal(0, 0.15, prompts), strict=True))
    cells, ratings = [], []
    for key in asked:
        for name, quality in (models or {"good": 0.7, "fair": 0.5}).items():
            for settings in sweep:
                for number in seeds:
                    true = _grown(quality, settings) + hard[key] + rng.normal(0, 0.05)
                    cell = _cell(key, name, number, settings)
                    if rng.random() < undrawn:
                        cells.append(replace(cell, picture=None, path=None, seconds=None, reason="no memory"))
                        continue
                    scores = {m.name: _score(m, true, noise, missing, rng) for m in metrics}
                    cells.append(replace(cell, scores=scores))
                    ratings += [_rating(cell, rater, true + rng.normal(0, 0.1)) for rater in raters]
    infos = tuple(
        ModelInfo(name, f"embedded:{name}", derived_from=(derived or {}).get(name))
        for name in (models or {"good": 0.7, "fair": 0.5})
    )
    return RunResults(
        about={"format": "tasvir-run/1", "version": "0.1.0"},
        suites={SUITE: {"name": SUITE, "prompts": prompts}},
        prompts=asked,
        models=infos,
        metrics=tuple(metrics),
        cells=tuple(cells),
        ratings=tuple(ratings),
        speeds=tuple(
            Speed(info.name, {}, 10, (0.9, 1.0, 1.2), 20.0, 1, 2.5, 10**9, "cpu (2 threads), float32")
            for info in infos
        ),
    )


def _grown(quality: float, settings: dict[str, Any]) -> float:
    steps = settings.get("steps")
    return quality if steps is None else quality * steps / (steps + FULL_STEPS)


def _cell(key: tuple[str, str], model: str, number: int, settings: dict[str, Any]) -> Cell:
    sha256 = hashlib.sha256(f"{key}{model}{number}{sorted(settings.items())}".encode()).hexdigest()
    seconds = 0.5 + 0.1 * settings.get("steps", 20) + 0.001 * number
    path = f"pictures/{sha256[:2]}/{sha256}.png"
    return Cell(*key, model, number, dict(settings), sha256, path, seconds=seconds)


def _score(metric: MetricInfo, true: float, noise: float, missing: float, rng: np.random.Generator) -> Score:
    value = float(np.clip(true + rng.normal(0, noise), 0, 1))
    if rng.random() < missing:
        return Score(metric.name, None, "the reply could not be read")
    return Score(metric.name, value if metric.higher_is_better else 1 - value)


def _rating(cell: Cell, rater: str, true: float) -> Rating:
    value = int(np.clip(round(1 + 4 * true), 1, 5))
    return Rating(rater, cell.suite, cell.prompt, str(cell.picture), value, 3.0)
