"""Pictures with graded, known faults: rendered scenes that the embedded models have never trained on.

Every text is true of a scene with a held-out combination in it. Five pictures belong to it: the scene as it
is, with one fault, with another one, with both kinds, and with a third. The kinds of faults come in turn, so
that each has about as many pictures; so do the kinds of relations where a relation is what breaks.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from tasvir.bench.auditing.corrupting import all_visible
from tasvir.bench.auditing.faults import FAULTS, MAX_HIDDEN, Fault, Faulty, faultless, make_fault
from tasvir.records import SuitePrompt
from tasvir.score.auditing.truth import RELATION_KINDS
from tasvir.world.captions import caption
from tasvir.world.catalogue import catalogue
from tasvir.world.description import Description, Entity
from tasvir.world.placing import Dice
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Scene
from tasvir.world.writing import write

COLUMNS = ("true", "one fault", "another fault", "two faults", "three faults")
"""What tables call the pictures of a text."""
LEAST_PREDICATES = 3
"""A text that claims less has no shades between true and false."""
TRIES = 400
"""Scenes that are looked at for one wanted fault."""
_WANTED_KINDS = {"wrong relation": tuple(RELATION_KINDS), "swapped roles": ("plane", "depth")}
"""Kinds of relations that are looked for in turn; "on" and "holding" are hardly ever true the other way."""


@dataclass(frozen=True, slots=True)
class AuditPrompt:
    """A text and its pictures by column; a column without a picture is not there.

    Args:
        prompt: With the fact "description".
        background: Behind all of them.
        seed: The scene's.
        pictures: What is to be seen.
    """

    prompt: SuitePrompt
    background: str
    seed: int
    pictures: dict[str, Faulty]

    def png(self, column: str) -> bytes:
        """The picture of a column, 128 x 128 pixels."""
        pixels = render(Scene(self.pictures[column].things, (), self.background, self.seed))
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        return buffer.getvalue()


def truth_of(picture: Faulty) -> dict[str, Any]:
    """What is known of a picture, ready for JSON."""
    return {name: value for name, value in asdict(picture).items() if name != "things"}


def audit_prompts(count: int, seed: int) -> Iterator[AuditPrompt]:
    """So many texts with their pictures; a larger count holds a smaller one."""
    for number in range(count):
        yield _prompt(number, seed)


def _prompt(number: int, seed: int) -> AuditPrompt:
    wanted = FAULTS[number % len(FAULTS)]
    for attempt in range(TRIES):
        rng = np.random.default_rng([seed, number, attempt])
        scene = sample_scene(rng, split="heldout")
        if not all_visible(scene.things, MAX_HIDDEN):
            continue
        text, description = _described(scene, wanted, rng)
        true = faultless(description, scene.things, scene.background)
        if true.broken or _size(description) < LEAST_PREDICATES:
            continue
        one = make_fault(wanted, description, true, scene.background, rng)
        if one is None or not _of_kind(wanted, one, number, attempt):
            continue
        pictures = {COLUMNS[0]: true, COLUMNS[1]: one}
        pictures |= _more(wanted, description, true, one, scene.background, rng)
        prompt = SuitePrompt(f"audit-{number:04d}", text, wanted.name, {"description": description.to_dict()})
        return AuditPrompt(prompt, scene.background, scene.seed, pictures)
    raise AssertionError(f"no scene with the fault {wanted.name!r} in {TRIES}")


def _described(scene: Scene, wanted: Fault, rng: np.random.Generator) -> tuple[str, Description]:
    """A true text; one that rules something out where a thing too many is wanted."""
    text, description = caption(scene, rng)
    if wanted.name != "extra thing" or description.absent:
        return text, description
    present = {thing.kind for thing in scene.things}
    others = [kind for kind in catalogue() if kind not in present]
    without = replace(description, absent=(Entity(others[rng.integers(len(others))]),))
    return write(without, Dice(rng))


def _size(description: Description) -> int:
    """How many things, attributes and relations it claims, roughly: of a group each counts once."""
    stated = [
        value
        for entity in description.entities
        for value in (entity.color, entity.surface, entity.size, entity.pose, entity.facing)
    ]
    return len(description.entities) + len(description.claims) + sum(value is not None for value in stated)


def _of_kind(wanted: Fault, picture: Faulty, number: int, attempt: int) -> bool:
    """Whether the broken relation is of the kind whose turn it is; after half of the tries any will do."""
    kinds = _WANTED_KINDS.get(wanted.name)
    if kinds is None or attempt > TRIES // 2:
        return True
    turn = RELATION_KINDS[kinds[number // len(FAULTS) % len(kinds)]]
    return all(name in turn for name in picture.relations)


def _more(
    wanted: Fault,
    description: Description,
    true: Faulty,
    one: Faulty,
    background: str,
    rng: np.random.Generator,
) -> dict[str, Faulty]:
    """Another fault by itself, both kinds together, and a third, as far as they can be made."""
    others = [FAULTS[index] for index in rng.permutation(len(FAULTS)) if FAULTS[index] != wanted]
    found: dict[str, Faulty] = {}
    another = _first(others, description, true, background, rng)
    if another is None:
        return found
    found[COLUMNS[2]] = another
    second = [fault for fault in others if fault.name == another.faults[0]]
    rest = [fault for fault in others if fault not in second]
    two = _first([*second, *rest], description, one, background, rng)
    if two is None:
        return found
    found[COLUMNS[3]] = two
    three = _first(
        [fault for fault in rest if fault.name not in two.faults], description, two, background, rng
    )
    if three is not None:
        found[COLUMNS[4]] = three
    return found


def _first(
    faults: Sequence[Fault],
    description: Description,
    before: Faulty,
    background: str,
    rng: np.random.Generator,
) -> Faulty | None:
    made = (make_fault(fault, description, before, background, rng) for fault in faults)
    return next((picture for picture in made if picture is not None), None)
