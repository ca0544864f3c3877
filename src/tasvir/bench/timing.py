"""How fast a model draws, measured on its first pictures while nothing else is at work.

A warming up that is thrown away comes first; loading is told apart; a time ends when the pictures are PNG
files in memory, so that a GPU has done all its work by then. Times are shares of whole batches, from text to
file; the median and the quartiles over pictures are told.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tasvir.bench.drawing import Drawn, Result, Wish
from tasvir.results import Speed

if TYPE_CHECKING:
    import torch

    from tasvir.bench.engines.base import Job

PICTURES, BATCHES = 10, 3
"""At least so many of each are timed, where there are so many."""
Batches = Sequence[Sequence[Wish]]


def stretch(batches: Batches) -> tuple[Batches, Batches]:
    """The first batches, which are timed, and the others."""
    pictures = 0
    for count, wishes in enumerate(batches, 1):
        pictures += len(wishes)
        if count >= BATCHES and pictures >= PICTURES:
            return batches[:count], batches[count:]
    return batches, ()


class Stopwatch:
    """Takes the times of a job's first pictures.

    Args:
        job: Whose.
        load_seconds: Of its generator.
    """

    def __init__(self, job: Job, load_seconds: float) -> None:
        self._job, self._load_seconds = job, load_seconds
        self._drawn: list[Drawn] = []
        self._device = _device(job.model.opening.load.device)

    def start(self) -> None:
        """Count memory from here on."""
        from tasvir.models.devices import forget_peak

        forget_peak(self._device)

    def seen(self, results: list[Result]) -> list[Result]:
        """Note what was drawn, and hand it on."""
        self._drawn += [result for result in results if isinstance(result, Drawn)]
        return results

    def speed(self) -> Speed | None:
        """What was measured; None where nothing was drawn."""
        from tasvir.models.devices import peak_memory

        if not self._drawn:
            return None
        low, middle, high = np.quantile([drawn.seconds for drawn in self._drawn], (0.25, 0.5, 0.75))
        rates = [
            drawn.steps / drawn.drawing
            for drawn in self._drawn
            if drawn.steps is not None and drawn.drawing > 0
        ]
        return Speed(
            model=self._job.model.name,
            settings=self._job.sweep,
            n=len(self._drawn),
            seconds=(float(low), float(middle), float(high)),
            steps_per_second=float(np.median(rates)) if rates else None,
            batch=self._at_once(),
            load_seconds=self._load_seconds,
            peak_bytes=peak_memory(self._device),
            device=_words(self._device, self._drawn[0]),
        )

    def _at_once(self) -> int:
        spec = self._job.model.spec
        return max(map(len, self._job.batches)) if spec.guide is None else spec.count or 1


def _device(name: str) -> torch.device:
    from tasvir.models.devices import pick_device

    return pick_device(name)


def _words(device: torch.device, drawn: Drawn) -> str:
    import torch

    threads = torch.get_num_threads()
    words = f"{device.type} ({threads} of {os.cpu_count()} threads)"
    if device.type == "cuda":
        words = torch.cuda.get_device_name(device)
    dtype = drawn.story.get("provenance", {}).get("dtype")
    return f"{words}, {dtype}" if dtype else words
