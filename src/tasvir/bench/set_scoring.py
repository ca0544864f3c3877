"""Metrics of sets: all pictures of one model for one suite under one setting, scored together."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import overload

from PIL import Image

from tasvir.bench.scoring import Opened
from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import CellRow, dumps, set_key
from tasvir.errors import RecordError, TasvirError
from tasvir.records import Picture
from tasvir.score.base import SetMetric

SetOf = tuple[str, str, str]
"""Whose pictures a set is of: suite, model, settings (`dumps`)."""


def sets_of(store: RunStore, cells: Sequence[CellRow]) -> dict[SetOf, list[str]]:
    """The sets of a run, each as the SHA-256 of its pictures that are there."""
    there = store.hashes(cell.key for cell in cells)
    sets: dict[SetOf, list[str]] = {}
    for cell in cells:
        if cell.key in there:
            sets.setdefault((cell.suite, cell.model, dumps(cell.settings)), []).append(there[cell.key])
    return sets


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
    sets = sets_of(store, cells) if of_sets else {}
    for metric, one in of_sets:
        for (suite, model, _), hashes in sets.items():
            key = set_key(hashes, one.info.recipe_hash)
            if store.has_set_scores([key]):
                continue
            try:
                score = metric.measure_set(_KeptPictures(store, hashes))
            except TasvirError as problem:
                reason = f"{type(problem).__name__}: {problem}"
                store.add_failure(key, one.info.name, reason)
                say(f"{one.info.name} of {model} on {suite}: {reason}")
                continue
            store.add_set_score(hashes, one.info.recipe_hash, score)


class _KeptPictures(Sequence[Picture]):
    """Pictures that are read when they are looked at: a set may be larger than the memory."""

    def __init__(self, store: RunStore, hashes: Sequence[str]) -> None:
        self._store, self._hashes = store, hashes

    def __len__(self) -> int:
        return len(self._hashes)

    @overload
    def __getitem__(self, index: int) -> Picture: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Picture]: ...

    def __getitem__(self, index: int | slice) -> Picture | Sequence[Picture]:
        if isinstance(index, slice):
            return _KeptPictures(self._store, self._hashes[index])
        return self._read(self._hashes[index])

    def _read(self, sha256: str) -> Picture:
        try:
            png = self._store.read_png(sha256)
        except RecordError as problem:
            self._store.forget(sha256, f"{type(problem).__name__}: {problem}")
            raise
        with Image.open(io.BytesIO(png)) as opened:
            return Picture(png, *opened.size)
