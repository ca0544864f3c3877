"""Drawn things on the pixels of a picture: what the oracle's fit moves about, and how it measures.

A layer is one sprite in a box of pixels. A stage is a window of the picture with everything drawn but one
layer, so that many candidates for its place are compared cheaply. Windows consist of whole blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tasvir.models.embedded.oracle_votes import Candidate
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.render import paste, sprite
from tasvir.world.scene import FACINGS, SURFACES, Placed

Pixels = NDArray[np.uint8]
Window = tuple[int, int, int, int]

SIDE = 128
"""Pictures are compared at this size in pixels."""
MOST = 150
"""Largest difference of a pixel, summed over its channels (of 765): beyond, it is simply another colour."""
BLOCK = 4
"""Side in pixels of the blocks whose mean colours are compared."""
DOUBT, MOST_DOUBT = 600.0, 5.0
"""What a factor of e between the votes for two kinds weighs in summed difference; the most such factors."""
SMALLEST = 6
"""Least width and height of a thing in pixels."""
PASSES = 4
"""How often a box tries steps of one size before it goes on to smaller ones."""
_MOVES: tuple[Window, ...] = (
    (1, 0, 1, 0), (0, 1, 0, 1), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layer:
    """One drawn thing with its box in pixels.

    Args:
        kinds: What it may be.
        doubts: For each of these what speaks against it, in summed difference.
        sure: Whether the votes are clear that there is a thing; else the pixels must show it.
    """

    kind: str
    pose: str | None
    color: str
    surface: str
    facing: str | None
    box: Window
    kinds: tuple[str, ...]
    doubts: tuple[float, ...]
    sure: bool

    @property
    def doubt(self) -> float:
        """What is added to the difference because the votes are for another kind."""
        return self.doubts[self.kinds.index(self.kind)]

    def pixels(self) -> Pixels:
        x0, y0, x1, y1 = self.box
        return sprite(self.kind, self.pose, self.color, self.surface, self.facing, x1 - x0, y1 - y0)


@dataclass(frozen=True, slots=True)
class Stage:
    """A window of the picture where one thing is to be drawn.

    Args:
        window: In pixels.
        under: What is drawn behind the thing, uint8 [h, w, 3].
        above: What is drawn over it.
        seen: The picture, int16 [h, w, 3].
    """

    window: Window
    under: Pixels
    above: tuple[Layer, ...]
    seen: NDArray[np.int16]

    def cost(self, thing: Layer) -> float:
        """Summed difference between picture and drawing with that thing."""
        x0, y0 = self.window[:2]
        canvas = self.under.copy()
        for layer in (thing, *self.above):
            paste(canvas, layer.pixels(), layer.box[0] - x0, layer.box[1] - y0)
        return difference(canvas, self.seen) + thing.doubt


def layer_of(candidate: Candidate, *, sure: bool) -> Layer:
    thing = candidate.thing
    x0, y0, x1, y1 = (round(edge * SIDE) for edge in thing.box)
    x0, y0 = min(x0, SIDE - SMALLEST), min(y0, SIDE - SMALLEST)
    box = (x0, y0, max(x1, x0 + SMALLEST), max(y1, y0 + SMALLEST))
    most = max(candidate.chances)
    doubts = tuple(DOUBT * min(np.log(most / max(chance, 1e-9)), MOST_DOUBT) for chance in candidate.chances)
    look = (thing.kind, thing.pose, thing.color, thing.surface, thing.facing)
    return Layer(*look, box, candidate.kinds, doubts, sure)


def placed_of(layer: Layer) -> Placed:
    x0, y0, x1, y1 = (edge / SIDE for edge in layer.box)
    return Placed(layer.kind, (x0, y0, x1, y1), layer.color, layer.surface, layer.pose, layer.facing)


def looks_of(layer: Layer) -> Iterator[Layer]:
    """Other kinds, poses and directions in the same box."""
    for name in layer.kinds:
        kind = catalogue()[name]
        surface = layer.surface if kind.surfaces else "plain"
        for pose, facing in product(kind.poses or (None,), FACINGS if kind.directional else (None,)):
            yield replace(layer, kind=name, pose=pose, facing=facing, surface=surface)


def extended(layer: Layer) -> Iterator[Layer]:
    """The look in its box, and in its own shape where the box is but its upper, lower, left or right part."""
    x0, y0, x1, y1 = layer.box
    yield layer
    aspect = catalogue()[layer.kind].aspect
    height, width = round((x1 - x0) / aspect), round((y1 - y0) * aspect)
    boxes = [(x0, y0, x1, y0 + height), (x0, y1 - height, x1, y1)] if height > y1 - y0 + 2 else []
    boxes += [(x0, y0, x0 + width, y1), (x1 - width, y0, x1, y1)] if width > x1 - x0 + 2 else []
    for box in boxes:
        if min(box) >= 0 and max(box) <= SIDE:
            yield replace(layer, box=box)


def paints_of(layer: Layer) -> Iterator[Layer]:
    """Other colours and surfaces."""
    surfaces = SURFACES if catalogue()[layer.kind].surfaces else ("plain",)
    for color, surface in product(palette(), surfaces):
        yield replace(layer, color=color, surface=surface)


def settle_box(stage: Stage, layer: Layer, steps: Sequence[int]) -> Layer:
    """The layer with its box moved and stretched, edge by edge, until no step of any size helps."""
    low = stage.cost(layer)
    for step in steps:
        for _ in range(PASSES):
            before = low
            for move, sign in product(_MOVES, (step, -step)):
                box = _moved(layer.box, move, sign, stage.window)
                if box is not None:
                    moved = replace(layer, box=box)
                    cost = stage.cost(moved)
                    if cost < low:
                        layer, low = moved, cost
            if low == before:
                break
    return layer


def _moved(box: Window, move: Window, by: int, window: Window) -> Window | None:
    """The box moved, or None where it would leave the window or be too small."""
    x0, y0, x1, y1 = (edge + by * way for edge, way in zip(box, move, strict=True))
    inside = x0 >= window[0] and y0 >= window[1] and x1 <= window[2] and y1 <= window[3]
    return (x0, y0, x1, y1) if inside and min(x1 - x0, y1 - y0) >= SMALLEST else None


def around(boxes: Sequence[Window], margin: int = 0) -> Window:
    """The least window of whole blocks round boxes with a margin."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return (
        max(min(x0) - margin, 0) // BLOCK * BLOCK,
        max(min(y0) - margin, 0) // BLOCK * BLOCK,
        -(-min(max(x1) + margin, SIDE) // BLOCK) * BLOCK,
        -(-min(max(y1) + margin, SIDE) // BLOCK) * BLOCK,
    )


def meet(a: Window, b: Window) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def pixels_apart(drawn: Pixels, seen: NDArray[np.int16]) -> NDArray[np.int16]:
    off = np.abs(drawn - seen)
    summed: NDArray[np.int16] = off[..., 0] + off[..., 1] + off[..., 2]
    return np.minimum(summed, np.int16(MOST), out=summed)


def difference(drawn: Pixels, seen: NDArray[np.int16]) -> float:
    """Summed difference of pixels [h, w, 3], h and w multiples of BLOCK = 4: half of it pixel by pixel, half
    block by block, which forgives lines that are a pixel off."""
    off = drawn - seen
    rows = off[0::4] + off[1::4] + off[2::4] + off[3::4]
    blocks = np.abs(rows[:, 0::4] + rows[:, 1::4] + rows[:, 2::4] + rows[:, 3::4])
    summed = blocks[..., 0] + blocks[..., 1] + blocks[..., 2]
    rough = np.minimum(summed, np.int16(MOST * 16)).sum(dtype=np.int64)
    np.abs(off, out=off)
    fine = np.minimum(off[..., 0] + off[..., 1] + off[..., 2], np.int16(MOST)).sum(dtype=np.int64)
    return 0.5 * float(fine) + 0.5 * float(rough)
