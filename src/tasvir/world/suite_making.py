"""How the suite was made: 100 descriptions a category around held-out combinations, each proved possible.

Run as a module it prints suite.jsonl: ``python -m tasvir.world.suite_making > src/tasvir/world/suite.jsonl``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tasvir.errors import UserInputError
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.composing import LOOKING, subjects
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.placing import Dice
from tasvir.world.sampler import sample_for
from tasvir.world.scene import BACKGROUNDS, SURFACES
from tasvir.world.splits import found_among, heldout
from tasvir.world.suite import CATEGORIES, WorldPrompt
from tasvir.world.writing import write

SEED = 600
"""The seed that suite.jsonl was made with."""
SPATIAL = ("left of", "right of", "above", "below", "next to", "on", "under", "inside")
DEPTH = ("in front of", "behind")
ACTIONS = ("holding", "holding", "riding", "facing", "walking towards", "running towards", "on")
SIZED = ("small", "large")


def make_suite(seed: int = SEED, each: int = 100) -> tuple[WorldPrompt, ...]:
    """Make the suite.

    Args:
        seed: Equal seeds give equal suites.
        each: Prompts of each category.
    """
    makers: dict[str, Callable[[Dice, int], Description]] = {
        "spatial": _spatial,
        "3d-spatial": _depth,
        "attribute": _attribute,
        "count": _count,
        "action": _action,
        "complex": _complex,
    }
    prompts: list[WorldPrompt] = []
    said: set[str] = set()
    for place, category in enumerate(CATEGORIES):
        rng = np.random.default_rng([seed, place])
        dice = Dice(rng)
        made: list[WorldPrompt] = []
        while len(made) < each:
            text, description = write(makers[category](dice, len(made)), dice)
            meaning = replace(description, background=None).to_json()
            if meaning in said or not heldout_of(description) or not _possible(description, rng):
                continue
            said.add(meaning)
            made.append(WorldPrompt(f"{category}-{len(made):03d}", category, text, description))
        prompts += made
    return tuple(prompts)


def heldout_of(description: Description) -> tuple[tuple[str, str], ...]:
    """The held-out combinations that a description asks for."""
    return found_among([(e.kind, (e.color, e.surface)) for e in description.entities])


def _possible(description: Description, rng: np.random.Generator) -> bool:
    """Whether two scenes for it are found in few tries, so that nothing in the suite is nearly impossible."""
    try:
        for _ in range(2):
            sample_for(description, rng, tries=12)
    except UserInputError:
        return False
    return True


def _pair(dice: Dice) -> tuple[str, str]:
    a, b = dice.pick(heldout().pairs)
    return (a, b) if dice.chance(0.5) else (b, a)


def _related_pair(name: str, dice: Dice, allowed: Callable[[str], bool] = lambda _: True) -> tuple[str, str]:
    """A held-out pair that can stand in a relation, subject first."""
    while True:
        a, b = _pair(dice)
        if b in subjects(name).get(a, ()) and allowed(a):
            return a, b


def _colored(kind: str, dice: Dice, share: float) -> Entity:
    """A thing, in that share of cases in a colour (often not its natural one)."""
    return Entity(kind, dice.pick(tuple(palette())) if dice.chance(share) else None)


def _decorated(kind: str, dice: Dice) -> Entity:
    """A thing with one or two attributes."""
    entity = Entity(kind)
    if catalogue()[kind].surfaces and dice.chance(0.4):
        entity = replace(entity, surface=dice.pick(SURFACES[1:]))
    elif dice.chance(0.25):
        entity = replace(entity, size=dice.pick(SIZED))
    if entity == Entity(kind) or dice.chance(0.4):
        entity = replace(entity, color=dice.pick(tuple(palette())))
    return entity


def _somewhere(dice: Dice, share: float = 0.2) -> str | None:
    return dice.pick(BACKGROUNDS) if dice.chance(share) else None


def _is_person(kind: str) -> bool:
    return catalogue()[kind].category == "person"


def _spatial(dice: Dice, number: int) -> Description:
    name = SPATIAL[number % len(SPATIAL)]
    a, b = _related_pair(name, dice, lambda kind: name != "on" or not _is_person(kind))
    share = dice.pick((0.0, 0.8))
    entities = (_colored(a, dice, share), _colored(b, dice, share))
    return Description(entities, (Claim(name, 0, 1),), background=_somewhere(dice))


def _depth(dice: Dice, number: int) -> Description:
    a, b = _pair(dice)
    share = dice.pick((0.0, 0.8))
    claim = Claim(DEPTH[number % 2], 0, 1)
    return Description(
        (_colored(a, dice, share), _colored(b, dice, share)), (claim,), background=_somewhere(dice)
    )


def _attribute(dice: Dice, number: int) -> Description:
    if number % 4 == 3:
        a, b = _pair(dice)
        first = _decorated(a, dice)
    else:
        first = _worn(dice)
        b = dice.pick([kind for kind in catalogue() if kind != first.kind])
    entities = (first, _decorated(b, dice))
    return Description(entities if dice.chance(0.5) else entities[::-1], background=_somewhere(dice))


def _worn(dice: Dice) -> Entity:
    """A thing with a held-out attribute."""
    attribute, kind = dice.pick(heldout().attributes)
    if attribute in SURFACES:
        return Entity(kind, dice.pick(tuple(palette())) if dice.chance(0.3) else None, attribute)
    return Entity(kind, attribute)


def _count(dice: Dice, number: int) -> Description:
    count = 2 + number % 3
    background = _somewhere(dice)
    if dice.chance(0.5):
        group = replace(_worn(dice), count=count)
        if dice.chance(0.4):
            return Description((group,), background=background)
        other = dice.pick([kind for kind in catalogue() if kind != group.kind])
        if dice.chance(0.4):
            return Description((group,), absent=(Entity(other),), background=background)
        return Description((group, _colored(other, dice, 0.4)), background=background)
    a, b = _pair(dice)
    group = replace(_colored(a, dice, 0.4), count=count)
    other = dice.pick([kind for kind in catalogue() if kind not in (a, b)])
    absent = (Entity(other),) if dice.chance(0.25) else ()
    return Description((group, _colored(b, dice, 0.4)), absent=absent, background=background)


def _action(dice: Dice, number: int) -> Description:
    name = ACTIONS[number % len(ACTIONS)]
    a, b = _related_pair(name, dice, lambda kind: name != "on" or _is_person(kind))
    subject = replace(_colored(a, dice, 0.4), pose="sitting" if name == "on" else None)
    entities = (subject, _colored(b, dice, 0.5))
    return Description(entities, (Claim(name, 0, 1),), background=_somewhere(dice))


def _complex(dice: Dice, number: int) -> Description:
    """Two relations that share a thing, and in a third of the prompts a fourth thing."""
    name = dice.pick(SPATIAL + DEPTH) if number % 2 else dice.pick(ACTIONS)
    a, b = _related_pair(name, dice)
    kinds = [a, b]
    second = dice.pick(SPATIAL[:5] + DEPTH + DEPTH) if dice.chance(0.8) else dice.pick(LOOKING)
    old = dice.pick((0, 1))
    new = _newcomer(kinds, dice)
    forward = dice.chance(0.4)
    if not _can(second, kinds[old] if forward else new, new if forward else kinds[old]):
        return Description(())
    if forward and old == 0 and name not in SPATIAL + DEPTH and second in LOOKING:
        return Description(())
    entities = [_colored(kind, dice, 0.4) for kind in (a, b, new)]
    if name == "on" and _is_person(a):
        entities[0] = replace(entities[0], pose="sitting")
    if dice.chance(0.2):
        entities[2] = replace(_decorated(new, dice), color=entities[2].color)
    claims = (Claim(name, 0, 1), Claim(second, old, 2) if forward else Claim(second, 2, old))
    if number % 3 == 0:
        entities.append(_decorated(_newcomer([a, b, new], dice), dice))
    return Description(tuple(entities), claims, background=_somewhere(dice, 0.15))


def _newcomer(kinds: Sequence[str], dice: Dice) -> str:
    return dice.pick([kind for kind in catalogue() if kind not in kinds])


def _can(name: str, a: str, b: str) -> bool:
    return b in subjects(name).get(a, ())


if __name__ == "__main__":
    for prompt in make_suite():
        sys.stdout.write(json.dumps(prompt.to_dict()) + "\n")
