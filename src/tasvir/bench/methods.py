"""How a picture of a prompt comes about: the loop's arms, and the best of several plain pictures.

An arm is the loop with switches, so that every step's worth is seen. Its fair rival draws as many plain
pictures as the loop did, and the same judge keeps the one that it likes best.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import asdict
from typing import TypedDict

from tasvir.generate.base import DrawSettings, Generator
from tasvir.guide.base import Guide
from tasvir.loop import Event, attempt_seed, best_index, spent
from tasvir.records import Attempt, Prompt, Trace


class Arm(TypedDict, total=False):
    """Switches of the loop that differ from their default."""

    guided: bool
    revise: bool
    judging: bool
    redesign: bool


ARMS: dict[str, Arm] = {
    "unguided": {"guided": False},
    "layout": {"revise": False, "judging": False, "redesign": False},
    "revised": {"judging": False, "redesign": False},
    "aligned": {"judging": False},
    "loop-unrevised": {"revise": False},
    "loop": {},
}
"""Switches of the loop by arm."""


def own_seed(seed: int, prompt: str) -> int:
    """The seed of a prompt, by its id, under a seed of a run: all models get the same one, so that they are
    compared in pairs, and no two prompts share their noise."""
    return attempt_seed(seed, 1 + zlib.crc32(prompt.encode()))


def best_of(
    prompt: Prompt,
    *,
    guide: Guide,
    generator: Generator,
    count: int,
    seed: int,
    steps: int | None = None,
    scale: float | None = None,
    sampler: str | None = None,
    size: tuple[int, int] | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Trace:
    """Draw plain pictures, let the guide judge each, and show the best; of equals the earlier.

    Args:
        prompt: What to draw.
        guide: Who judges.
        generator: Who draws.
        count: So many pictures, drawn at once.
        seed: The first one's; see `tasvir.loop.attempt_seed`.
        steps, scale, sampler, size: See `DrawSettings`; no size = the native one.
        on_event: Called as each step begins and at the end.

    Raises:
        TasvirError: What drawing or judging raises.
    """
    judge = guide.fork()
    settings = DrawSettings(size or generator.native_size, steps, scale, sampler)
    told = {"guide": None, "judge": judge.label, "generator": generator.label, "best_of": count}
    attempts: list[Attempt] = []

    def trace(finished: str = "interrupted") -> Trace:
        told_all = {**told, "seed": seed, **asdict(settings)}
        drawn = tuple(attempts), best_index(attempts), finished
        return Trace(prompt, seed, told_all, (), *drawn, *spent(judge))

    on_event(Event("draw", 0, trace()))
    seeds = [attempt_seed(seed, index) for index in range(count)]
    start = time.perf_counter()
    pictures = generator.draw([prompt] * count, [None] * count, seeds, settings)
    share = (time.perf_counter() - start) / count
    for index, (picture, own) in enumerate(zip(pictures, seeds, strict=True)):
        on_event(Event("judge", index, trace()))
        start = time.perf_counter()
        verdict = judge.judge(prompt, picture, seed=own)
        seconds = {"draw": share, "judge": time.perf_counter() - start}
        attempts.append(Attempt(index, None, picture, verdict, (), seconds))
    done = trace("single")
    on_event(Event("finished", count, done))
    return done
