"""Scenes rendered a second on one core.

Three rates, because a cache is only as good as what asks it:
  cached    the same scenes again: every sprite is there in its size
  fresh     scenes not drawn before: the drawings are rasterised, but some sizes are new
  sampled   fresh scenes, the time to sample them included: what training pays

    python benchmarks/render_speed.py [--scenes 2000] [--rounds 5] [--size 128] [--json]
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from measuring import Spread, options, show, whole_number

from tasvir.world.catalogue import catalogue, palette
from tasvir.world.render import render, sprite
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import SURFACES, Scene

CACHED = 1000
"""Scenes of the rate `cached`: few enough for the sprite cache to hold all of their sprites."""


def rasterise() -> tuple[int, float]:
    """Rasterise every drawing in every colour and surface; returns their number and the seconds."""
    start = time.perf_counter()
    count = 0
    for kind in catalogue().values():
        surfaces = SURFACES if kind.surfaces else SURFACES[:1]
        for pose, color, surface in product(kind.poses or (None,), palette(), surfaces):
            sprite(kind.name, pose, color, surface, None, 16, 16)
            count += 1
    return count, time.perf_counter() - start


def sample(count: int, seed: int) -> list[Scene]:
    """Training scenes."""
    rng = np.random.default_rng(seed)
    return [sample_scene(rng) for _ in range(count)]


def draw(scenes: Sequence[Scene], side: int) -> float:
    """Render all; returns scenes a second."""
    start = time.perf_counter()
    for scene in scenes:
        render(scene, (side, side))
    return len(scenes) / (time.perf_counter() - start)


def sample_and_draw(count: int, side: int, seed: int) -> float:
    """Sample and render; returns scenes a second."""
    start = time.perf_counter()
    for scene in sample(count, seed):
        render(scene, (side, side))
    return count / (time.perf_counter() - start)


def measure(count: int, rounds: int, side: int, seed: int) -> dict[str, Spread]:
    """The three rates, each over ``rounds`` rounds."""
    few = sample(min(count, CACHED), seed)
    draw(few, side)
    cached = [draw(few, side) for _ in range(rounds)]
    seeds = range(seed + 1, seed + 1 + rounds)
    fresh = [draw(sample(count, number), side) for number in seeds]
    sampled = [sample_and_draw(count, side, number + rounds) for number in seeds]
    return {"cached": Spread.of(cached), "fresh": Spread.of(fresh), "sampled": Spread.of(sampled)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--scenes", type=whole_number(1), default=2000, help="scenes a round (default 2000)")
    parser.add_argument("--rounds", type=whole_number(1), default=5, help="rounds (default 5)")
    parser.add_argument("--size", type=whole_number(16), default=128, help="side in pixels (default 128)")
    asked = parser.parse_args(arguments)
    drawings, seconds = rasterise()
    rates = measure(asked.scenes, asked.rounds, asked.size, asked.seed)
    figures: dict[str, Any] = {
        "scenes_a_round": asked.scenes,
        "side": asked.size,
        "drawings": drawings,
        "seconds_to_rasterise_them": seconds,
        "scenes_a_second": rates,
    }
    show("scenes rendered a second on one core", figures, asked.json)


if __name__ == "__main__":
    main()
