"""Ways to make a true scene less true, one small step at a time; the new truth is computed, never assumed.

Each corruption takes the things of a scene (farthest first) and returns other things, or None where it does
not apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from tasvir.world.catalogue import catalogue, palette
from tasvir.world.description import Description, Entity, check
from tasvir.world.scene import BoxTuple, Placed, Scene

Things = tuple[Placed, ...]
Corruption = Callable[[Things, Description, Generator], Things | None]

MAX_TRIES = 24
"""Corruptions that are tried for one step."""
MAX_HIDDEN = 0.75
"""A thing of whose box nearer boxes cover more than this is not to be seen, and nobody could judge it."""


@dataclass(frozen=True, slots=True)
class Step:
    """A scene after some corruptions.

    Args:
        things: What is in it.
        share: Share of the description's predicates that are true of it.
        done: Names of the corruptions, in order.
    """

    things: Things
    share: float
    done: tuple[str, ...] = ()


def drop(things: Things, _: Description, rng: Generator) -> Things | None:
    """Leave one thing out."""
    gone = some(things, rng)
    return tuple(thing for index, thing in enumerate(things) if index != gone)


def recolour(things: Things, _: Description, rng: Generator) -> Things | None:
    """Give one thing another colour."""
    index = some(things, rng)
    others = [color for color in palette() if color != things[index].color]
    return put(things, index, replace(things[index], color=others[rng.integers(len(others))]))


def swap_kind(things: Things, _: Description, rng: Generator) -> Things | None:
    """Put a thing of another kind in one's place, standing where it stood."""
    index = some(things, rng)
    names = [name for name in catalogue() if name != things[index].kind]
    return put(things, index, _remade(things[index], names[rng.integers(len(names))], rng))


def move(things: Things, _: Description, rng: Generator) -> Things | None:
    """Move one thing elsewhere, its size kept."""
    index = some(things, rng)
    x0, y0, x1, y1 = things[index].box
    left, top = rng.random() * (1 - (x1 - x0)), rng.random() * (1 - (y1 - y0))
    return put(things, index, replace(things[index], box=(left, top, left + x1 - x0, top + y1 - y0)))


def trade_places(things: Things, _: Description, rng: Generator) -> Things | None:
    """Let two things change places."""
    if len(things) < 2:
        return None
    a, b = (int(i) for i in rng.choice(len(things), 2, replace=False))
    moved = put(things, a, replace(things[a], box=_centered(things[a].box, things[b].box)))
    return put(moved, b, replace(things[b], box=_centered(things[b].box, things[a].box)))


def trade_depth(things: Things, _: Description, rng: Generator) -> Things | None:
    """Let two things change places in depth: what was behind is drawn over the other."""
    if len(things) < 2:
        return None
    a, b = (int(i) for i in rng.choice(len(things), 2, replace=False))
    order = list(things)
    order[a], order[b] = order[b], order[a]
    return tuple(order)


def turn(things: Things, _: Description, rng: Generator) -> Things | None:
    """Let one thing face the other way."""
    index = some(things, rng)
    facing = things[index].facing
    if facing is None:
        return None
    return put(things, index, replace(things[index], facing="left" if facing == "right" else "right"))


def change_pose(things: Things, _: Description, rng: Generator) -> Things | None:
    """Give one person another pose."""
    index = some(things, rng)
    poses = [pose for pose in catalogue()[things[index].kind].poses if pose != things[index].pose]
    return put(things, index, replace(things[index], pose=poses[rng.integers(len(poses))])) if poses else None


def add_another(things: Things, _: Description, rng: Generator) -> Things | None:
    """Add a second thing like one that is there: changes a count."""
    copied = move((things[some(things, rng)],), _, rng)
    return None if copied is None else (*things, *copied)


def add_absent(things: Things, description: Description, rng: Generator) -> Things | None:
    """Add what the text says is not there."""
    if not description.absent:
        return None
    entity = description.absent[rng.integers(len(description.absent))]
    return (*things, _made(entity, rng))


CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType(
    {
        "drop": drop,
        "recolour": recolour,
        "swap kind": swap_kind,
        "move": move,
        "trade places": trade_places,
        "trade depth": trade_depth,
        "turn": turn,
        "change pose": change_pose,
        "add another": add_another,
        "add absent": add_absent,
    }
)


def corrupt(scene: Scene, description: Description, target: float, rng: Generator) -> Step:
    """Corrupt a scene step by step until the share of true predicates is about a target.

    Args:
        scene: A scene in which the description is true.
        description: What it is checked against.
        target: Wanted share, 0 to 1; 1 leaves the scene as it is.
        rng: Chooses the corruptions.

    Returns:
        The corrupted scene. Every step made fewer predicates true than before.
    """
    now = Step(scene.things, check(description, scene.things, scene.background).share)
    while now.share > target:
        lower = _reachable(now, scene, description, rng)
        short = [step for step in lower if step.share >= target]
        if short:
            now = short[rng.integers(len(short))]
            continue
        nearest = max(lower, key=lambda step: step.share, default=now)
        return min(now, nearest, key=lambda step: abs(step.share - target))
    return now


def _reachable(now: Step, scene: Scene, description: Description, rng: Generator) -> list[Step]:
    """Steps down that were found, one a share, so that mild and harsh ones are equally likely."""
    found: dict[float, Step] = {}
    names = [name for name in CORRUPTIONS if now.things or name == "add absent"]
    for _ in range(MAX_TRIES):
        name = names[rng.integers(len(names))]
        things = CORRUPTIONS[name](now.things, description, rng)
        if things is None or not all_visible(things):
            continue
        share = check(description, things, scene.background).share
        if share < now.share:
            found[share] = Step(things, share, (*now.done, name))
    return list(found.values())


def all_visible(things: Sequence[Placed], most: float = MAX_HIDDEN, cells: int = 32) -> bool:
    """Whether nearer boxes cover no thing by more than this share of its own, on a grid of points."""
    return all(
        _hidden(thing.box, [t.box for t in things[i + 1 :]], cells) <= most for i, thing in enumerate(things)
    )


def _hidden(box: BoxTuple, nearer: Sequence[BoxTuple], cells: int) -> float:
    """Share of a grid of points in a box that lie in any of the nearer boxes."""
    shares = (np.arange(cells) + 0.5) / cells
    x = (box[0] + shares * (box[2] - box[0]))[None, :]
    y = (box[1] + shares * (box[3] - box[1]))[:, None]
    covered = np.zeros((cells, cells), dtype=bool)
    for x0, y0, x1, y1 in nearer:
        covered |= (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    return float(covered.mean())


def some(things: Sequence[Placed], rng: Generator) -> int:
    return int(rng.integers(len(things)))


def put(things: Things, index: int, thing: Placed) -> Things:
    """Things with another one at an index."""
    return (*things[:index], thing, *things[index + 1 :])


def _centered(own: BoxTuple, other: BoxTuple) -> BoxTuple:
    """A box of its own size on the other's foot, inside the picture."""
    width, height = own[2] - own[0], own[3] - own[1]
    x0 = min(max((other[0] + other[2] - width) / 2, 0.0), 1.0 - width)
    y0 = min(max(other[3] - height, 0.0), 1.0 - height)
    return x0, y0, x0 + width, y0 + height


def _remade(thing: Placed, name: str, rng: Generator) -> Placed:
    """A thing of another kind in the old one's colour, on the same spot in its natural size."""
    kind = catalogue()[name]
    box = _centered((0.0, 0.0, kind.aspect * kind.height, kind.height), thing.box)
    return Placed(
        kind=name,
        box=box,
        color=thing.color,
        surface=thing.surface if kind.surfaces else "plain",
        pose=kind.poses[rng.integers(len(kind.poses))] if kind.poses else None,
        facing=(thing.facing or "right") if kind.directional else None,
    )


def _made(entity: Entity, rng: Generator) -> Placed:
    """A thing that an entity names, anywhere."""
    spot = float(rng.random()), 0.3 + 0.65 * float(rng.random())
    blank = Placed(entity.kind, (spot[0], spot[1], spot[0], spot[1]), catalogue()[entity.kind].color)
    thing = _remade(blank, entity.kind, rng)
    return replace(
        thing,
        color=entity.color or thing.color,
        surface=entity.surface or thing.surface,
        pose=entity.pose or thing.pose,
        facing=entity.facing or thing.facing,
    )
