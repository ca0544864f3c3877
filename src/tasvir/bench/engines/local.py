"""Draws on this machine: one model at a time is loaded, draws all it is asked for, and is let go."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tasvir.bench.drawing import Drawer, Undrawn
from tasvir.bench.engines.base import Engine, Job, Sink
from tasvir.bench.models import BenchModel
from tasvir.bench.timing import Batches, Stopwatch, stretch
from tasvir.errors import BudgetError, TasvirError
from tasvir.generate.base import Generator
from tasvir.guide.base import Guide


class LocalEngine(Engine):
    """One process, one model at a time.

    Args:
        keep: Folder for pictures on the way of prompts whose guide is paid for.
    """

    def __init__(self, keep: Path | None = None) -> None:
        self._keep = keep
        self._generators: dict[str, tuple[Generator, float]] = {}
        self._guides: dict[str, Guide | None] = {}

    def run(self, jobs: Sequence[Job], sink: Sink) -> None:
        """See `Engine.run`; columns that share a generator draw one after the other."""
        order = list(dict.fromkeys(job.model.generator_key for job in jobs))
        for job in sorted(jobs, key=lambda job: order.index(job.model.generator_key)):
            try:
                self._one(job, sink)
            except BudgetError as problem:
                sink.say(f"{job.model.name}: {problem}")

    def lend(self, model: BenchModel, generator: Generator) -> None:
        """Draw with a generator that is loaded already, until another one is loaded."""
        self._generators[model.generator_key] = generator, 0.0

    def close(self) -> None:
        """Free the memory that models take."""
        self._generators, self._guides = {}, {}
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _one(self, job: Job, sink: Sink) -> None:
        try:
            sink.begin(job, "loading")
            drawer, load_seconds = self._opened(job.model, job.batch)
        except TasvirError as problem:
            sink.keep(job, [Undrawn(wish.key, f"{type(problem).__name__}: {problem}") for wish in job.wishes])
            return
        rest: Batches = job.batches
        if job.timed:
            timed, rest = stretch(job.batches)
            watch = Stopwatch(job, load_seconds)
            with sink.undisturbed():
                sink.begin(job, "warming up")
                drawer.warm_up(timed[0], job.settings)
                sink.begin(job, "timed")
                watch.start()
                drawer.draw(timed, job.settings, lambda results: sink.keep(job, watch.seen(results)))
            speed = watch.speed()
            if speed is not None:
                sink.speed(speed)
        sink.begin(job, "drawing")
        drawer.draw(rest, job.settings, lambda results: sink.keep(job, results))

    def _opened(self, model: BenchModel, batch: int) -> tuple[Drawer, float]:
        if model.generator_key not in self._generators:
            self.close()
            start = time.perf_counter()
            opened = model.open_generator()
            self._generators[model.generator_key] = opened, time.perf_counter() - start
        if model.guide_key not in self._guides:
            self._guides = {model.guide_key: model.open_guide()}
        generator, seconds = self._generators[model.generator_key]
        return Drawer(model, generator, self._guides[model.guide_key], batch, self._keep), seconds
