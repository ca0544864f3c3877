"""Do the metrics that look with the embedded detector tell true scenes from false ones?

For the prompts of the world suite about one relation in the plane or in depth, or about numbers, scenes
are rendered of which the prompt is true, and others of which it is not: roles swapped (where that makes it
false), things placed without regard to the relation, one too many or too few. Printed by metric: how many
prompts it measures, its mean on true and on false scenes, and how often a prompt's true scene scores above
its false one (ties count half), with Wilson intervals.

    python benchmarks/detector_metrics.py [--each 100]
"""

from __future__ import annotations

import argparse
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from PIL import Image

from tasvir import registry
from tasvir.bench.suites.world import as_suite_prompt
from tasvir.errors import UserInputError
from tasvir.records import Picture, SuitePrompt
from tasvir.score.base import Metric
from tasvir.score.statistics import mean_interval
from tasvir.world.description import Claim, Description, check
from tasvir.world.render import render
from tasvir.world.sampler import sample_for
from tasvir.world.scene import Scene
from tasvir.world.suite import WorldPrompt, world_suite

METRICS = (
    "spatial-2d", "spatial-2d-upstream", "spatial-3d", "spatial-3d-upstream", "numeracy", "numeracy-upstream",
    "geneval",
)  # fmt: skip
CATEGORIES = ("spatial", "3d-spatial", "count")
TRIES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--each", type=int, default=100, help="prompts of each category, at most 100")
    each = parser.parse_args().each
    cases = [case for entry in _prompts(each) for case in _cases(entry)]
    print(f"{len(cases)} pairs of scenes")
    prompts = [prompt for prompt, *_ in cases]
    pictures = [[case[side] for case in cases] for side in (1, 2)]
    for name in METRICS:
        metric = registry.create("metrics", f"{name}:embedded", Metric)
        true, false = ([score.value for score in metric.measure(prompts, side)] for side in pictures)
        rows = defaultdict(list)
        for (*_, fault), first, second in zip(cases, true, false, strict=True):
            if first is not None and second is not None:
                rows[fault].append((first, second))
        for fault, pairs in sorted(rows.items()):
            means = [float(np.mean([pair[side] for pair in pairs])) for side in (0, 1)]
            wins = [float(first > second) + 0.5 * (first == second) for first, second in pairs]
            share, low, high = mean_interval(wins)
            print(
                f"{name:20} {fault:8} n {len(pairs):4}  true {means[0]:.3f}  false {means[1]:.3f}  "
                f"true above false {share:.3f} [{low:.3f}, {high:.3f}]"
            )


def _prompts(each: int) -> Iterator[WorldPrompt]:
    seen: dict[str, int] = defaultdict(int)
    for entry in world_suite():
        seen[entry.category] += 1
        if entry.category in CATEGORIES and seen[entry.category] <= each:
            yield entry


def _cases(entry: WorldPrompt) -> Iterator[tuple[SuitePrompt, Picture, Picture, str]]:
    """A prompt, a picture of which it is true, one of which it is not, and what is wrong with that."""
    dice = np.random.default_rng(int.from_bytes(entry.id.encode(), "little") % 2**32)
    true = _drawn(entry.description, dice)
    if true is None:
        return
    for fault, description in _faulty(entry.description):
        for _ in range(TRIES):
            scene = _drawn(description, dice)
            if scene is not None and not check(entry.description, scene.things, scene.background).all_true:
                yield as_suite_prompt(entry), _picture(true), _picture(scene), fault
                break


def _faulty(told: Description) -> Iterator[tuple[str, Description]]:
    if told.claims:
        turned = tuple(Claim(claim.name, claim.object, claim.subject) for claim in told.claims)
        yield "swapped", replace(told, claims=turned)
        yield "free", replace(told, claims=())
    for place, entity in enumerate(told.entities):
        if entity.count > 1:
            for change in (-1, 1):
                others = list(told.entities)
                others[place] = replace(entity, count=entity.count + change)
                yield "count", replace(told, entities=tuple(others))


def _drawn(description: Description, dice: np.random.Generator) -> Scene | None:
    try:
        return sample_for(description, dice, tries=TRIES)
    except UserInputError:
        return None


def _picture(scene: Scene) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(render(scene)).save(buffer, "PNG")
    return Picture(buffer.getvalue(), 128, 128)


if __name__ == "__main__":
    main()
