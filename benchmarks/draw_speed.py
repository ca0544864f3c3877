"""How long one plain and one guided picture take on the embedded models, in process, and how much memory.

    python benchmarks/draw_speed.py [-n 30] [--threads 2] [--json]

The prompts are spread over the world suite. Loading the models is reported apart from drawing; one picture of
each way is drawn first and not counted. Peak memory is that of the whole process at the end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from measuring import Spread, options, peak_memory_gib, progress, show, whole_number

from tasvir import pipeline, registry
from tasvir.generate.base import Generator
from tasvir.guide.base import Guide
from tasvir.world.suite import WorldPrompt, world_suite

Models = tuple[Guide, Generator]


def spread_prompts(count: int) -> list[WorldPrompt]:
    """That many prompts at equal distances over the suite, all categories in turn."""
    suite = world_suite()
    return [suite[index * len(suite) // count] for index in range(count)]


def load(guide: str, generator: str) -> tuple[Models, float]:
    """The models and the seconds that loading them took, imports included."""
    start = time.perf_counter()
    models = registry.create("guides", guide, Guide), registry.create("generators", generator, Generator)
    return models, time.perf_counter() - start


def draw(text: str, models: Models, *, guided: bool, seed: int) -> tuple[float, int]:
    """Seconds for one prompt, and how many pictures were drawn for it."""
    start = time.perf_counter()
    trace = pipeline.generate(text, guide=models[0], generator=models[1], guided=guided, seed=seed)
    return time.perf_counter() - start, len(trace.attempts)


def measure(prompts: Sequence[WorldPrompt], models: Models, *, guided: bool, seed: int) -> dict[str, Any]:
    """Seconds and pictures over the prompts."""
    name = "guided" if guided else "plain"
    first, _ = draw(prompts[0].text, models, guided=guided, seed=seed)
    seconds, pictures = [], []
    for number, entry in enumerate(prompts):
        taken, drawn = draw(entry.text, models, guided=guided, seed=seed + number)
        seconds.append(taken)
        pictures.append(drawn)
        progress(f"{name} {number + 1}/{len(prompts)}  {taken:.2f} s  {drawn} pictures  {entry.text}")
    return {
        "seconds": Spread.of(seconds),
        "pictures_drawn": Spread.of(pictures),
        "seconds_of_the_first_uncounted": first,
    }


def set_threads(threads: int | None) -> None:
    """Give torch so many threads; None leaves its choice."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("-n", type=whole_number(1), default=30, help="prompts (default 30)")
    parser.add_argument("--threads", type=whole_number(1), help="torch's threads; its own choice if left out")
    parser.add_argument("--only", choices=("plain", "guided"), help="only one of the two")
    parser.add_argument("--guide", default="embedded", help="see `tasvir list guides`")
    parser.add_argument("--generator", default="embedded", help="see `tasvir list generators`")
    asked = parser.parse_args(arguments)
    set_threads(asked.threads)
    before = peak_memory_gib()
    models, loading = load(asked.guide, asked.generator)
    figures: dict[str, Any] = {"seconds_to_load": loading, "guide": asked.guide, "generator": asked.generator}
    prompts = spread_prompts(asked.n)
    for name in ("plain", "guided"):
        if asked.only in (None, name):
            figures[name] = measure(prompts, models, guided=name == "guided", seed=asked.seed)
    figures["memory_gib"] = {"before_loading": before, "peak": peak_memory_gib()}
    show("one picture, seconds of wall time", figures, asked.json)


if __name__ == "__main__":
    main()
