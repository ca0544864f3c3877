"""A run with pictures whose truth is known: drawn by the world, by models that make mistakes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tasvir.records import Box, Layout, Score, SuitePrompt, Thing
from tasvir.results import Cell, MetricInfo, ModelInfo, Rating, RunResults, Speed
from tasvir.world.captions import phrase
from tasvir.world.catalogue import palette
from tasvir.world.description import check
from tasvir.world.render import render
from tasvir.world.sampler import sample_for
from tasvir.world.scene import Scene
from tasvir.world.suite import CATEGORIES, WorldPrompt, world_suite

SUITE = "world"
MODELS: Mapping[str, tuple[float, float]] = {
    "careful": (0.05, 1.9),
    "plain": (0.35, 0.6),
    "plain-parks": (0.3, 0.62),
    "careless": (0.75, 0.3),
}
"""Chance of a fault for each thing, and seconds a picture."""
TRUTH, CLOSENESS = "predicates", "clip-score:embedded"


def build_picture_run(
    folder: Path,
    *,
    models: Mapping[str, tuple[float, float]] = MODELS,
    a_category: int = 2,
    seeds: Sequence[int] = (0, 1),
    sweep: Sequence[dict[str, Any]] = ({},),
    raters: Sequence[str] = (),
    failing: float = 0.03,
    texts: Mapping[int, str] | None = None,
    seed: int = 0,
) -> RunResults:
    """Draw a run into ``folder``; a swept "steps" makes faults rarer.

    Args:
        a_category: Prompts of each of the world's six categories.
        failing: Share of pictures that were not drawn, and of scores that are missing.
        texts: Other texts for some prompts, by their number.
    """
    rng = np.random.default_rng(seed)
    chosen = [
        prompt
        for category in CATEGORIES
        for prompt in [one for one in world_suite() if one.category == category][:a_category]
    ]
    prompts = {
        (SUITE, one.id): SuitePrompt(one.id, (texts or {}).get(number, one.text), one.category)
        for number, one in enumerate(chosen)
    }
    cells: list[Cell] = []
    ratings: list[Rating] = []
    for prompt in chosen:
        for name, (faults, seconds) in models.items():
            for settings in sweep:
                for number in seeds:
                    cell = Cell(SUITE, prompt.id, name, number, dict(settings))
                    if rng.random() < failing:
                        cells.append(replace(cell, reason="out of memory"))
                        continue
                    steps = settings.get("steps", 20)
                    chance = faults + (1 - faults) * 2.0 ** (-steps / 3)
                    drawn, share, layout = _draw(prompt, chance, rng)
                    cell = _shown(cell, folder, drawn, layout)
                    spent = seconds * (0.2 + steps / 25) * rng.uniform(0.9, 1.2)
                    cell = replace(cell, seconds=float(spent), scores=_scores(share, failing, rng))
                    cells.append(cell)
                    for rater in raters:
                        value = int(np.clip(round(1 + 4 * share + rng.normal(0, 0.5)), 1, 5))
                        ratings.append(Rating(rater, SUITE, prompt.id, str(cell.picture), value, 2.5))
    return RunResults(
        about={"format": "tasvir-run/1", "version": "0.1.0", "machine": "2 cores", "command": "made up"},
        suites={SUITE: {"source": "tasvir.world.suite_making", "licence": "Apache-2.0"}},
        prompts=prompts,
        models=tuple(_model(name) for name in models),
        metrics=(_metric(TRUTH, (0.0, 1.0)), _metric(CLOSENESS, (-1.0, 1.0))),
        cells=tuple(cells),
        ratings=tuple(ratings),
        speeds=tuple(_speed(name, settings, models[name][1]) for name in models for settings in sweep),
    )


def _draw(prompt: WorldPrompt, chance: float, rng: np.random.Generator) -> tuple[bytes, float, Layout]:
    """A scene in which the prompt is true, with faults: things left out, or of another colour."""
    scene = sample_for(prompt.description, rng)
    things = []
    for thing in scene.things:
        if rng.random() >= chance:
            things.append(thing)
        elif rng.random() < 0.6:
            others = [color for color in palette() if color != thing.color]
            things.append(replace(thing, color=str(rng.choice(others))))
    outcome = check(prompt.description, things, scene.background)
    share = sum(true for _, true in outcome.predicates) / max(len(outcome.predicates), 1)
    buffer = io.BytesIO()
    picture = render(Scene(tuple(things), (), scene.background, scene.seed))
    Image.fromarray(picture).save(buffer, "PNG")
    layout = Layout(tuple(Thing(phrase(thing), Box(*thing.box)) for thing in scene.things))
    return buffer.getvalue(), float(share), layout


def _shown(cell: Cell, folder: Path, png: bytes, layout: Layout) -> Cell:
    sha256 = hashlib.sha256(png).hexdigest()
    path = Path("pictures") / sha256[:2] / f"{sha256}.png"
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(png)
    return replace(cell, picture=sha256, path=path.as_posix(), story={"layout": layout.to_dict()})


def _scores(share: float, missing: float, rng: np.random.Generator) -> dict[str, Score]:
    truth = Score(TRUTH, share)
    if rng.random() < missing:
        truth = Score(TRUTH, None, "the reader saw nothing")
    return {TRUTH: truth, CLOSENESS: Score(CLOSENESS, float(0.2 + 0.1 * share + rng.normal(0, 0.02)))}


def _model(name: str) -> ModelInfo:
    base, _, tuned = name.rpartition("-")
    return ModelInfo(name, f"embedded:{name}", {"weights": "0" * 16}, base if base and tuned else None)


def _metric(name: str, bounds: tuple[float, float]) -> MetricInfo:
    digits = hashlib.sha256(name.encode()).hexdigest()[:16]
    return MetricInfo(name, {"metric": name, "version": 1}, digits, True, bounds)


def _speed(name: str, settings: dict[str, Any], seconds: float) -> Speed:
    steps = settings.get("steps", 20)
    whole = seconds * (0.2 + steps / 25)
    quartiles = (whole * 0.95, whole, whole * 1.1)
    return Speed(
        name, settings, 20, quartiles, steps / whole, 4, 1.4, 900_000_000, "cpu (2 threads), float32"
    )
