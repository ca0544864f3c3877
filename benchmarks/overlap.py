"""Whether waiting for a multimodal model and drawing overlap: many prompts against a slow server.

    python benchmarks/overlap.py [-n 100] [--rounds 5] [--delay 2] [--concurrency 32] [--steps 16] [--json]

A server in another process speaks the OpenAI protocol and answers each call after ``--delay`` seconds with a
layout of two things, or with a verdict of 3, so that every prompt goes through all its rounds. The embedded
generator draws. The bound, which a perfect overlap would take, is the larger of the drawing time and the
waiting time divided by the calls at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import options, progress, show, whole_number
from mllm_server import MllmServer, Question

from tasvir import registry
from tasvir.bench.runner import Ended, PromptRunner, Task
from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide
from tasvir.models.service import ServiceSettings
from tasvir.records import Layout, Picture, Prompt

LAYOUT = {
    "reasoning": "side by side",
    "objects": [
        {"phrase": "a red car", "box": [0.05, 0.5, 0.45, 0.75]},
        {"phrase": "a dog", "box": [0.55, 0.5, 0.9, 0.8]},
    ],
    "background": "park",
    "overlaps": [],
}
VERDICT = {"reasoning": "the dog is hard to make out", "score": 3, "missing": ["a dog"]}


def answer(question: Question) -> str:
    """A verdict where a score is asked for, else a layout; the schema tells which."""
    asked = json.dumps(question.schema or {})
    return json.dumps(VERDICT if '"score"' in asked else LAYOUT)


def serve(delay: float) -> None:
    """Answer until stdin closes; the address is told on stdout."""
    with MllmServer(answer, delay=delay) as server:
        print(server.openai_address, flush=True)
        sys.stdin.read()


class Timed(Generator):
    """Adds up how long the real generator draws."""

    name = "timed"

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.native_size = generator.native_size
        self.seconds, self.pictures, self.calls = 0.0, 0, 0

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        start = time.perf_counter()
        pictures = self.generator.draw(prompts, layouts, seeds, settings)
        self.seconds += time.perf_counter() - start
        self.pictures += len(pictures)
        self.calls += 1
        return pictures


def measure(
    count: int, rounds: int, delay: float, concurrency: int, steps: int, batch: int, seed: int
) -> dict[str, Any]:
    """Run all prompts once against a fresh server and an empty store."""
    generator = Timed(registry.create("generators", "embedded", Generator))
    generator.draw([Prompt("a dog")], [None], [0], DrawSettings(generator.native_size, steps))
    generator.seconds, generator.pictures, generator.calls = 0.0, 0, 0
    command = [sys.executable, __file__, "--serve", str(delay)]
    with (
        tempfile.TemporaryDirectory() as replies,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdin is not None and server.stdout is not None
        address = server.stdout.readline().strip()
        service = ServiceSettings(replies=Path(replies), concurrency=concurrency)
        guide = registry.create("guides", f"{address}#scripted", Guide, service=service)
        settings = {"rounds": rounds, "steps": steps}
        runner = PromptRunner(guide, None, generator, settings, at_once=2 * concurrency, batch=batch)
        ended: list[Ended] = []
        tasks = [Task(str(i), Prompt(f"a red car left of a dog, view {i}"), seed + i) for i in range(count)]
        start = time.perf_counter()
        runner.run(tasks, lambda one: _note(ended, one, count), lambda *_: None)
        wall = time.perf_counter() - start
        server.stdin.close()
    return _figures(ended, generator, wall, concurrency, delay)


def _note(ended: list[Ended], one: Ended, count: int) -> None:
    ended.append(one)
    if len(ended) % 10 == 0:
        progress(f"{len(ended)} of {count} prompts, {threading.active_count()} threads")


def _figures(
    ended: list[Ended], generator: Timed, wall: float, concurrency: int, delay: float
) -> dict[str, Any]:
    failed = [one for one in ended if one.error is not None or one.trace is None]
    if failed:
        raise SystemExit(f"{len(failed)} prompts failed, the first with: {failed[0].error}")
    calls = sum(one.trace.usage.calls for one in ended if one.trace is not None)
    waited = calls * delay  # not what the client says, which counts waiting for a free place too
    bound = max(generator.seconds, waited / concurrency)
    return {
        "prompts": len(ended),
        "calls": calls,
        "pictures": generator.pictures,
        "pictures_a_batch": generator.pictures / generator.calls,
        "calls_at_once": concurrency,
        "wall_seconds": wall,
        "drawing_seconds": generator.seconds,
        "waiting_seconds": waited,
        "waiting_over_concurrency": waited / concurrency,
        "one_after_the_other_seconds": generator.seconds + waited,
        "wall_over_bound": wall / bound,
    }


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve(float(sys.argv[2]))
        return
    parser = options(__doc__)
    for name, value, told in (
        ("-n", 100, "prompts"),
        ("--rounds", 5, "redesigns a prompt"),
        ("--concurrency", 32, "calls at once"),
        ("--steps", 16, "denoising steps"),
        ("--batch", 8, "pictures drawn at once"),
        ("--threads", min(2, os.cpu_count() or 1), "threads of torch"),
    ):
        parser.add_argument(name, type=whole_number(1), default=value, help=f"{told} (default {value})")
    parser.add_argument("--delay", type=float, default=2.0, help="seconds an answer takes (default 2)")
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    figures = measure(
        given.n, given.rounds, given.delay, given.concurrency, given.steps, given.batch, given.seed
    )
    show("waiting and drawing at once", figures, given.json)


if __name__ == "__main__":
    main()
