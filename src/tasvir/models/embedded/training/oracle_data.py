"""Scenes for the oracle's training, with what every cell of its grid shows.

Half of the scenes come from the world's sampler and half are scattered: any things anywhere, up to six, so
that the oracle also reads pictures in which nothing is where it belongs. No scene holds a held-out
combination.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasvir.models.embedded.oracle import GRID, SIDE
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.render import render, sprite
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import BACKGROUNDS, FACINGS, POSES, SURFACES, Placed, Scene
from tasvir.world.splits import found_in

SEEDS = 982_451_653
"""First word of every seed of the oracle's training: no other training draws from this range."""
SHOWN = 0.35
"""A cell shows a thing where things fill at least this share of it."""
IGNORED = -100
"""Label of an attribute that a cell does not have (cross entropy's own default)."""

_KINDS = tuple(catalogue().values())
_COLORS = tuple(palette())
_KIND_INDEX = {kind.name: index for index, kind in enumerate(_KINDS)}


@dataclass(frozen=True, slots=True)
class Labels:
    """What cells show, each [N, 32, 32] unless said otherwise.

    Args:
        classes: "kind" (0 = nothing), "color", "surface", "pose", "facing": int64; IGNORED = has none.
        edges: Distances to the edges of the amodal box, float32 [N, 4, 32, 32], 0 where nothing is.
        weight: Weight of the cell in the loss: one over the root of its thing's visible cells.
        background: int64 [N].
    """

    classes: dict[str, NDArray[np.int64]]
    edges: NDArray[np.float32]
    weight: NDArray[np.float32]
    background: NDArray[np.int64]


def draw_batch(rng: np.random.Generator, count: int) -> tuple[NDArray[np.uint8], Labels]:
    """That many fresh pictures, uint8 [N, 128, 128, 3], with their labels."""
    scenes = [scattered(rng) if rng.random() < 0.5 else sample_scene(rng) for _ in range(count)]
    pictures = np.stack([render(scene, (SIDE, SIDE)) for scene in scenes])
    return pictures, label(scenes)


def scattered(rng: np.random.Generator) -> Scene:
    """A scene of 1 to 6 things, each anywhere and of any kind, size and colour; no held-out combination."""
    things: list[Placed] = []
    for _ in range(int(rng.choice(6, p=(0.1, 0.25, 0.25, 0.2, 0.12, 0.08))) + 1):
        thing = _anywhere(rng)
        if not found_in([*things, thing]):
            things.append(thing)
    return Scene(tuple(things), (), BACKGROUNDS[rng.integers(len(BACKGROUNDS))], int(rng.integers(2)))


def _anywhere(rng: np.random.Generator) -> Placed:
    kind = _KINDS[rng.integers(len(_KINDS))]
    height = float(np.clip(kind.height * np.exp(rng.uniform(np.log(0.6), np.log(1.6))), 0.14, 0.9))
    width = float(np.clip(height * kind.aspect * rng.uniform(0.82, 1.22), 0.09, 0.95))
    x, y = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return Placed(
        kind.name,
        (x, y, x + width, y + height),
        kind.color if rng.random() < 0.25 else _COLORS[rng.integers(len(_COLORS))],
        SURFACES[rng.integers(3)] if kind.surfaces else "plain",
        kind.poses[rng.integers(len(kind.poses))] if kind.poses else None,
        FACINGS[rng.integers(2)] if kind.directional else None,
    )


def label(scenes: list[Scene]) -> Labels:
    """What the cells of scenes show."""
    shape = (len(scenes), GRID, GRID)
    classes = {name: np.full(shape, IGNORED) for name in ("color", "surface", "pose", "facing")}
    classes["kind"] = np.zeros(shape, np.int64)
    edges = np.zeros((len(scenes), 4, GRID, GRID), np.float32)
    weight = np.full(shape, 1 / GRID, np.float32)
    for index, scene in enumerate(scenes):
        owner = visible_owner(scene.things)
        for place, thing in enumerate(scene.things):
            mask = owner == place
            if mask.any():
                _mark({name: values[index] for name, values in classes.items()}, thing, mask)
                edges[index][:, mask] = _edges(thing, mask)
                weight[index][mask] = 1 / np.sqrt(mask.sum())
    backgrounds = np.array([BACKGROUNDS.index(scene.background) for scene in scenes])
    return Labels(classes, edges, weight, backgrounds)


def visible_owner(things: tuple[Placed, ...]) -> NDArray[np.int64]:
    """Which thing a cell shows, [32, 32]; -1 = none. Alphas are composited back to front like the picture."""
    if not things:
        return np.full((GRID, GRID), -1)
    seen = np.zeros((len(things), SIDE, SIDE), np.float32)
    for place, thing in enumerate(things):
        left, top, right, bottom = (round(edge * SIDE) for edge in thing.box)
        look = (thing.kind, thing.pose, thing.color, thing.surface, thing.facing)
        drawn = sprite(*look, right - left, bottom - top)
        alpha = drawn[: SIDE - top, : SIDE - left, 3].astype(np.float32) / 255
        region = seen[:, top:bottom, left:right]
        region[:place] *= 1 - alpha
        region[place] = alpha
    step = SIDE // GRID
    cells = seen.reshape(len(things), GRID, step, GRID, step).mean((2, 4))
    return np.where(cells.sum(0) >= SHOWN, cells.argmax(0), -1)


def _mark(classes: dict[str, NDArray[np.int64]], thing: Placed, mask: NDArray[np.bool_]) -> None:
    kind = catalogue()[thing.kind]
    classes["kind"][mask] = 1 + _KIND_INDEX[thing.kind]
    classes["color"][mask] = _COLORS.index(thing.color)
    if kind.surfaces:
        classes["surface"][mask] = SURFACES.index(thing.surface)
    if thing.pose is not None:
        classes["pose"][mask] = POSES.index(thing.pose)
    if thing.facing is not None:
        classes["facing"][mask] = FACINGS.index(thing.facing)


def _edges(thing: Placed, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, columns = np.nonzero(mask)
    x, y = (columns + 0.5) / GRID, (rows + 0.5) / GRID
    x0, y0, x1, y1 = thing.box
    return np.stack([x - x0, y - y0, x1 - x, y1 - y])
