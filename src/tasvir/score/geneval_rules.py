"""GenEval's rules (Ghosh, Hajishirzi & Schmidt 2023): what must and must not be there, as data.

A requirement is {"class", "count"} with "color" or "position": [relation, place of an earlier requirement].
A picture is right if every "include" is met and no "exclude" is: all or nothing, a reason for each fault.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tasvir.records import Box
from tasvir.world.description import Description, Entity

MARGIN = 0.1
"""Share of both things' extents that a step between their middles must exceed."""
TURNED = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white")
"""Those that GenEval chooses from."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """At least so many things of a kind.

    Args:
        noun: What.
        count: How many, 1 or more.
        color: All of them have it, where it is stated.
        position: (relation, index of an earlier requirement): each of them stands so to each of those.
    """

    noun: str
    count: int
    color: str | None = None
    position: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Requirements:
    """All that a prompt asks for.

    Args:
        include: What must be there.
        exclude: (noun, count): fewer than so many may be there.
    """

    include: tuple[Requirement, ...]
    exclude: tuple[tuple[str, int], ...] = ()

    @property
    def counts(self) -> bool:
        """Whether it is a prompt about numbers, for which GenEval believes sure detections only."""
        return bool(self.exclude)


def from_facts(facts: dict[str, Any]) -> Requirements | None:
    """What the facts "include" and "exclude" say, else "description" where this form can say it; or None.

    GenEval's form can say no surfaces, sizes, poses, depth or actions, one position a thing, and each kind
    once.
    """
    if "include" in facts:
        include = tuple(_requirement(entry) for entry in facts["include"])
        exclude = tuple((str(e["class"]), int(e["count"])) for e in facts.get("exclude", ()))
        return Requirements(include, exclude)
    if "description" in facts:
        return _from_description(Description.from_dict(facts["description"]))
    return None


def _requirement(entry: dict[str, Any]) -> Requirement:
    position = entry.get("position")
    placed = None if position is None else (str(position[0]), int(position[1]))
    return Requirement(str(entry["class"]), int(entry["count"]), entry.get("color"), placed)


def _from_description(description: Description) -> Requirements | None:
    positions: dict[int, tuple[str, int]] = {}
    for claim in description.claims:
        name, later, earlier = claim.name, claim.subject, claim.object
        if later < earlier:
            name, later, earlier = TURNED.get(name, ""), earlier, later
        if name not in TURNED or later in positions:
            return None
        positions[later] = (name, earlier)
    if any(_says_more(entity) for entity in description.entities + description.absent):
        return None
    if any(entity.color is not None for entity in description.absent):
        return None
    entities = description.entities
    if len({entity.kind for entity in entities}) < len(entities):
        return None
    include = tuple(Requirement(e.kind, e.count, e.color, positions.get(i)) for i, e in enumerate(entities))
    counted = tuple((e.kind, e.count + 1) for e in entities if e.count > 1)
    return Requirements(include, (*counted, *((e.kind, 1) for e in description.absent)))


def _says_more(entity: Entity) -> bool:
    return any((entity.surface, entity.size, entity.pose, entity.facing))


def positions_of(a: Box, b: Box) -> frozenset[str]:
    """Which of left of, right of, above and below a is of b; two at most, none where they nearly coincide.

    The step between the middles, less a tenth of the sum of the extents on each axis, over the step's length:
    components above 1/2 count.

    Args:
        a: In pixels.
        b: In pixels.
    """
    step = [first - second for first, second in zip(a.center, b.center, strict=True)]
    extents = (a.width + b.width, a.height + b.height)
    length = math.hypot(*step)
    if length == 0:
        return frozenset()
    left = [
        math.copysign(max(abs(along) - MARGIN * extent, 0.0), along) / length
        for along, extent in zip(step, extents, strict=True)
    ]
    names = (("left of", -left[0]), ("right of", left[0]), ("above", -left[1]), ("below", left[1]))
    return frozenset(name for name, share in names if share > 0.5)
