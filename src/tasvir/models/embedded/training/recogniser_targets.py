"""What the recogniser should say of a scene: heat where a thing is visible, the truth at the cells around it.

Visibility is composited like the picture (alpha of the sprites, nearest on top). The heat of a thing is a
Gaussian round its anchor, the visible cell nearest to the middle of what is visible of it. A thing of which
less than `LEAST_VISIBLE` shows is neither asked for nor punished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasvir.models.embedded.recogniser import GRID, SIDE
from tasvir.models.embedded.recogniser_labels import BACKGROUND_NAMES, COLORS, KINDS
from tasvir.world.render import sprite
from tasvir.world.scene import FACINGS, POSES, SURFACES, Placed, Scene

LEAST_VISIBLE = 0.25
"""Share of a thing's drawn area that must show."""

SPREAD = 0.13
"""Standard deviation of the heat as a share of the visible part's width and height."""

WARM = 0.2
"""Target heat from which a cell learns the thing's box and attributes at full weight."""

SHOWN, SHOWN_WEIGHT = 0.5, 0.2
"""Cells of which so much shows a thing learn its box and attributes too, at this weight; a kind each."""

EMPTY = 0.1
"""Cells that show less than this of any thing are background."""

NONE = -100
"""Label of an attribute that the thing does not have; ignored by cross entropy."""

Floats = NDArray[np.float32]
_KIND = {name: index for index, name in enumerate(KINDS)}
_COLOR = {name: index for index, name in enumerate(COLORS)}


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets of a batch of N pictures with M visible things and P cells that learn.

    Args:
        heat: [N, kinds, G, G] in 0..1; -1 where nothing is asked.
        background: [N] labels.
        kinds: [N, G, G] the kind that a cell shows, len(KINDS) where it shows none, NONE where it is unclear.
        cells: [P, 3] picture, row, column.
        owner: [P] the thing whose truth the cell learns, 0..M-1.
        weight: [P] in 0..1.
        boxes: [M, 4] in fractions.
        labels: [M, 4] colour, surface, pose, facing; NONE where it has none.
        pairs: [R, 2] farther and nearer thing, of those whose boxes meet.
    """

    heat: Floats
    background: NDArray[np.int64]
    kinds: NDArray[np.int64]
    cells: NDArray[np.int64]
    owner: NDArray[np.int64]
    weight: Floats
    boxes: Floats
    labels: NDArray[np.int64]
    pairs: NDArray[np.int64]


def visibility(things: Sequence[Placed]) -> tuple[Floats, Floats]:
    """How much of each thing is seen.

    Returns:
        Shares of cells' areas that show each thing [n, G, G]; the visible share of each thing [n]; 0 to 1.
    """
    seen = np.zeros((len(things), SIDE, SIDE), np.float32)
    shares = np.zeros(len(things), np.float32)
    through = np.ones((SIDE, SIDE), np.float32)
    for index in range(len(things) - 1, -1, -1):
        thing = things[index]
        x0, y0, x1, y1 = (round(edge * SIDE) for edge in thing.box)
        if x0 < 0 or y0 < 0 or x1 > SIDE or y1 > SIDE or x1 <= x0 or y1 <= y0:
            continue
        drawn = sprite(thing.kind, thing.pose, thing.color, thing.surface, thing.facing, x1 - x0, y1 - y0)
        alpha = drawn[..., 3].astype(np.float32) / 255
        below = through[y0:y1, x0:x1]
        seen[index, y0:y1, x0:x1] = alpha * below
        shares[index] = seen[index].sum() / max(float(alpha.sum()), 1.0)
        below *= 1 - alpha
    step = SIDE // GRID
    cells: Floats = seen.reshape(len(things), GRID, step, GRID, step).mean((2, 4))
    return cells, shares


def targets(scenes: Sequence[Scene]) -> Targets:
    """Targets of scenes rendered at SIDE x SIDE."""
    heat = np.zeros((len(scenes), len(KINDS), GRID, GRID), np.float32)
    kinds = np.full((len(scenes), GRID, GRID), NONE, np.int64)
    cells, owners, weights = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    boxes: list[tuple[float, ...]] = []
    labels: list[list[int]] = []
    pairs: list[tuple[int, int]] = []
    for row, scene in enumerate(scenes):
        seen, shares = visibility(scene.things)
        chosen = [index for index in range(len(scene.things)) if shares[index] >= LEAST_VISIBLE]
        things = [scene.things[index] for index in chosen]
        nothing = np.zeros((1, GRID, GRID), np.float32)
        warm = np.stack([_heat(seen[index]) for index in chosen]) if chosen else nothing
        _ask_nothing(heat[row], scene.things, seen, shares)
        for thing, part in zip(things, warm, strict=bool(chosen)):
            np.maximum(heat[row, _KIND[thing.kind]], part, out=heat[row, _KIND[thing.kind]])
        best, weight = _owners(warm, seen[chosen] if chosen else nothing)
        y, x = np.nonzero(weight > 0)
        cells.append(np.stack([np.full(len(y), row), y, x], 1))
        owners.append(best[y, x] + len(boxes))
        weights.append(weight[y, x])
        kinds[row] = _kinds(scene.things, seen)
        pairs += [(i + len(boxes), j + len(boxes)) for i, j in _meeting(things)]
        boxes += [thing.box for thing in things]
        labels += [labels_of(thing) for thing in things]
    return Targets(
        heat,
        np.array([BACKGROUND_NAMES.index(scene.background) for scene in scenes], np.int64),
        kinds,
        np.concatenate(cells),
        np.concatenate(owners),
        np.concatenate(weights),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(labels, np.int64).reshape(-1, 4),
        np.array(pairs, np.int64).reshape(-1, 2),
    )


def _owners(warm: Floats, seen: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Which thing each cell learns, and with what weight (0 = it learns none): [G, G] each."""
    heat, shown = warm.max(0), seen.max(0)
    hot = heat >= WARM
    weight: Floats = np.where(hot, heat, np.where(shown >= SHOWN, SHOWN_WEIGHT, 0.0)).astype(np.float32)
    return np.where(hot, warm.argmax(0), seen.argmax(0)), weight


def _kinds(things: Sequence[Placed], seen: Floats) -> NDArray[np.int64]:
    """The kind that each cell shows; see `Targets.kinds`."""
    if not len(things):
        return np.full((GRID, GRID), len(KINDS), np.int64)
    names = np.array([_KIND[thing.kind] for thing in things], np.int64)
    clear = np.where(seen.max(0) >= SHOWN, names[seen.argmax(0)], NONE)
    return np.where(seen.sum(0) < EMPTY, len(KINDS), clear)


_AXIS = np.arange(GRID, dtype=np.float32)


def _heat(seen: Floats) -> Floats:
    """Gaussian round the anchor, on cells that show the thing."""
    rows, columns = seen.sum(1), seen.sum(0)
    total = float(rows.sum())
    middle_y, middle_x = float(rows @ _AXIS) / total, float(columns @ _AXIS) / total
    height, width = int((rows > 0).sum()), int((columns > 0).sum())
    pull = _bell(middle_y, middle_x, 0.3 * height + 0.5, 0.3 * width + 0.5)
    y, x = np.unravel_index(int((np.minimum(seen, 0.6) * pull).argmax()), seen.shape)
    warm: Floats = _bell(float(y), float(x), max(SPREAD * height, 0.7), max(SPREAD * width, 0.7))
    warm *= np.minimum(seen / 0.3, 1.0)
    warm[y, x] = 1.0
    return warm


def _bell(y: float, x: float, spread_y: float, spread_x: float) -> Floats:
    down = np.exp(-0.5 * ((_AXIS - y) / spread_y) ** 2)
    across = np.exp(-0.5 * ((_AXIS - x) / spread_x) ** 2)
    bell: Floats = np.outer(down, across).astype(np.float32)
    return bell


def _ask_nothing(heat: Floats, things: Sequence[Placed], seen: Floats, shares: Floats) -> None:
    for thing, part, share in zip(things, seen, shares, strict=True):
        if share < LEAST_VISIBLE:
            heat[_KIND[thing.kind]][part > 0] = -1.0


def _meeting(things: Sequence[Placed]) -> list[tuple[int, int]]:
    return [
        (i, j)
        for j, near in enumerate(things)
        for i, far in enumerate(things[:j])
        if min(near.box[2], far.box[2]) > max(near.box[0], far.box[0])
        and min(near.box[3], far.box[3]) > max(near.box[1], far.box[1])
    ]


def labels_of(thing: Placed) -> list[int]:
    """Numbers of a thing's colour, surface, pose and facing; NONE where it has none."""
    return [
        _COLOR[thing.color],
        SURFACES.index(thing.surface),
        NONE if thing.pose is None else POSES.index(thing.pose),
        NONE if thing.facing is None else FACINGS.index(thing.facing),
    ]
