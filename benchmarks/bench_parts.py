"""What benchmarks of `tasvir bench` share: a loaded generator, prompts of the world, and a run timed."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring import whole_number

from tasvir import registry
from tasvir.bench.asked import Asked, begun
from tasvir.bench.engines.local import LocalEngine
from tasvir.bench.methods import own_seed
from tasvir.bench.models import BenchModel, parse_spec
from tasvir.bench.preparing import Request, prepared
from tasvir.bench.sampling import choose
from tasvir.bench.suites.world import WorldSuite
from tasvir.generate.base import DrawSettings, Generator
from tasvir.models.load import LoadSettings
from tasvir.models.opening import Opening
from tasvir.models.service import ServiceSettings
from tasvir.records import Picture, Prompt, SuitePrompt
from tasvir.results import Speed
from tasvir.score.base import Metric

OPENING = Opening(LoadSettings(device="cpu"), ServiceSettings())
SPEC = "embedded"


class Silent:
    """Nobody is told anything."""

    def expect(self, name: str, total: int, done: int) -> None: ...

    def advance(self, name: str, count: int) -> None: ...

    def doing(self, name: str, what: str) -> None: ...

    def say(self, text: str) -> None:
        raise SystemExit(f"the run failed: {text}")


class Bench:
    """Models that are loaded once and used by the runner and by the bare loops alike.

    Args:
        count: Prompts of the world suite.
        steps: Denoising steps.
        metrics: Names of plugins.
    """

    def __init__(self, count: int, steps: int, metrics: Sequence[str]) -> None:
        self.prompts = choose(WorldSuite().prompts(), limit=count)
        self.names = tuple(metrics)
        self.draw_settings = {"steps": steps}
        self.model = BenchModel(SPEC, parse_spec(SPEC), OPENING, {})
        self.generator: Generator = self.model.open_generator()
        self.metrics = [registry.create("metrics", name, Metric) for name in metrics]
        self.score(self.prompts[:1], self.draw(self.prompts[:1]))  # what is slow the first time

    def draw(self, prompts: Sequence[SuitePrompt]) -> list[Picture]:
        """One call of the generator."""
        texts = [Prompt(prompt.text) for prompt in prompts]
        seeds = [own_seed(0, prompt.id) for prompt in prompts]
        settings = DrawSettings(self.generator.native_size, self.draw_settings["steps"])
        return self.generator.draw(texts, [None] * len(texts), seeds, settings)

    def score(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> None:
        """One call of each metric."""
        for metric in self.metrics:
            metric.measure(prompts, pictures)

    def bare(self, batch: int) -> float:
        """Seconds of a loop that draws and scores batch by batch, and keeps nothing."""
        start = time.perf_counter()
        for at in range(0, len(self.prompts), batch):
            part = self.prompts[at : at + batch]
            self.score(part, self.draw(part))
        return time.perf_counter() - start

    def runner(self, folder: Path, batch: int) -> float:
        """Seconds of a whole run in a new folder, planning and keeping included; its speed is not taken, for
        that draws more."""
        ids = tuple(prompt.id for prompt in self.prompts)
        asked = Asked(
            suites={"world": ids},
            provenances={"world": {}},
            models={SPEC: self.model.to_dict()},
            draw=self.draw_settings,
        )
        told = {"world": self.prompts}
        start = time.perf_counter()
        request = Request(folder, OPENING, asked, told, self.names, batch, begun("a benchmark"))
        with prepared(request, Silent()) as run:
            run.store.add_speed(Speed(SPEC, {}, 1, (1.0, 1.0, 1.0), None, batch, None, None, "not taken"))
            for opened, metric in zip(run.metrics, self.metrics, strict=True):
                opened.metric = metric
            engine = LocalEngine()
            engine.lend(self.model, self.generator)
            run.go(engine)
        return time.perf_counter() - start


def in_turns(
    first: Callable[[Path], float], second: Callable[[Path], float], rounds: int
) -> Iterator[tuple[float, float]]:
    """Seconds of both in rounds, each in a new folder; who begins alternates."""
    for number in range(rounds):
        with TemporaryDirectory() as made:
            folder = Path(made)
            if number % 2 == 0:
                one = first(folder)
                yield one, second(folder)
            else:
                other = second(folder)
                yield first(folder), other


def add_options(parser: ArgumentParser, count: int, rounds: int) -> None:
    """Those of all of them."""
    for name, value, told in (
        ("-n", count, "prompts"),
        ("--rounds", rounds, "rounds"),
        ("--steps", 16, "denoising steps"),
        ("--batch", 8, "pictures drawn at once"),
        ("--threads", min(2, os.cpu_count() or 1), "threads of torch"),
    ):
        parser.add_argument(name, type=whole_number(1), default=value, help=f"{told} (default {value})")
    parser.add_argument("--metrics", nargs="+", default=["predicates"], help="plugins (default predicates)")
