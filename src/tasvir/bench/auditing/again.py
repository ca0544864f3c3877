"""Measures some pictures again: whether a metric that computes says the same twice, and how long it takes.

Each round has the pictures in another order, so that they meet others in their batches: what a value hangs on
besides its own picture would show. A metric that waits for a service is left alone; its answers are kept, and
it would be asked in vain.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from tasvir.bench.lines import writing
from tasvir.bench.scoring import Opened
from tasvir.bench.store import RunStore
from tasvir.errors import TasvirError
from tasvir.records import Picture, SuitePrompt
from tasvir.score.auditing.asking import Again
from tasvir.score.base import Metric

SAMPLE = 16
"""Pictures that are measured again."""
SAME = 1e-6
"""Values that differ by no more are the same: the order of a sum, not another opinion."""
KEPT = "again.json"


def measure_again(
    store: RunStore, metrics: Sequence[Opened], times: int, say: Callable[[str], None]
) -> dict[str, Again]:
    """By metric, what so many rounds over a sample brought; kept beside the run, by recipe.

    Args:
        store: Of a run that is drawn.
        metrics: Opened; those of sets and those that wait are left alone.
        times: Rounds.
        say: Told of a metric that failed.
    """
    file = store.folder / KEPT
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
    found: dict[str, Again] = {}
    for one in metrics:
        if one.waits or not isinstance(one.metric, Metric):
            continue
        key = f"{one.info.recipe_hash} {times}"
        if key not in kept:
            try:
                kept[key] = asdict(_rounds(one.metric, *_sample(store), times))
            except TasvirError as problem:
                say(f"{one.info.name}: {problem}")
                continue
            _write(file, kept)
        found[one.info.name] = Again(**kept[key])
    return found


def _sample(store: RunStore) -> tuple[list[SuitePrompt], list[Picture]]:
    """The first pictures of the run, each with its prompt."""
    prompts, cells = store.prompts(), store.cells()
    there = store.pictures(cell.key for cell in cells)
    chosen = [cell for cell in cells if cell.key in there][:SAMPLE]
    pngs = [store.read_png(there[cell.key].sha256) for cell in chosen]
    pictures = []
    for png in pngs:
        with Image.open(io.BytesIO(png)) as opened:
            pictures.append(Picture(png, *opened.size))
    return [prompts[cell.suite, cell.prompt] for cell in chosen], pictures


def _rounds(metric: Metric, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture], times: int) -> Again:
    rng = np.random.default_rng(0)
    values = np.full((times, len(pictures)), np.nan)
    seconds = []
    for row in range(times):
        order = rng.permutation(len(pictures))
        start = time.perf_counter()
        for batch in np.array_split(order, range(metric.batch, len(order), metric.batch)):
            scores = metric.measure([prompts[i] for i in batch], [pictures[i] for i in batch])
            values[row, batch] = [np.nan if score.value is None else score.value for score in scores]
        seconds.append((time.perf_counter() - start) / max(len(pictures), 1))
    apart = np.nan_to_num(values.max(axis=0) - values.min(axis=0))
    differing = (apart > SAME) | (np.isnan(values).any(axis=0) != np.isnan(values).all(axis=0))
    return Again(
        len(pictures),
        times,
        int((~differing).sum()),
        float(apart.max(initial=0.0)),
        min(seconds),
    )


def _write(file: Path, kept: dict[str, object]) -> None:
    fresh = file.with_name(f"{file.name}.new")
    with writing(file.parent):
        fresh.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        fresh.replace(file)
