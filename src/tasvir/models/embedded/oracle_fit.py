"""The oracle's second look: the scene whose drawing comes closest to the picture, by analysis by synthesis.

The network's votes say roughly what stands where. This fits the world's own sprites to the pixels from
there: every thing tries other kinds, poses, colours, surfaces and boxes, things are put in front of others,
taken out or added, and what lowers the difference between picture and drawing stays. Only pixels decide, so
nothing that is rare or new in training is at a disadvantage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tasvir.models.embedded.oracle_votes import Candidate, sorted_by, unseen_order
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.render import background as backdrop_pixels
from tasvir.world.render import paste, sprite
from tasvir.world.scene import FACINGS, SURFACES, Placed

Pixels = NDArray[np.uint8]
Window = tuple[int, int, int, int]

SIDE = 128
"""Pictures are compared at this size in pixels."""
MOST = 150
"""Largest difference of a pixel, summed over its channels (of 765): beyond, it is simply another colour."""
LEAST_GAIN = 2500
"""By how much a thing must lower the summed difference to be believed: about 17 pixels wholly explained."""
LEAST_SHARE = 0.2
"""... and by which share of the difference that is there without it, within its drawing."""
DEPTH_GAIN = 300
"""By how much another depth order must lower the summed difference to be preferred to the one expected."""
SWEEPS, EXPLAINED = 2, 0.95
"""Rounds through all things; later ones spare what explains this share of its window's difference."""
LOOKS_SETTLED, KINDS_SETTLED = 5, 2
"""A thing tries the looks that fit best where it is and those of its likeliest kinds where they fit best."""
STEPS, TRIAL_STEPS, PASSES, REACH = (4, 2, 1), (3,), 4, 12
"""Sizes of the steps of a box in pixels, those while a look is only tried, passes with each, and how far the
edges may go altogether."""
_MOVES: tuple[Window, ...] = (
    (1, 0, 1, 0), (0, 1, 0, 1), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1),
)  # fmt: skip
BLOCK = 4
"""Side in pixels of the blocks whose mean colours are compared."""
DOUBT, MOST_DOUBT = 600.0, 5.0
"""What a factor of e between the votes for two kinds weighs in summed difference, and the most such factors."""
CELL, HOT = 8, 45
"""Side in pixels and mean difference of the cells in which a thing was perhaps overlooked."""
UNEXPLAINED_SHARE = 0.4
"""LEAST_SHARE of a thing for which nothing voted."""
DOUBTED = 0.7
"""Share of its window's difference below which a thing may be anything."""
MOST_UNEXPLAINED = 3
ANY_KIND = tuple(catalogue())
SMALLEST = 6
"""Least width and height of a thing in pixels."""


@dataclass(frozen=True, slots=True)
class _Layer:
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


def fit_scene(
    picture: Pixels, things: Sequence[Candidate], doubtful: Sequence[Candidate], backdrop: str
) -> tuple[Placed, ...]:
    """The things whose drawing over the backdrop comes closest to the picture.

    Args:
        picture: uint8 [128, 128, 3].
        things: What is believed to be there, farthest first.
        doubtful: What may be there as well; added where it explains pixels.
        backdrop: Name of the background.

    Returns:
        Things farthest first.
    """
    fit = _Fit(picture, backdrop, [_layer(candidate, sure=True) for candidate in things])
    fit.reorder()
    for sweep in range(SWEEPS):
        for index in range(len(fit.layers)):
            if sweep == 0 or fit.entangled(index):
                fit.improve(index)
        fit.reorder()
    fit.drop_idle()
    fit.drop_doubles()
    fit.reconsider()
    for candidate in doubtful:
        fit.try_adding(_layer(candidate, sure=False))
    fit.add_unexplained()
    fit.reorder()
    fit.drop_idle()
    return tuple(_placed(layer) for layer in fit.layers)


@dataclass(frozen=True, slots=True)
class _Stage:
    """A window of the picture where one thing is to be drawn.

    Args:
        window: In pixels.
        under: What is drawn behind the thing, uint8 [h, w, 3].
        above: What is drawn over it.
        seen: The picture, int16 [h, w, 3].
    """

    window: Window
    under: Pixels
    above: tuple[_Layer, ...]
    seen: NDArray[np.int16]

    def cost(self, thing: _Layer) -> float:
        """Summed difference between picture and drawing with that thing."""
        x0, y0 = self.window[:2]
        canvas = self.under.copy()
        for layer in (thing, *self.above):
            paste(canvas, layer.pixels(), layer.box[0] - x0, layer.box[1] - y0)
        return _difference(canvas, self.seen) + thing.doubt


class _Fit:
    """A scene in the making, compared with a picture."""

    def __init__(self, picture: Pixels, backdrop: str, layers: list[_Layer]) -> None:
        self.picture = picture.astype(np.int16)
        self.layers = layers
        drawings = [backdrop_pixels(backdrop, SIDE, SIDE, flip=flip) for flip in (False, True)]
        self.backdrop = min(drawings, key=lambda drawn: _difference(drawn, self.picture))

    def cost(self, layers: Sequence[_Layer], window: Window) -> float:
        """Summed difference between picture and drawing within a window."""
        x0, y0, x1, y1 = window
        canvas = self.backdrop[y0:y1, x0:x1].copy()
        for layer in layers:
            paste(canvas, layer.pixels(), layer.box[0] - x0, layer.box[1] - y0)
        doubts = sum(layer.doubt for layer in layers)
        return _difference(canvas, self.picture[y0:y1, x0:x1]) + doubts

    def stage(self, index: int, window: Window) -> _Stage:
        """The window with everything drawn but layer ``index``."""
        x0, y0, x1, y1 = window
        under = self.backdrop[y0:y1, x0:x1].copy()
        for layer in self.layers[:index]:
            paste(under, layer.pixels(), layer.box[0] - x0, layer.box[1] - y0)
        above = tuple(layer for layer in self.layers[index + 1 :] if _meet(layer.box, window))
        return _Stage(window, under, above, self.picture[y0:y1, x0:x1])

    def improve(self, index: int) -> None:
        """Let one thing try to be otherwise painted, elsewhere, something else."""
        self.choose(index, _paints(self.layers[index]))
        self.settle(index)
        start = self.layers[index]
        looks = list(_looks(start))
        self.try_settled(index, looks, [look for look in looks if look.kind in start.kinds[:KINDS_SETTLED]])
        self.choose(index, _paints(self.layers[index]))
        self.settle(index)

    def try_settled(self, index: int, looks: Sequence[_Layer], likely: Sequence[_Layer] = ()) -> None:
        """Let one thing try likely looks, and those that fit best where it is, where each fits best."""
        start = self.layers[index]
        stage = self.stage(index, _around([look.box for look in looks]))
        costs = [stage.cost(look) for look in looks]
        best = [looks[place] for place in np.argsort(costs, kind="stable")[:LOOKS_SETTLED]]
        roomy = self.stage(index, _around([stage.window], REACH))
        settled = [_settled(roomy, look, TRIAL_STEPS) for look in dict.fromkeys((start, *best, *likely))]
        self.layers[index] = min(settled, key=roomy.cost)

    def choose(self, index: int, choices: Iterable[_Layer]) -> None:
        """Take the best of choices if it is better than what is there."""
        options = [self.layers[index], *choices]
        stage = self.stage(index, _around([option.box for option in options]))
        self.layers[index] = min(options, key=stage.cost)

    def settle(self, index: int) -> None:
        """Move and stretch one thing's box until no step helps."""
        layer = self.layers[index]
        self.layers[index] = _settled(self.stage(index, _around([layer.box], REACH)), layer, STEPS)

    def entangled(self, index: int) -> bool:
        """Whether a thing meets another and is not yet well explained."""
        boxes = [layer.box for layer in self.layers]
        meets = any(_meet(boxes[index], box) for place, box in enumerate(boxes) if place != index)
        return meets and self.gain(index)[1] < EXPLAINED

    def reorder(self) -> None:
        """Put things in the depth order that the picture shows, or that is expected where it shows none."""
        nearer: list[set[int]] = [set() for _ in self.layers]
        for b in range(len(self.layers)):
            for a in range(b):
                if _meet(self.layers[a].box, self.layers[b].box):
                    front = a if self.shows_in_front(a, b) else b
                    nearer[front].add(a + b - front)
        order = sorted_by(nearer, [layer.box[3] for layer in self.layers])
        self.layers = [self.layers[index] for index in order]

    def shows_in_front(self, a: int, b: int) -> bool:
        """Whether a is in front of b, a < b: by the pixels where they tell, else by what is expected."""
        one, other = self.layers[a], self.layers[b]
        window = _around([one.box, other.box])
        between = self.layers[a + 1 : b]
        under, above = self.layers[:a], self.layers[b + 1 :]
        a_back = self.cost([*under, one, other, *between, *above], window)
        a_front = self.cost([*under, other, one, *between, *above], window)
        if abs(a_back - a_front) >= DEPTH_GAIN:
            return a_front < a_back
        return unseen_order(_placed(one), _placed(other))

    def drop_idle(self) -> None:
        """Take out, the least first, what does not explain the picture."""
        while self.layers:
            gains = [self.gain(index) for index in range(len(self.layers))]
            idle = [
                index
                for index, (gain, share) in enumerate(gains)
                if gain < (0 if self.layers[index].sure else LEAST_GAIN)
                or (share < LEAST_SHARE and not self.layers[index].sure)
            ]
            if not idle:
                return
            del self.layers[min(idle, key=lambda index: gains[index])]

    def drop_doubles(self) -> None:
        """Take out things that others explain as well once they may stretch into their place."""
        whole = (0, 0, SIDE, SIDE)
        for layer in list(self.layers):
            before, cost = list(self.layers), self.cost(self.layers, whole)
            self.layers = [other for other in before if other is not layer]
            near = [i for i, other in enumerate(self.layers) if _meet(other.box, layer.box)]
            for index in near:
                self.settle(index)
            if not near or self.cost(self.layers, whole) > cost + LEAST_GAIN:
                self.layers = before

    def gain(self, index: int) -> tuple[float, float]:
        """By how much a thing lowers the difference, also as a share of the difference without it."""
        window = _around([self.layers[index].box])
        without = self.cost([*self.layers[:index], *self.layers[index + 1 :]], window)
        gain = without - self.cost(self.layers, window)
        return gain, gain / max(without, 1.0)

    def try_adding(self, layer: _Layer, share: float = LEAST_SHARE, *, fresh: bool = False) -> None:
        """Add a thing, at the depth that suits best, if it explains what nothing else does.

        Args:
            layer: The thing.
            share: Least share of the difference that it must explain.
            fresh: Nothing is known but its place: all its kinds are tried first, also where only a part of
                them shows.
        """
        before, whole = list(self.layers), (0, 0, SIDE, SIDE)
        meets = any(_meet(layer.box, other.box) for other in before)
        tried = []
        for place in (0, len(before)) if meets else (len(before),):
            self.layers = [*before[:place], layer, *before[place:]]
            if fresh:
                self.become_anything(place, partly=True)
                if self.gain(place)[1] < share / 2:
                    continue
            self.improve(place)
            gain, explained = self.gain(place)
            if gain >= LEAST_GAIN and explained >= share:
                tried.append((self.cost(self.layers, whole), place, self.layers))
        self.layers = min(tried)[2] if tried else before

    def add_unexplained(self) -> None:
        """Try things of any kind where the drawing differs most from the picture."""
        canvas = self.backdrop.copy()
        for layer in self.layers:
            paste(canvas, layer.pixels(), *layer.box[:2])
        apart = _apart(canvas, self.picture)
        cells = apart.reshape(SIDE // CELL, CELL, SIDE // CELL, CELL).mean((1, 3))
        patches = sorted(_patches(cells >= HOT), key=lambda patch: -float(cells[patch].sum()))
        for rows, columns in patches[:MOST_UNEXPLAINED]:
            if float(cells[rows, columns].sum()) * CELL**2 < LEAST_GAIN:
                return
            x0, y0 = int(columns.min()) * CELL, int(rows.min()) * CELL
            x1, y1 = int(columns.max() + 1) * CELL, int(rows.max() + 1) * CELL
            nothing = (0.0,) * len(ANY_KIND)
            box = (x0, y0, x1, y1)
            start = _Layer(ANY_KIND[0], None, "red", "plain", None, box, ANY_KIND, nothing, sure=False)
            self.try_adding(next(_looks(start)), UNEXPLAINED_SHARE, fresh=True)

    def become_anything(self, index: int, *, partly: bool = False) -> None:
        """Let one thing be of any kind in colours seen there; ``partly``: its box may be but a part of it."""
        layer = self.layers[index]
        known = dict(zip(layer.kinds, layer.doubts, strict=True))
        doubts = tuple(known.get(kind, DOUBT * MOST_DOUBT) for kind in ANY_KIND)
        start = replace(layer, kinds=ANY_KIND, doubts=doubts)
        colors = self.colors_at(index)
        looks = [replace(look, color=color) for look in _looks(start) for color in colors]
        parts = [part for look in looks for part in _extended(look)] if partly else looks
        self.try_settled(index, parts)
        self.choose(index, _paints(self.layers[index]))

    def colors_at(self, index: int) -> list[str]:
        """The two colours that come nearest to most of the pixels that are not explained without a thing."""
        x0, y0, x1, y1 = self.layers[index].box
        canvas = self.backdrop[y0:y1, x0:x1].copy()
        for layer in (*self.layers[:index], *self.layers[index + 1 :]):
            paste(canvas, layer.pixels(), layer.box[0] - x0, layer.box[1] - y0)
        seen = self.picture[y0:y1, x0:x1]
        other = _apart(canvas, seen) >= HOT
        pixels = seen[other] if other.any() else seen.reshape(-1, 3)
        names, shades = _shades()
        nearest = np.abs(pixels[:, None] - shades[None]).sum(2).argmin(1)
        counts = np.bincount(nearest, minlength=len(names))
        return [names[index] for index in np.argsort(-counts, kind="stable")[:2]]

    def reconsider(self) -> None:
        """Let things that explain their place poorly be anything at all."""
        whole = (0, 0, SIDE, SIDE)
        for index in range(len(self.layers)):
            if self.gain(index)[1] < DOUBTED:
                before, cost = list(self.layers), self.cost(self.layers, whole)
                self.become_anything(index)
                self.settle(index)
                if self.cost(self.layers, whole) >= cost:
                    self.layers = before


@cache
def _shades() -> tuple[tuple[str, ...], NDArray[np.int16]]:
    """Names of the colours and their main shades [colours, 3]."""
    shades = [list(bytes.fromhex(shade.main.removeprefix("#"))) for shade in palette().values()]
    return tuple(palette()), np.array(shades, np.int16)


def _patches(hot: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows and columns of each connected patch (eight neighbours) of a mask."""
    left = {(int(row), int(column)) for row, column in np.argwhere(hot)}
    while left:
        edge, patch = [left.pop()], []
        while edge:
            row, column = edge.pop()
            patch.append((row, column))
            near = {(row + down, column + right) for down, right in product((-1, 0, 1), repeat=2)} & left
            left -= near
            edge += near
        rows, columns = np.array(patch).T
        yield rows, columns


def _apart(drawn: Pixels, seen: NDArray[np.int16]) -> NDArray[np.int16]:
    off = np.abs(drawn - seen)
    summed: NDArray[np.int16] = off[..., 0] + off[..., 1] + off[..., 2]
    return np.minimum(summed, np.int16(MOST), out=summed)


def _difference(drawn: Pixels, seen: NDArray[np.int16]) -> float:
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


def _looks(layer: _Layer) -> Iterator[_Layer]:
    """Other kinds, poses and directions in the same box."""
    for name in layer.kinds:
        kind = catalogue()[name]
        surface = layer.surface if kind.surfaces else "plain"
        for pose, facing in product(kind.poses or (None,), FACINGS if kind.directional else (None,)):
            yield replace(layer, kind=name, pose=pose, facing=facing, surface=surface)


def _extended(layer: _Layer) -> Iterator[_Layer]:
    """The look in its box, and in its own shape where the box is only its upper or lower, left or right part."""
    x0, y0, x1, y1 = layer.box
    yield layer
    aspect = catalogue()[layer.kind].aspect
    height, width = round((x1 - x0) / aspect), round((y1 - y0) * aspect)
    boxes = [(x0, y0, x1, y0 + height), (x0, y1 - height, x1, y1)] if height > y1 - y0 + 2 else []
    boxes += [(x0, y0, x0 + width, y1), (x1 - width, y0, x1, y1)] if width > x1 - x0 + 2 else []
    for box in boxes:
        if min(box) >= 0 and max(box) <= SIDE:
            yield replace(layer, box=box)


def _paints(layer: _Layer) -> Iterator[_Layer]:
    """Other colours and surfaces."""
    surfaces = SURFACES if catalogue()[layer.kind].surfaces else ("plain",)
    for color, surface in product(palette(), surfaces):
        yield replace(layer, color=color, surface=surface)


def _settled(stage: _Stage, layer: _Layer, steps: Sequence[int]) -> _Layer:
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


def _around(boxes: Sequence[Window], margin: int = 0) -> Window:
    """The least window of whole blocks round boxes with a margin."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return (
        max(min(x0) - margin, 0) // BLOCK * BLOCK,
        max(min(y0) - margin, 0) // BLOCK * BLOCK,
        -(-min(max(x1) + margin, SIDE) // BLOCK) * BLOCK,
        -(-min(max(y1) + margin, SIDE) // BLOCK) * BLOCK,
    )


def _meet(a: Window, b: Window) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def _layer(candidate: Candidate, *, sure: bool) -> _Layer:
    thing = candidate.thing
    x0, y0, x1, y1 = (round(edge * SIDE) for edge in thing.box)
    x0, y0 = min(x0, SIDE - SMALLEST), min(y0, SIDE - SMALLEST)
    box = (x0, y0, max(x1, x0 + SMALLEST), max(y1, y0 + SMALLEST))
    most = max(candidate.chances)
    doubts = tuple(DOUBT * min(np.log(most / max(chance, 1e-9)), MOST_DOUBT) for chance in candidate.chances)
    look = (thing.kind, thing.pose, thing.color, thing.surface, thing.facing)
    return _Layer(*look, box, candidate.kinds, doubts, sure)


def _placed(layer: _Layer) -> Placed:
    x0, y0, x1, y1 = (edge / SIDE for edge in layer.box)
    return Placed(
        layer.kind, (x0, y0, x1, y1), layer.color, layer.surface, layer.pose, layer.facing
    )
