"""Metrics of sets: all pictures of one model for one suite under one setting, scored together."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from PIL import Image

from tasvir.bench.scoring import Opened
from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import CellRow, dumps, set_key
from tasvir.errors import TasvirError
from tasvir.records import Picture
from tasvir.score.base import SetMetric


def score_sets(
    metrics: Sequence[Opened], store: RunStore, cells: Sequence[CellRow], say: Callable[[str], None]
) -> None:
    """Score every set that has no score yet; one that fails is told, and tried again by the next command.

    Args:
        metrics: Opened; those of single pictures are left alone.
        store: Where pictures are and scores go.
        cells: Of the whole run.
        say: Told of what failed.
    """
    of_sets = [(one.metric, one) for one in metrics if isinstance(one.metric, SetMetric)]
    kept = store.pictures(cell.key for cell in cells) if of_sets else {}
    sets: dict[tuple[str, str, str], list[str]] = {}
    for cell in cells:
        if cell.key in kept:
            where = cell.suite, cell.model, dumps(cell.settings)
            sets.setdefault(where, []).append(kept[cell.key].sha256)
    for metric, one in of_sets:
        for (suite, model, _), hashes in sets.items():
            key = set_key(hashes, one.info.recipe_hash)
            if store.has_set_scores([key]):
                continue
            try:
                score = metric.measure_set([_picture(store, sha256) for sha256 in hashes])
            except TasvirError as problem:
                reason = f"{type(problem).__name__}: {problem}"
                store.add_failure(key, one.info.name, reason)
                say(f"{one.info.name} of {model} on {suite}: {reason}")
                continue
            store.add_set_score(hashes, one.info.recipe_hash, score)


def _picture(store: RunStore, sha256: str) -> Picture:
    png = store.read_png(sha256)
    with Image.open(io.BytesIO(png)) as opened:
        return Picture(png, *opened.size)
