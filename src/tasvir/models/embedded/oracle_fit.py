"""The oracle's second look: the scene whose drawing comes closest to the picture, by analysis by synthesis.

The network's votes say roughly what stands where. This fits the world's own sprites to the pixels from
there: every thing tries other kinds, poses, colours, surfaces and boxes, things are put in front of others,
taken out or added, and what lowers the difference between picture and drawing stays. Only pixels decide, so
nothing that is rare or new in training is at a disadvantage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tasvir.models.embedded.oracle_layers import (
    DOUBT,
    MOST_DOUBT,
    SIDE,
    Layer,
    Pixels,
    Stage,
    Window,
    around,
    difference,
    extended,
    layer_of,
    looks_of,
    meet,
    paints_of,
    pixels_apart,
    placed_of,
    settle_box,
)
from tasvir.models.embedded.oracle_votes import Candidate, related_order, sorted_by, unseen_order
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.render import background as backdrop_pixels
from tasvir.world.render import paste
from tasvir.world.scene import Placed

STEPS, TRIAL_STEPS, REACH = (4, 2, 1), (3,), 12
"""Sizes of the steps of a box in pixels, those while a look is only tried, and how far its edges may go."""
LEAST_GAIN = 2500
"""By how much a thing must lower the summed difference to be believed: about 17 pixels wholly explained."""
LEAST_SHARE = 0.2
"""... and by which share of the difference that is there without it in its box; unless it is much:"""
MUCH_GAIN = 12_000
DEPTH_GAIN, RELATED_DEPTH_GAIN = 300, 3000
"""By how much another depth order must lower the summed difference to be preferred to the one expected; where
a relation asks for an order, as scenes of the world always have it: a rider behind the horse is the rarer
explanation of a rider who is drawn softly."""
SWEEPS, EXPLAINED = 2, 0.95
"""Rounds through all things; later ones spare what explains this share of its window's difference."""
LOOKS_SETTLED, KINDS_SETTLED = 5, 2
"""A thing tries the looks that fit best where it is and those of its likeliest kinds where they fit best."""
CELL, HOT = 8, 45
"""Side in pixels and mean difference of the cells in which a thing was perhaps overlooked."""
UNEXPLAINED_SHARE = 0.4
"""LEAST_SHARE of a thing for which nothing voted."""
DOUBTED = 0.7
"""Share of its window's difference below which a thing may be anything."""
MOST_UNEXPLAINED = 3
ANY_KIND = tuple(catalogue())


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
    fit = _Fit(picture, backdrop, [layer_of(candidate, sure=True) for candidate in things])
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
        fit.try_adding(layer_of(candidate, sure=False))
    fit.add_unexplained()
    fit.reorder()
    fit.drop_idle()
    return tuple(placed_of(layer) for layer in fit.layers)


class _Fit:
    """A scene in the making, compared with a picture."""

    def __init__(self, picture: Pixels, backdrop: str, layers: list[Layer]) -> None:
        self.picture = picture.astype(np.int16)
        self.layers = layers
        drawings = [backdrop_pixels(backdrop, SIDE, SIDE, flip=flip) for flip in (False, True)]
        self.backdrop = min(drawings, key=lambda drawn: difference(drawn, self.picture))

    def cost(self, layers: Sequence[Layer], window: Window) -> float:
        """Summed difference between picture and drawing within a window."""
        x0, y0, x1, y1 = window
        canvas = self.backdrop[y0:y1, x0:x1].copy()
        for layer in layers:
            paste(canvas, layer.pixels(), layer.box[0] - x0, layer.box[1] - y0)
        doubts = sum(layer.doubt for layer in layers)
        return difference(canvas, self.picture[y0:y1, x0:x1]) + doubts

    def stage(self, index: int, window: Window) -> Stage:
        """The window with everything drawn but layer ``index``."""
        x0, y0, x1, y1 = window
        under = self.backdrop[y0:y1, x0:x1].copy()
        for layer in self.layers[:index]:
            paste(under, layer.pixels(), layer.box[0] - x0, layer.box[1] - y0)
        above = tuple(layer for layer in self.layers[index + 1 :] if meet(layer.box, window))
        return Stage(window, under, above, self.picture[y0:y1, x0:x1])

    def improve(self, index: int) -> None:
        """Let one thing try to be otherwise painted, elsewhere, something else."""
        self.choose(index, paints_of(self.layers[index]))
        self.settle(index)
        start = self.layers[index]
        looks = list(looks_of(start))
        self.try_settled(index, looks, [look for look in looks if look.kind in start.kinds[:KINDS_SETTLED]])
        self.choose(index, paints_of(self.layers[index]))
        self.settle(index)

    def try_settled(self, index: int, looks: Sequence[Layer], likely: Sequence[Layer] = ()) -> None:
        """Let one thing try likely looks, and those that fit best where it is, where each fits best."""
        start = self.layers[index]
        stage = self.stage(index, around([look.box for look in looks]))
        costs = [stage.cost(look) for look in looks]
        best = [looks[place] for place in np.argsort(costs, kind="stable")[:LOOKS_SETTLED]]
        roomy = self.stage(index, around([stage.window], REACH))
        settled = [settle_box(roomy, look, TRIAL_STEPS) for look in dict.fromkeys((start, *best, *likely))]
        self.layers[index] = min(settled, key=roomy.cost)

    def choose(self, index: int, choices: Iterable[Layer]) -> None:
        """Take the best of choices if it is better than what is there."""
        options = [self.layers[index], *choices]
        stage = self.stage(index, around([option.box for option in options]))
        self.layers[index] = min(options, key=stage.cost)

    def settle(self, index: int) -> None:
        """Move and stretch one thing's box until no step helps."""
        layer = self.layers[index]
        self.layers[index] = settle_box(self.stage(index, around([layer.box], REACH)), layer, STEPS)

    def entangled(self, index: int) -> bool:
        """Whether a thing meets another and is not yet well explained."""
        boxes = [layer.box for layer in self.layers]
        meets = any(meet(boxes[index], box) for place, box in enumerate(boxes) if place != index)
        return meets and self.gain(index)[1] < EXPLAINED

    def reorder(self) -> None:
        """Put things in the depth order that the picture shows, or that is expected where it shows none."""
        nearer: list[set[int]] = [set() for _ in self.layers]
        for b in range(len(self.layers)):
            for a in range(b):
                if meet(self.layers[a].box, self.layers[b].box):
                    front = a if self.shows_in_front(a, b) else b
                    nearer[front].add(a + b - front)
        order = sorted_by(nearer, [layer.box[3] for layer in self.layers])
        self.layers = [self.layers[index] for index in order]

    def shows_in_front(self, a: int, b: int) -> bool:
        """Whether a is in front of b, a < b: by the pixels where they tell, else by what is expected."""
        one, other = self.layers[a], self.layers[b]
        window = around([one.box, other.box])
        between = self.layers[a + 1 : b]
        under, above = self.layers[:a], self.layers[b + 1 :]
        a_back = self.cost([*under, one, other, *between, *above], window)
        a_front = self.cost([*under, other, one, *between, *above], window)
        things = placed_of(one), placed_of(other)
        needed = DEPTH_GAIN if related_order(*things) is None else RELATED_DEPTH_GAIN
        if abs(a_back - a_front) >= needed:
            return a_front < a_back
        return unseen_order(*things)

    def drop_idle(self) -> None:
        """Take out, the least first, what does not explain the picture."""
        while self.layers:
            gains = [self.gain(index) for index in range(len(self.layers))]
            idle = [
                index
                for index, (gain, share) in enumerate(gains)
                if (gain < 0 if self.layers[index].sure else not _believable(gain, share, LEAST_SHARE))
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
            near = [i for i, other in enumerate(self.layers) if meet(other.box, layer.box)]
            for index in near:
                self.settle(index)
            if not near or self.cost(self.layers, whole) > cost + LEAST_GAIN:
                self.layers = before

    def gain(self, index: int) -> tuple[float, float]:
        """By how much a thing lowers the difference, also as a share of the difference without it."""
        window = around([self.layers[index].box])
        without = self.cost([*self.layers[:index], *self.layers[index + 1 :]], window)
        gain = without - self.cost(self.layers, window)
        return gain, gain / max(without, 1.0)

    def try_adding(self, layer: Layer, *, fresh: bool = False) -> None:
        """Add a thing, at the depth that suits best, if it explains what nothing else does.

        Args:
            layer: The thing.
            fresh: Nothing is known but its place: all kinds are tried first, also where only a part of them
                shows.
        """
        before, whole = list(self.layers), (0, 0, SIDE, SIDE)
        meets = any(meet(layer.box, other.box) for other in before)
        tried = []
        for place in (0, len(before)) if meets else (len(before),):
            self.layers = [*before[:place], layer, *before[place:]]
            if fresh:
                self.become_anything(place, partly=True)
            self.improve(place)
            if _believable(*self.gain(place), UNEXPLAINED_SHARE if fresh else LEAST_SHARE):
                tried.append((self.cost(self.layers, whole), place, self.layers))
        self.layers = min(tried)[2] if tried else before

    def add_unexplained(self) -> None:
        """Try things of any kind where the drawing differs most from the picture."""
        canvas = self.backdrop.copy()
        for layer in self.layers:
            paste(canvas, layer.pixels(), *layer.box[:2])
        apart = pixels_apart(canvas, self.picture)
        cells = apart.reshape(SIDE // CELL, CELL, SIDE // CELL, CELL).mean((1, 3))
        patches = sorted(_patches(cells >= HOT), key=lambda patch: -float(cells[patch].sum()))
        for rows, columns in patches[:MOST_UNEXPLAINED]:
            if float(cells[rows, columns].sum()) * CELL**2 < LEAST_GAIN:
                return
            x0, y0 = int(columns.min()) * CELL, int(rows.min()) * CELL
            x1, y1 = int(columns.max() + 1) * CELL, int(rows.max() + 1) * CELL
            nothing = (0.0,) * len(ANY_KIND)
            box = (x0, y0, x1, y1)
            start = Layer(ANY_KIND[0], None, "red", "plain", None, box, ANY_KIND, nothing, sure=False)
            self.try_adding(next(looks_of(start)), fresh=True)

    def become_anything(self, index: int, *, partly: bool = False) -> None:
        """Let one thing be of any kind in colours seen there; ``partly``: its box may be but a part of it."""
        layer = self.layers[index]
        known = dict(zip(layer.kinds, layer.doubts, strict=True))
        doubts = tuple(known.get(kind, DOUBT * MOST_DOUBT) for kind in ANY_KIND)
        start = replace(layer, kinds=ANY_KIND, doubts=doubts)
        colors = self.colors_at(index)
        looks = [replace(look, color=color) for look in looks_of(start) for color in colors]
        parts = [part for look in looks for part in extended(look)] if partly else looks
        self.try_settled(index, parts)
        self.choose(index, paints_of(self.layers[index]))

    def colors_at(self, index: int) -> list[str]:
        """The two colours that come nearest to most of the pixels that are not explained without a thing."""
        x0, y0, x1, y1 = self.layers[index].box
        canvas = self.backdrop[y0:y1, x0:x1].copy()
        for layer in (*self.layers[:index], *self.layers[index + 1 :]):
            paste(canvas, layer.pixels(), layer.box[0] - x0, layer.box[1] - y0)
        seen = self.picture[y0:y1, x0:x1]
        other = pixels_apart(canvas, seen) >= HOT
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


def _believable(gain: float, share: float, least: float) -> bool:
    return gain >= MUCH_GAIN or (gain >= LEAST_GAIN and share >= least)


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
