"""Captions with one thing wrong: the false twins that a reader of text and picture must tell from the true.

A fault changes one statement of a true description: another kind, colour, surface, size, pose or side, two
things' colours exchanged, another relation or its roles turned, another number, one thing too many, another
place. In a scene of the training split no fault makes a held-out combination, or "held out" would come to
mean "false".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from tasvir.world.catalogue import catalogue, palette
from tasvir.world.composing import can_be
from tasvir.world.description import Claim, Description, Entity, check
from tasvir.world.placing import Dice
from tasvir.world.relations import RELATIONS
from tasvir.world.scene import BACKGROUNDS, FACINGS, SURFACES, Scene
from tasvir.world.splits import found_among, found_in, heldout

OPPOSITES: Mapping[str, str] = MappingProxyType(
    {
        "left of": "right of",
        "right of": "left of",
        "above": "below",
        "below": "above",
        "in front of": "behind",
        "behind": "in front of",
        "on": "under",
        "under": "on",
        "inside": "next to",
        "holding": "facing",
        "walking towards": "running towards",
        "running towards": "walking towards",
    }
)
TRIES = 4
"""Draws of one fault before another is tried."""

Edit = Callable[[Description, Scene, Dice], Description | None]


def falsified(
    description: Description, scene: Scene, dice: Dice, wanted: str | None = None
) -> tuple[str, Description] | None:
    """The name of a fault in FAULTS and a description with it that is false of the scene.

    Args:
        description: True of the scene.
        scene: What is to be seen.
        dice: Chooses the fault and what is put in place of the truth.
        wanted: Only this fault; None = any that can be made.

    Returns:
        None where no fault can be made.
    """
    careful = not found_in(scene.things)
    names = [wanted] if wanted else list(FAULTS)
    while names:
        name = names.pop(int(dice.unit() * len(names)))
        for _ in range(TRIES):
            edited = FAULTS[name](description, scene, dice)
            if edited is None or (careful and not _fair(edited)) or _true(edited, scene):
                continue
            return name, edited
    return None


def _true(description: Description, scene: Scene) -> bool:
    return check(description, scene.things, scene.background).all_true


def _fair(description: Description) -> bool:
    """Whether it names no held-out combination."""
    return not found_among([(e.kind, (e.color, e.surface)) for e in description.entities])


def other_kind(scene: Scene, dice: Dice) -> str:
    """A kind that is not in the scene and is not held out from those that are."""
    present = {thing.kind for thing in scene.things}
    while True:
        kind = dice.pick(tuple(catalogue()))
        if kind not in present and not any(heldout().separates(kind, other) for other in present):
            return kind


def changed(entity: Entity, name: str, dice: Dice) -> Entity | None:
    """The entity with another value of an attribute that it states; None where it states none."""
    stated = getattr(entity, name)
    if stated is None:
        return None
    values = {
        "color": tuple(palette()),
        "surface": SURFACES,
        "size": ("small", "large"),
        "pose": catalogue()[entity.kind].poses,
        "facing": FACINGS,
    }[name]
    others = [value for value in values if value != stated]
    if not others:
        return None
    fields: dict[str, Any] = {name: dice.pick(others)}
    return replace(entity, **fields)


def _with(description: Description, index: int, entity: Entity) -> Description:
    entities = (*description.entities[:index], entity, *description.entities[index + 1 :])
    return replace(description, entities=entities)


def _attribute(name: str) -> Edit:
    def edit(description: Description, _scene: Scene, dice: Dice) -> Description | None:
        stating = [i for i, e in enumerate(description.entities) if getattr(e, name) is not None]
        if not stating:
            return None
        index = dice.pick(stating)
        entity = changed(description.entities[index], name, dice)
        return None if entity is None else _with(description, index, entity)

    return edit


def _kind(description: Description, scene: Scene, dice: Dice) -> Description | None:
    """Another kind in a thing's place; its pose and side are no longer said."""
    if not description.entities:
        return None
    index = dice.pick(range(len(description.entities)))
    entity = description.entities[index]
    kind = other_kind(scene, dice)
    surface = entity.surface if catalogue()[kind].surfaces else None
    swapped = Entity(kind, entity.color, surface, entity.size, None, None, entity.count)
    edited = _with(description, index, swapped)
    return edited if all(_sayable(c, edited) for c in edited.claims) else None


def _exchange(description: Description, _scene: Scene, dice: Dice) -> Description | None:
    """Two things' colours, or their surfaces, change places."""
    name = dice.pick(("color", "color", "surface"))
    able = [
        i
        for i, e in enumerate(description.entities)
        if getattr(e, name) is not None and (name == "color" or catalogue()[e.kind].surfaces)
    ]
    if len(able) < 2:
        return None
    a = dice.pick(able)
    b = dice.pick([i for i in able if i != a])
    first, second = description.entities[a], description.entities[b]
    values = getattr(first, name), getattr(second, name)
    if values[0] == values[1]:
        return None
    edited = _with(description, a, replace(first, **{name: values[1]}))
    return _with(edited, b, replace(second, **{name: values[0]}))


def _relation(description: Description, _scene: Scene, dice: Dice) -> Description | None:
    if not description.claims:
        return None
    index = dice.pick(range(len(description.claims)))
    claim = description.claims[index]
    opposite = OPPOSITES.get(claim.name)
    name = opposite if opposite and dice.chance(0.5) else dice.pick(tuple(RELATIONS))
    return _claimed(description, index, Claim(name, claim.subject, claim.object))


def _roles(description: Description, _scene: Scene, dice: Dice) -> Description | None:
    if not description.claims:
        return None
    index = dice.pick(range(len(description.claims)))
    claim = description.claims[index]
    return _claimed(description, index, Claim(claim.name, claim.object, claim.subject))


def _claimed(description: Description, index: int, claim: Claim) -> Description | None:
    if claim in description.claims or not _sayable(claim, description):
        return None
    claims = (*description.claims[:index], claim, *description.claims[index + 1 :])
    return replace(description, claims=claims)


def _sayable(claim: Claim, description: Description) -> bool:
    """Whether the world could show such a relation, so that the words alone do not give the fault away."""
    kinds = catalogue()
    a, b = description.entities[claim.subject], description.entities[claim.object]
    return can_be(claim.name, kinds[a.kind], kinds[b.kind])


def _count(description: Description, _scene: Scene, dice: Dice) -> Description | None:
    counted = [i for i, e in enumerate(description.entities) if e.count >= 2]
    free = [
        i
        for i in range(len(description.entities))
        if i not in counted and all(i not in (c.subject, c.object) for c in description.claims)
    ]
    if not counted and not free:
        return None
    index = dice.pick(counted or free)
    entity = description.entities[index]
    count = dice.pick([n for n in (2, 3, 4) if n != entity.count])
    return _with(description, index, replace(entity, count=count, facing=None))


def _extra(description: Description, scene: Scene, dice: Dice) -> Description | None:
    if len(description.entities) >= 4:
        return None
    color = dice.pick(tuple(palette())) if dice.chance(0.7) else None
    return replace(description, entities=(*description.entities, Entity(other_kind(scene, dice), color)))


def _background(description: Description, _scene: Scene, dice: Dice) -> Description | None:
    if description.background is None:
        return None
    others = [name for name in BACKGROUNDS if name != description.background]
    return replace(description, background=dice.pick(others))


FAULTS: Mapping[str, Edit] = MappingProxyType(
    {
        "kind": _kind,
        "color": _attribute("color"),
        "surface": _attribute("surface"),
        "size": _attribute("size"),
        "pose": _attribute("pose"),
        "facing": _attribute("facing"),
        "exchange": _exchange,
        "relation": _relation,
        "roles": _roles,
        "count": _count,
        "extra": _extra,
        "background": _background,
    }
)
"""Every fault by name."""
