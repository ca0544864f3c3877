"""The things of a layout while it is being worked on: a description's entities with sizes, looks and places.

A part has everything that a `Placed` has, plus the entity it stands for and the sizes it may take; a frozen
part stays where it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.random import Generator

from tasvir.guide.embedded.grammar import read_phrase
from tasvir.guide.embedded.limits import POSE_OF
from tasvir.layout import MIN_SIDE
from tasvir.records import Box, Layout, Thing
from tasvir.world.captions import phrase
from tasvir.world.catalogue import Kind, catalogue, palette
from tasvir.world.description import Description, Entity, fits
from tasvir.world.relations import RELATIONS
from tasvir.world.scene import BACKGROUNDS, FACINGS, BoxTuple, Placed

Link = tuple[str, int, int]
"""A claim between parts: relation, index of the subject, index of the object."""

SCALES: Mapping[str | None, tuple[float, float]] = {
    None: (0.68, 1.45),
    "small": (0.66, 0.76),
    "large": (1.25, 1.45),
}
"""Sizes as factors of the natural height: well inside what counts as small, large, or either."""
MIDDLING = (0.88, 1.1)
"""Sizes that are neither small nor large."""
TOUCHING = frozenset({"holding", "riding", "inside", "on", "under", "in front of", "behind"})
"""Relations whose two boxes overlap."""
ATTACHED = frozenset({"holding", "riding", "inside", "on"})
"""Relations in which one thing goes where the other goes."""
_SEATS = ("chair", "bench", "bed", "suitcase")
LARGEST = 1.4
"""Natural heights up to which a thing grows whose size nobody stated."""
ROOMY = 0.35
"""Natural areas that sum up to more than this do not fit at their usual sizes."""
LEAST = MIN_SIDE + 0.004
"""Least side of a part: a little above the least side of a layout's box, for rounding."""


@dataclass(slots=True)
class Part:
    """One thing of a layout in work.

    Args:
        entity: Index of the entity it stands for; -1 for a thing that nobody asked for.
        placed: Look and box.
        low, high: Allowed sizes as factors of the natural height.
        wanted: The size that it would rather have.
        frozen: Keep its box.
        turnable: Its facing is free.
        fresh: It has no place yet.
    """

    entity: int
    placed: Placed
    low: float = SCALES[None][0]
    high: float = SCALES[None][1]
    wanted: float = 1.0
    frozen: bool = False
    turnable: bool = False
    fresh: bool = False

    @property
    def kind(self) -> Kind:
        return catalogue()[self.placed.kind]

    @property
    def box(self) -> BoxTuple:
        return self.placed.box

    @property
    def scale(self) -> float:
        return (self.box[3] - self.box[1]) / self.kind.height

    def at(self, x0: float, y0: float, size: tuple[float, float] | None = None) -> Placed:
        """The thing at another place (top left corner), moved into the picture."""
        w, h = size or (self.box[2] - self.box[0], self.box[3] - self.box[1])
        x0, y0 = min(max(x0, 0.0), 1.0 - w), min(max(y0, 0.0), 1.0 - h)
        return replace(self.placed, box=(x0, y0, x0 + w, y0 + h))

    def move(self, box: BoxTuple) -> None:
        """Take a box as it is, be it in the picture or not."""
        self.placed = replace(self.placed, box=box)

    def size(self, scale: float) -> tuple[float, float]:
        """Width and height at a size, within what it may take and what a layout and a picture allow."""
        height = self.kind.height * min(max(scale, self.low), self.high)
        width = height * self.kind.aspect
        if self.high >= 1.0 and min(width, height) < LEAST:
            grow = LEAST / min(width, height)
            width, height = width * grow, height * grow
        return min(max(width, LEAST), 0.96), min(max(height, LEAST), 0.96)


def parts_of(description: Description, rng: Generator) -> list[Part]:
    """One part for each thing a description asks for, at its natural size in the middle of the picture."""
    parts: list[Part] = []
    for index, entity in enumerate(description.entities):
        facing = str(rng.choice(FACINGS))
        parts += [new_part(description, index, facing) for _ in range(entity.count)]
        _avoid_rivals(description, index, parts)
    make_room(parts)
    return parts


def make_room(parts: Sequence[Part]) -> None:
    """Let many or large things be smaller than usual, so that they find room, and few and small ones larger:
    what is large is drawn and recognised better."""
    room = math.sqrt(ROOMY / max(sum(part.kind.height**2 * part.kind.aspect for part in parts), 1e-6))
    for part in parts:
        if part.low < 1.0 < part.high:
            if part.low == SCALES[None][0]:
                part.low = max(min(part.low, room), 0.4)
            part.wanted = min(max(room, part.low), LARGEST, part.high)
        else:
            part.wanted = (part.low + part.high) / 2


def new_part(description: Description, index: int, facing: str) -> Part:
    """A part for an entity, looking as the description says or as is usual."""
    entity = description.entities[index]
    kind = catalogue()[entity.kind]
    low, high = _scales(description, index)
    placed = Placed(
        entity.kind,
        (0.0, 0.0, 1.0, 1.0),
        entity.color or kind.color,
        entity.surface or "plain",
        _pose(description, index) if kind.poses else None,
        (entity.facing or facing) if kind.directional else None,
    )
    part = Part(index, placed, low, high, turnable=kind.directional and entity.facing is None)
    width, height = part.size(0.5 * (low + high) if entity.size else 1.0)
    part.placed = part.at(0.5 - width / 2, 0.5 - height / 2, (width, height))
    return part


def _scales(description: Description, index: int) -> tuple[float, float]:
    """The sizes that an entity may have: those stated; else any that no rival of its kind is known by."""
    entity = description.entities[index]
    low, high = SCALES[entity.size]
    others = (e for i, e in enumerate(description.entities) if i != index)
    rivals = {e.size for e in (*description.absent, *others) if e.kind == entity.kind}
    if entity.size is None and "large" in rivals:
        high = MIDDLING[1]
    if entity.size is None and "small" in rivals:
        low = MIDDLING[0]
    return low, high


def _pose(description: Description, index: int) -> str:
    """The pose that the text states or that a relation needs; people stand otherwise."""
    entity = description.entities[index]
    if entity.pose is not None:
        return entity.pose
    for claim in description.claims:
        if claim.subject == index and claim.name in POSE_OF:
            return POSE_OF[claim.name]
        if (
            claim.subject == index
            and claim.name == "on"
            and description.entities[claim.object].kind in _SEATS
        ):
            return "sitting"
    return "standing"


def _avoid_rivals(description: Description, index: int, parts: Sequence[Part]) -> None:
    """Another colour where the usual one would make a thing count for what is absent or for another group."""
    entity = description.entities[index]
    groups = [e for i, e in enumerate(description.entities) if i != index and e.count > 1]
    for part in parts:
        if part.entity != index or entity.color is not None:
            continue
        forbidden: list[Entity] = [*description.absent, *groups]
        free = [part.placed.color, *palette()]
        looks = [replace(part.placed, color=color) for color in free]
        part.placed = next((p for p in looks if not any(fits(e, p) for e in forbidden)), part.placed)


def links_of(description: Description, parts: Sequence[Part]) -> list[Link]:
    """The claims between parts: for groups, one for each member."""
    of: dict[int, list[int]] = {}
    for i, part in enumerate(parts):
        of.setdefault(part.entity, []).append(i)
    return [
        (claim.name, i, j)
        for claim in description.claims
        for i in of.get(claim.subject, ())
        for j in of.get(claim.object, ())
        if i != j
    ]


def touching(links: Sequence[Link], number: int) -> set[frozenset[int]]:
    """Pairs of parts that a relation lets cover each other, also through what is attached to them."""
    pairs = {frozenset((i, j)) for name, i, j in links if name in TOUCHING}
    attached = [(i, j) for name, i, j in links if name in ATTACHED]
    carried = {
        frozenset((one, other))
        for i, j in attached
        for one, partner in ((i, j), (j, i))
        for other in range(number)
        if other != one and frozenset((partner, other)) in pairs
    }
    return pairs | carried


def depth_order(parts: Sequence[Part], links: Sequence[Link]) -> list[int]:
    """Indices farthest first: what a relation brings nearer comes later, otherwise the lower base is
    nearer."""
    before: dict[int, set[int]] = {i: set() for i in range(len(parts))}
    for name, i, j in links:
        nearer = RELATIONS[name].nearer
        if nearer is not None:
            near, far = (i, j) if nearer == "subject" else (j, i)
            before[near].add(far)
    order: list[int] = []
    left = set(before)
    while left:
        free = [i for i in left if not before[i] & left] or list(left)
        order.append(min(free, key=lambda i: (parts[i].box[3], i)))
        left.remove(order[-1])
    return order


def to_layout(parts: Sequence[Part], links: Sequence[Link], background: str | None) -> Layout:
    """Parts as a layout in depth order, boxes rounded to 4 digits, with the overlaps that relations ask
    for."""
    order = depth_order(parts, links)
    place = {part: index for index, part in enumerate(order)}
    things = tuple(Thing(phrase(parts[i].placed), rounded(parts[i].box)) for i in order)
    allowed = touching(links, len(parts))
    overlaps = sorted(
        (min(place[i], place[j]), max(place[i], place[j]))
        for i, j in combinations(range(len(parts)), 2)
        if frozenset((i, j)) in allowed and things[place[i]].box.intersection(things[place[j]].box) > 0
    )
    return Layout(things, background if things else background or "plain", tuple(overlaps))


def rounded(box: BoxTuple) -> Box:
    """A box of 4 digits inside the picture."""
    return Box(*(float(np.clip(round(float(edge), 4), 0.0, 1.0)) for edge in box))


def placed_of(layout: Layout) -> list[Placed]:
    """What a layout shows, read from its phrases, in depth order.

    Raises:
        LanguageError: A phrase is outside the world's language.
    """
    return [placed_from(read_phrase(thing.phrase), thing.box.as_tuple()) for thing in layout.things]


def placed_from(entity: Entity, box: BoxTuple) -> Placed:
    """A thing as a phrase names it, with the usual look where the phrase does not say."""
    kind = catalogue()[entity.kind]
    return Placed(
        entity.kind,
        box,
        entity.color or kind.color,
        entity.surface or "plain",
        (entity.pose or "standing") if kind.poses else None,
        (entity.facing or "right") if kind.directional else None,
    )


def background_of(text: str | None) -> str | None:
    """The world's name of a layout's background ("a park" -> "park"), or None."""
    words = (text or "").lower().split()
    return next((name for name in BACKGROUNDS if name in words), None)
