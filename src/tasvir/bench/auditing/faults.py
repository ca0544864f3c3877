"""Faults of one kind each: a scene of which a text is true, changed so that one sort of statement is false.

A change is tried, and kept only where the predicates that it made false are those that its fault is about; so
a "wrong relation" has all its things in their colours. What follows by itself is allowed: without the dog
there is no dog left of the car.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from numpy.random import Generator

from tasvir.bench.auditing.corrupting import (
    Corruption,
    Things,
    add_absent,
    add_another,
    all_visible,
    change_pose,
    drop,
    move,
    put,
    recolour,
    some,
    swap_kind,
    trade_depth,
    trade_places,
    turn,
)
from tasvir.world.catalogue import catalogue
from tasvir.world.description import Claim, Description, Outcome, check, size_of
from tasvir.world.relations import holds
from tasvir.world.scene import SURFACES, Placed

MAX_TRIES = 40
"""Changes that are tried for one fault."""
MAX_HIDDEN = 0.4
"""Nothing in an audited picture is covered by more than this share of itself: what is false must be seen."""
RESIZED = {"small": 1.35, "large": 0.7}
"""Factor of the natural height that a thing said to be of a size gets instead."""

OF_A_THING = frozenset({"color", "surface", "size", "pose", "facing", "relation"})
"""What cannot be true without the thing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One sort of wrong.

    Args:
        name: As tables have it.
        changes: What may bring it about.
        breaks: Kinds of predicates (`predicate_kind`) of which at least ``least`` become false.
        allows: Kinds that may become false with them.
        least: How many.
        reversed: None, or whether the broken relation must hold (True) or must not (False) the other way.
    """

    name: str
    changes: tuple[Corruption, ...]
    breaks: frozenset[str]
    allows: frozenset[str] = frozenset()
    least: int = 1
    reversed: bool | None = None


@dataclass(frozen=True, slots=True)
class Faulty:
    """What is to be seen, and how much of the text is true of it.

    Args:
        things: Farthest first.
        share: Share of the predicates that are true, 0 to 1.
        faults: Names of the faults, in the order in which they were made.
        broken: The predicates that are false, in words.
        relations: Relations of the text that are false.
    """

    things: Things
    share: float
    faults: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()


def predicate_kind(text: str) -> str:
    """What a predicate of `tasvir.world.description.check` is about: "thing", the name of an attribute,
    "count", "absence", "background" or "relation"."""
    if text.startswith("exactly "):
        return "count"
    if text.startswith("no "):
        return "absence"
    if text.startswith("in "):
        return "background"
    if text.startswith(("a ", "an ")):
        return "thing"
    return text.split(": ")[1].split()[0] if ": " in text else "relation"


def faultless(description: Description, things: Things, background: str) -> Faulty:
    """A scene as it is, held against a text."""
    return _seen(description, things, check(description, things, background), ())


def make_fault(
    fault: Fault, description: Description, before: Faulty, background: str, rng: Generator
) -> Faulty | None:
    """A scene with one fault more, or None where none was found.

    Args:
        fault: Which.
        description: What the text claims.
        before: The scene as it is.
        background: Behind it.
        rng: Chooses what is changed and how.
    """
    old = check(description, before.things, background)
    for _ in range(MAX_TRIES if before.things else 0):
        change = fault.changes[rng.integers(len(fault.changes))]
        things = change(before.things, description, rng)
        if things is None or not all_visible(things, MAX_HIDDEN):
            continue
        new = check(description, things, background)
        if _is(fault, description, things, old, new):
            return _seen(description, things, new, (*before.faults, fault.name))
    return None


def _is(fault: Fault, description: Description, things: Things, old: Outcome, new: Outcome) -> bool:
    pairs = list(zip(old.predicates, new.predicates, strict=True))
    if any(now and not was for (_, was), (_, now) in pairs):
        return False  # what was wrong before must stay wrong
    kinds = [predicate_kind(text) for (text, was), (_, now) in pairs if was and not now]
    if sum(kind in fault.breaks for kind in kinds) < fault.least:
        return False
    if not set(kinds) <= fault.breaks | fault.allows:
        return False
    if fault.reversed is None:
        return True
    was = _false_claims(description, old)
    broken = [claim for claim in _false_claims(description, new) if claim not in was]
    return all(_holds_reversed(claim, things, new) == fault.reversed for claim in broken)


def _false_claims(description: Description, outcome: Outcome) -> list[Claim]:
    told = [true for text, true in outcome.predicates if predicate_kind(text) == "relation"]
    return [claim for claim, true in zip(description.claims, told, strict=True) if not true]


def _holds_reversed(claim: Claim, things: Things, outcome: Outcome) -> bool:
    subjects, objects = outcome.matched[claim.subject], outcome.matched[claim.object]
    pairs = [(i, j) for i in subjects for j in objects]
    return bool(pairs) and all(
        holds(claim.name, things[j], things[i], a_depth=j, b_depth=i) for i, j in pairs
    )


def _seen(description: Description, things: Things, outcome: Outcome, faults: tuple[str, ...]) -> Faulty:
    broken = tuple(text for text, true in outcome.predicates if not true)
    relations = tuple(claim.name for claim in _false_claims(description, outcome))
    return Faulty(things, outcome.share, faults, broken, relations)


def resurface(things: Things, _: Description, rng: Generator) -> Things | None:
    """Give one thing another surface."""
    able = [i for i, thing in enumerate(things) if catalogue()[thing.kind].surfaces]
    if not able:
        return None
    index = able[rng.integers(len(able))]
    others = [surface for surface in SURFACES if surface != things[index].surface]
    return put(things, index, replace(things[index], surface=others[rng.integers(len(others))]))


def resize(things: Things, _: Description, rng: Generator) -> Things | None:
    """Make a small thing large or a large one small, standing where it stood."""
    index = some(things, rng)
    size = size_of(things[index])
    if size is None:
        return None
    thing = things[index]
    factor = RESIZED[size] * catalogue()[thing.kind].height / (thing.box[3] - thing.box[1])
    return put(things, index, _scaled(thing, factor))


def trade_colours(things: Things, _: Description, rng: Generator) -> Things | None:
    """Let two things change their colours."""
    if len(things) < 2:
        return None
    a, b = (int(i) for i in rng.choice(len(things), 2, replace=False))
    changed = put(things, a, replace(things[a], color=things[b].color))
    return put(changed, b, replace(things[b], color=things[a].color))


def _scaled(thing: Placed, factor: float) -> Placed:
    """About the middle of its foot, pushed into the picture."""
    x0, y0, x1, y1 = thing.box
    width, height = min((x1 - x0) * factor, 1.0), min((y1 - y0) * factor, 1.0)
    left = min(max((x0 + x1 - width) / 2, 0.0), 1.0 - width)
    top = max(y1 - height, 0.0)
    return replace(thing, box=(left, top, left + width, top + height))


_RELATION = frozenset({"relation"})
FAULTS: tuple[Fault, ...] = (
    Fault("missing thing", (drop,), frozenset({"thing"}), OF_A_THING),
    Fault("wrong thing", (swap_kind,), frozenset({"thing"}), OF_A_THING),
    Fault("wrong colour", (recolour,), frozenset({"color"})),
    Fault("swapped colours", (trade_colours,), frozenset({"color"}), least=2),
    Fault("wrong surface", (resurface,), frozenset({"surface"})),
    Fault("wrong size", (resize,), frozenset({"size"})),
    Fault("wrong pose", (change_pose, turn), frozenset({"pose", "facing"})),
    Fault("wrong relation", (move, trade_depth, turn, change_pose), _RELATION, reversed=False),
    Fault("swapped roles", (trade_places, trade_depth, move, turn), _RELATION, reversed=True),
    Fault("wrong count", (add_another, drop), frozenset({"count"})),
    Fault("extra thing", (add_absent,), frozenset({"absence"})),
)
"""In the order of tables."""
