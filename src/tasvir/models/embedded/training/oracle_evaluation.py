"""The oracle's own error: what it reads off rendered scenes against their truth, predicate by predicate.

Descriptions are captions of the scenes; every second one is altered in one place, so that wrong answers of
both kinds (a true predicate read as false, a false one as true) are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasvir.models.embedded.oracle import Oracle, read_all
from tasvir.models.embedded.oracle_votes import overlaps
from tasvir.world.captions import caption
from tasvir.world.catalogue import catalogue, palette
from tasvir.world.description import Claim, Description, Entity, check
from tasvir.world.render import render
from tasvir.world.sampler import sample_for, sample_scene
from tasvir.world.scene import FACINGS, POSES, SURFACES, Placed, Scene
from tasvir.world.splits import Split
from tasvir.world.suite import world_suite

SEEDS = 472_882_027
"""First word of the seeds of evaluation: no training draws from this range."""
CHUNK = 50
"""Scenes drawn and read at once."""
Case = tuple[Scene, Description]
Reader = Callable[[Sequence[NDArray[np.uint8]]], Sequence[tuple[tuple[Placed, ...], str]]]
ATTRIBUTES = ("color", "surface", "pose", "facing")


def evaluate_on_renders(
    n: int, seed: int, *, split: Split = "any", oracle: Oracle | None = None
) -> dict[str, Any]:
    """Errors on n fresh scenes of the sampler, described by captions.

    Args:
        n: Number of scenes.
        seed: Picks the scenes.
        split: Which combinations they may hold.
        oracle: A network; None = the shipped one.

    Returns:
        See `evaluate`.
    """
    rng = np.random.default_rng([SEEDS, 0, seed])
    scenes = (sample_scene(rng, split=split) for _ in range(n))
    cases = ((scene, caption(scene, rng)[1]) for scene in scenes)
    return evaluate(cases, partial(read_all, oracle=oracle), rng)


def evaluate_on_suite(n: int, seed: int, *, oracle: Oracle | None = None) -> dict[str, Any]:
    """Errors on scenes in which n prompts of the suite, spread evenly over it, are true; see `evaluate`."""
    rng = np.random.default_rng([SEEDS, 1, seed])
    suite = world_suite()
    chosen = [suite[i * len(suite) // n % len(suite)].description for i in range(n)]
    cases = ((sample_for(description, rng), description) for description in chosen)
    return evaluate(cases, partial(read_all, oracle=oracle), rng)


def evaluate_on_traded(n: int, seed: int, *, oracle: Oracle | None = None) -> dict[str, Any]:
    """How often an order is read that a relation asks for but the picture does not show.

    In n scenes with somebody holding or riding something, or something inside another, the two change places
    in depth, as no scene of the world has them; the relation is then false.

    Returns:
        The number of scenes, the share in which the relation is read as true all the same, and both for each
        relation.
    """
    rng = np.random.default_rng([SEEDS, 2, seed])
    tally: Counter[str] = Counter()
    remaining = islice(_traded(rng), n)
    while chunk := list(islice(remaining, CHUNK)):
        readings = read_all([render(scene) for scene, _ in chunk], oracle)
        for (_, description), (things, background) in zip(chunk, readings, strict=True):
            name = description.claims[0].name
            claimed = check(description, things, background).all_true
            for key in (name, "all"):
                tally[f"{key} n"] += 1
                tally[f"{key} read"] += claimed
    names = sorted(key.removesuffix(" n") for key in tally if key.endswith(" n"))
    shares = {name: {"n": tally[f"{name} n"], "read_as_true": _ratio(tally, name)} for name in names}
    return {**shares.pop("all", {"n": 0, "read_as_true": None}), "by_relation": shares}


def _ratio(tally: Counter[str], name: str) -> float:
    return round(tally[f"{name} read"] / tally[f"{name} n"], 5)


def _traded(rng: np.random.Generator) -> Iterator[Case]:
    """Scenes with a relation that asks for an order, shown in the other one, each with just that claim."""
    while True:
        scene = sample_scene(rng, split="any")
        for relation in scene.relations:
            if relation.name not in ("holding", "riding", "inside"):
                continue
            a, b = scene.things[relation.subject], scene.things[relation.object]
            things = list(scene.things)
            near = max(relation.subject, relation.object)
            things.insert(min(relation.subject, relation.object), things.pop(near))
            entities = (Entity(a.kind), Entity(b.kind))
            description = Description(entities, (Claim(relation.name, 0, 1),))
            if not check(description, things, scene.background).all_true:
                yield replace(scene, things=tuple(things), relations=()), description


def evaluate(cases: Iterable[Case], read: Reader, rng: np.random.Generator) -> dict[str, Any]:
    """Compare what a reader sees with the truth.

    Args:
        cases: Scenes, each with a description; every second description is altered before it is checked.
        read: Pictures to (things, background) each.
        rng: Chooses the alterations.

    Returns:
        Share of wrong predicates with its counts, by predicate type too, share of descriptions whose "all
        true" is wrong, precision and recall of things (same kind, intersection over union at least 0.5),
        accuracy of each attribute on the things found, mean absolute error of edges, accuracy of the
        background.
    """
    tally: Counter[str] = Counter()
    remaining = iter(cases)
    while chunk := list(islice(remaining, CHUNK)):
        readings = read([render(scene) for scene, _ in chunk])
        for (scene, description), (things, background) in zip(chunk, readings, strict=True):
            asked = altered(description, rng) if tally["scenes"] % 2 else description
            _count_predicates(tally, asked, scene, things, background)
            _count_things(tally, scene.things, things)
            tally["background right"] += background == scene.background
            tally["scenes"] += 1
    return _figures(tally)


def altered(description: Description, rng: np.random.Generator) -> Description:
    """The description with one thing changed: a kind, an attribute, a count, or the roles in a relation."""
    options: list[Description] = []
    for i, claim in enumerate(description.claims):
        turned = Claim(claim.name, claim.object, claim.subject)
        claims = (*description.claims[:i], turned, *description.claims[i + 1 :])
        options.append(replace(description, claims=claims))
    for i, entity in enumerate(description.entities):
        for other in _others(entity, rng):
            entities = (*description.entities[:i], other, *description.entities[i + 1 :])
            options.append(replace(description, entities=entities))
    return options[int(rng.integers(len(options)))]


def _others(entity: Entity, rng: np.random.Generator) -> list[Entity]:
    kinds = [kind.name for kind in catalogue().values() if kind.category == catalogue()[entity.kind].category]
    found = [Entity(_other(kinds, entity.kind, rng), entity.color, count=entity.count)]
    if entity.color is not None:
        found.append(replace(entity, color=_other(tuple(palette()), entity.color, rng)))
    if entity.surface is not None:
        found.append(replace(entity, surface=_other(SURFACES, entity.surface, rng)))
    if entity.pose is not None:
        found.append(replace(entity, pose=_other(POSES, entity.pose, rng)))
    if entity.facing is not None:
        found.append(replace(entity, facing=_other(FACINGS, entity.facing, rng)))
    if entity.count > 1:
        found.append(replace(entity, count=5 - entity.count if entity.count < 4 else 3))
    return found


def _other(choices: Sequence[str], taken: str, rng: np.random.Generator) -> str:
    left = [choice for choice in choices if choice != taken] or [taken]
    return left[int(rng.integers(len(left)))]


def _count_predicates(
    tally: Counter[str], description: Description, scene: Scene, things: tuple[Placed, ...], background: str
) -> None:
    truth = check(description, scene.things, scene.background)
    read = check(description, things, background)
    for (text, true), (_, seen) in zip(truth.predicates, read.predicates, strict=True):
        kind = predicate_type(text, description)
        for name in (kind, "predicates"):
            tally[f"{name} n"] += 1
            tally[f"{name} wrong"] += true != seen
        tally["missed"] += true and not seen
        tally["invented"] += seen and not true
    tally["descriptions wrong"] += truth.all_true != read.all_true


def predicate_type(text: str, description: Description) -> str:
    """ "color", "pose", ..., the name of a relation, or "presence" (thing, count, absence, background)."""
    if ": " in text:
        return text.split(": ")[1].split()[0]
    for claim in description.claims:
        if f" {claim.name} " in text:
            return claim.name
    return "presence"


def _count_things(tally: Counter[str], truth: tuple[Placed, ...], read: tuple[Placed, ...]) -> None:
    """Match read things to true ones of the same kind, best overlap first, and count what agrees."""
    tally["true things"] += len(truth)
    tally["read things"] += len(read)
    if not truth or not read:
        return
    shared = overlaps(np.array([t.box for t in truth]), np.array([t.box for t in read]))
    shared *= np.array([[a.kind == b.kind for b in read] for a in truth])
    while shared.max() >= 0.5:
        i, j = np.unravel_index(int(shared.argmax()), shared.shape)
        shared[i], shared[:, j] = 0, 0
        tally["found"] += 1
        tally["edge error e6"] += round(1e6 * float(np.abs(np.subtract(truth[i].box, read[j].box)).mean()))
        for name in ATTRIBUTES:
            wanted = getattr(truth[i], name)
            if wanted is not None and (name != "surface" or catalogue()[truth[i].kind].surfaces):
                tally[f"{name} things"] += 1
                tally[f"{name} right"] += wanted == getattr(read[j], name)


def _figures(tally: Counter[str]) -> dict[str, Any]:
    def share(part: str, whole: str) -> float | None:
        return round(tally[part] / tally[whole], 5) if tally[whole] else None

    types = sorted(key.removesuffix(" wrong") for key in tally if key.endswith(" wrong"))
    return {
        "scenes": tally["scenes"],
        "predicates": tally["predicates n"],
        "predicate_error": share("predicates wrong", "predicates n"),
        "true_read_as_false": tally["missed"],
        "false_read_as_true": tally["invented"],
        "description_error": share("descriptions wrong", "scenes"),
        "precision": share("found", "read things"),
        "recall": share("found", "true things"),
        "edge_error": round(tally["edge error e6"] / tally["found"] / 1e6, 5) if tally["found"] else None,
        "background": share("background right", "scenes"),
        "attributes": {name: share(f"{name} right", f"{name} things") for name in ATTRIBUTES},
        "error_by_predicate": {
            name: {"n": tally[f"{name} n"], "error": share(f"{name} wrong", f"{name} n")}
            for name in types
            if f"{name} n" in tally and name != "predicates"
        },
    }
