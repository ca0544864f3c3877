"""Constraint solving by local search: move, resize and turn parts until every relation holds safely and
nothing collides.

Cost = what the relations are short of (`margins.shortfall`), what things cover of each other without a
relation asking for it, and mild wishes (natural size, feet where the kind is usually found). Relations and
collisions must reach zero; wishes only choose between layouts that do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from numpy.random import Generator

from tasvir.guide.embedded.drafting import base_range, covered, free_spot
from tasvir.guide.embedded.margins import shortfall
from tasvir.guide.embedded.parts import ATTACHED, Link, Part, touching
from tasvir.world.relations import RELATIONS
from tasvir.world.scene import BoxTuple, Placed

RELATION, COLLISION, HIDDEN, CARRIED, SIZE, ZONE = 8.0, 2.0, 1.0, 0.3, 0.15, 0.3
"""Weights of the cost's terms."""
GUTTER = 0.02
"""Room kept between things that nothing ties together, so that a recogniser tells them apart."""
MOST_HIDDEN = 0.48
"""Share of a far thing that a nearer one may cover where a relation has them overlap."""
CRAMPED, STACKED = 0.06, 0.4
"""From such a shared area on things are cramped: ones that may not touch (of the smaller box), ones that a
relation brings together through a third (of the larger box)."""
STEPS = 700
ENOUGH = 250
"""After so many steps a solved layout is good enough."""
SAFE = 0.004
"""Relations and collisions together may be short of this much: rounding."""


class Solver:
    """A set of parts with what is asked of them.

    Args:
        parts: Changed in place.
        links: Relations between them.
        rng: Chooses moves.
        gutter: Room kept between things that nothing ties together.
    """

    def __init__(
        self, parts: Sequence[Part], links: Sequence[Link], rng: Generator, gutter: float = GUTTER
    ) -> None:
        self.parts, self.links, self.rng, self.gutter = parts, links, rng, gutter
        self.allowed = touching(links, len(parts))
        self.related = {frozenset((i, j)) for _, i, j in links}
        self.carried = [sorted(pair) for pair in self.allowed if pair not in self.related]
        direct = {frozenset((i, j)): name for name, i, j in links}
        self.nearer = {
            pair: (i if RELATIONS[name].nearer == "subject" else j)
            for name, i, j in links
            for pair in (frozenset((i, j)),)
            if name in ("in front of", "behind", "on", "riding", "holding") and direct[pair] == name
        }

    def problem(self) -> float:
        """What relations and collisions are short of; at most `SAFE` = a good layout."""
        parts = self.parts
        total = RELATION * sum(shortfall(n, parts[i].placed, parts[j].placed) for n, i, j in self.links)
        for j in range(1, len(parts)):
            for i in range(j):
                total += self._collision(i, j)
        return total

    def cramped(self) -> float:
        """By how much things cover more of each other than a recogniser can see through, summed."""
        total = 0.0
        for j in range(1, len(self.parts)):
            for i in range(j):
                pair = frozenset((i, j))
                if pair in self.nearer:
                    total += self._collision(i, j) / HIDDEN
                elif pair in self.allowed and pair not in self.related:
                    a, b = self.parts[i].box, self.parts[j].box
                    total += max(min(_share(a, b), _share(b, a)) - STACKED, 0.0)
                elif pair not in self.allowed:
                    total += max(covered(self.parts[i].box, self.parts[j].box) - CRAMPED, 0.0)
        return total

    def cost(self) -> float:
        """`problem` and the wishes."""
        carried = sum(covered(self.parts[i].box, self.parts[j].box) for i, j in self.carried)
        return self.problem() + CARRIED * carried + sum(_wishes(part) for part in self.parts)

    def solve(self, steps: int = STEPS) -> bool:
        """Search; True where relations and collisions are solved."""
        movable = [i for i, part in enumerate(self.parts) if not part.frozen]
        if not movable:
            return self.problem() <= SAFE
        best = self.cost()
        for step in range(steps):
            if step >= ENOUGH and step % 50 == 0 and self.problem() <= SAFE:
                break
            index = movable[int(self.rng.integers(len(movable)))]
            before = [part.placed for part in self.parts]
            self._move(index, 1.0 - step / steps)
            now = self.cost()
            if now < best or now < best + 0.02 * (1 - step / steps) ** 2 * self.rng.random():
                best = now
            else:
                for part, placed in zip(self.parts, before, strict=True):
                    part.placed = placed
        return self.problem() <= SAFE

    def collisions(self) -> list[tuple[int, int]]:
        """Pairs that cover more of each other than they may."""
        number = len(self.parts)
        return [(i, j) for j in range(1, number) for i in range(j) if self._collision(i, j) > SAFE]

    def _collision(self, i: int, j: int) -> float:
        a, b = self.parts[i].box, self.parts[j].box
        pair = frozenset((i, j))
        if pair in self.allowed:
            near = self.nearer.get(pair)
            if near is None:
                return 0.0
            far = self.parts[j if near == i else i].box
            return HIDDEN * max(_share(far, self.parts[near].box) - MOST_HIDDEN, 0.0)
        gutter = self.gutter / 2
        return COLLISION * covered(_grown(a, gutter), _grown(b, gutter))

    def _move(self, index: int, heat: float) -> None:
        """Change one part, or one with all that is attached to it."""
        part, rng = self.parts[index], self.rng
        kind = rng.random()
        if kind < 0.12:
            part.placed = free_spot(part, rng)
        elif kind < 0.30:
            self._resize(part, heat)
        elif kind < 0.36 and part.turnable:
            part.placed = replace(part.placed, facing="left" if part.placed.facing == "right" else "right")
        else:
            spread = 0.01 + 0.15 * heat * rng.random()
            x, y = rng.normal(0.0, spread, 2)
            for other in self._group(index) if kind < 0.65 else (index,):
                member = self.parts[other]
                member.placed = member.at(member.box[0] + x, member.box[1] + y)

    def _resize(self, part: Part, heat: float) -> None:
        width, height = part.size(part.scale * math.exp(self.rng.normal(0.0, 0.05 + 0.15 * heat)))
        middle = (part.box[0] + part.box[2]) / 2
        part.placed = part.at(middle - width / 2, part.box[3] - height, (width, height))

    def _group(self, index: int) -> set[int]:
        group = {index}
        for _ in range(len(self.links)):
            group |= {k for n, i, j in self.links if n in ATTACHED and {i, j} & group for k in (i, j)}
        return {i for i in group if not self.parts[i].frozen}


def _wishes(part: Part) -> float:
    if part.frozen:
        return 0.0
    low, high = base_range(part)
    base = part.box[3]
    return SIZE * math.log(part.scale / part.wanted) ** 2 + ZONE * max(low - base, base - high, 0.0)


def _grown(box: BoxTuple, edge: float) -> BoxTuple:
    return box[0] - edge, box[1] - edge, box[2] + edge, box[3] + edge


def _share(inner: BoxTuple, outer: BoxTuple) -> float:
    """Share of a box that another covers."""
    width = min(inner[2], outer[2]) - max(inner[0], outer[0])
    height = min(inner[3], outer[3]) - max(inner[1], outer[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / ((inner[2] - inner[0]) * (inner[3] - inner[1]))


def looks(parts: Sequence[Part]) -> list[Placed]:
    """What the parts look like, to be put back."""
    return [part.placed for part in parts]
