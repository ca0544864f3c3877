"""Planning and revising: a description -> a layout; a layout -> the same layout, or one with its faults
repaired.

Planning drafts quickly (`drafting`). Revision checks the draft against the text by the world's own relations
and the layout rules, keeps what is right where it is, and solves for the rest (`solving`); a layout without
faults comes back unchanged, and a changed one is always better than it was, so that revising ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from tasvir import layout as rules
from tasvir.guide.embedded.drafting import draft
from tasvir.guide.embedded.framing import frame
from tasvir.guide.embedded.margins import shortfall
from tasvir.guide.embedded.parts import (
    Link,
    Part,
    background_of,
    links_of,
    make_room,
    new_part,
    parts_of,
    placed_of,
    to_layout,
)
from tasvir.guide.embedded.solving import GUTTER, SAFE, Solver, looks
from tasvir.records import Layout
from tasvir.world.description import Description, Outcome, attributes_true, check, fits
from tasvir.world.scene import Placed

DRAFTS = 6
"""Drafts that may break the layout rules before one is solved for."""
RESTARTS = 6
UNSAFE = 0.02
"""Relations short of their safe margins, and things cramped, by more than this are a fault."""
GAIN = 0.01
"""A revision must make the shortfall smaller by this much, or more predicates true."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a layout.

    Args:
        false: Predicates of the text that do not hold, in words.
        unsafe: What its relations are short of their safe margins, and how cramped things are, summed.
        broken: Problems by the layout rules.
        background: Whether the background is another than the text's.
    """

    false: tuple[str, ...] = ()
    unsafe: float = 0.0
    broken: tuple[str, ...] = ()
    background: bool = False

    @property
    def none(self) -> bool:
        return not (self.false or self.broken or self.background) and self.unsafe <= UNSAFE

    def told(self) -> str:
        """The faults in at most 50 words."""
        parts = [f"Not so: {', '.join(self.false)}."] if self.false else []
        parts += (
            ["Relations too close to their margins, or things too cramped."] if self.unsafe > UNSAFE else []
        )
        parts += ["Another background was asked for."] if self.background else []
        parts += list(self.broken)
        return " ".join(" ".join(parts).split()[:50])

    def worse_than(self, other: Faults) -> bool:
        mine = len(self.false) + len(self.broken) + self.background
        theirs = len(other.false) + len(other.broken) + other.background
        return mine > theirs or (mine == theirs and self.unsafe > other.unsafe + GAIN)


def plan(description: Description, seed: int) -> Layout:
    """A first draft for a description that keeps the layout rules; different seeds give different ones."""
    rng = np.random.default_rng([seed, 1])
    for _ in range(DRAFTS):
        parts = parts_of(description, rng)
        links = links_of(description, parts)
        draft(parts, links, rng)
        frame(parts, Solver(parts, links, rng))
        layout = to_layout(parts, links, description.background)
        if not rules.check(layout).errors:
            return layout
    return solve(description, parts, rng)


def revise(description: Description, layout: Layout, seed: int) -> tuple[Layout, Faults]:
    """A layout with its faults repaired, and the faults that were found; the very same layout where there are
    none.

    Raises:
        LanguageError: A phrase of the layout is outside the world's language.
    """
    things = placed_of(layout)
    found = faults(description, layout, things)
    if found.none:
        return layout, found
    rng = np.random.default_rng([seed, 2])
    parts = recover(description, things, check(description, things))
    repaired = solve(description, parts, rng)
    return (repaired if found.worse_than(faults(description, repaired)) else layout), found


def faults(description: Description, layout: Layout, things: Sequence[Placed] | None = None) -> Faults:
    """Go over a layout: the text's predicates by geometry, the safe margins, the layout rules, the
    background."""
    placed = placed_of(layout) if things is None else things
    outcome = check(description, placed)
    links = [
        (claim.name, i, j)
        for claim in description.claims
        for i in outcome.matched[claim.subject]
        for j in outcome.matched[claim.object]
    ]
    seen = Solver([Part(-1, thing) for thing in placed], links, np.random.default_rng(0))
    unsafe = sum(shortfall(name, placed[i], placed[j]) for name, i, j in links) + seen.cramped()
    false = tuple(text for text, true in outcome.predicates if not true)
    other = description.background is not None and background_of(layout.background) != description.background
    return Faults(false, unsafe, rules.check(layout).errors, other)


def recover(
    description: Description, things: Sequence[Placed], outcome: Outcome, *, keep_others: bool = True
) -> list[Part]:
    """Parts for a description from things that are there: matched ones keep look and place where these are
    right.

    Args:
        description: What is asked for; its parts come first, in its order.
        things: What is there.
        outcome: Of checking the one against the other.
        keep_others: Keep things that are neither asked for nor unwanted, frozen.
    """
    parts: list[Part] = []
    used: set[int] = set()
    for index, entity in enumerate(description.entities):
        members = outcome.matched[index][: entity.count] if outcome.matched else ()
        for number in range(entity.count):
            thing = things[members[number]] if number < len(members) else None
            parts.append(_recovered(description, index, thing))
        used |= set(members)
    for index, thing in enumerate(things):
        unwanted = any(fits(e, thing) for e in description.absent)
        surplus = any(e.kind == thing.kind for e in description.entities)
        if keep_others and index not in used and not unwanted and not surplus:
            parts.append(Part(-1, thing, frozen=True))
    make_room(parts)
    return parts


def _recovered(description: Description, index: int, thing: Placed | None) -> Part:
    part = new_part(description, index, (thing.facing if thing is not None else None) or "right")
    if thing is None:
        part.fresh = True
        return part
    entity = description.entities[index]
    wanted = part.placed
    part.placed = replace(
        thing, color=entity.color or thing.color, surface=entity.surface or thing.surface, pose=wanted.pose
    )
    if entity.facing is not None:
        part.placed = replace(part.placed, facing=entity.facing)
    width, height = thing.box[2] - thing.box[0], thing.box[3] - thing.box[1]
    true_size = attributes_true(replace(entity, color=None, surface=None, pose=None, facing=None), thing)
    if not all(true_size.values()) or min(width, height) < rules.MIN_SIDE:
        size = part.size((part.low + part.high) / 2)
        part.placed = part.at((thing.box[0] + thing.box[2] - size[0]) / 2, thing.box[3] - size[1], size)
    else:
        part.placed = part.at(thing.box[0], thing.box[1], (width, height))
    return part


def solve(
    description: Description,
    parts: list[Part],
    rng: Generator,
    *,
    gutter: float = GUTTER,
    restarts: int = RESTARTS,
) -> Layout:
    """Parts as a layout that is right if one can be found: repaired in place, or else drafted anew."""
    links = links_of(description, parts)
    solver = Solver(parts, links, rng, gutter)
    kept = [part.frozen for part in parts]
    _place_fresh(parts, links, rng)
    start = looks(parts)
    if solver.problem() <= SAFE:
        return to_layout(parts, links, description.background)
    _freeze_sound(parts, links, solver)
    best, least = start, float("inf")
    for attempt in range(restarts):
        if attempt > 0:
            for part, frozen in zip(parts, kept, strict=True):
                part.frozen = frozen
        if attempt > 1:
            _restart(parts, links, rng)
        solver.solve()
        problem = solver.problem()
        if problem < least:
            best, least = looks(parts), problem
        if problem <= SAFE:
            break
    for part, placed in zip(parts, best, strict=True):
        part.placed = placed
    frame(parts, solver)  # where everything was free to move
    return to_layout(parts, links, description.background)


def _place_fresh(parts: Sequence[Part], links: Sequence[Link], rng: Generator) -> None:
    """Draft the parts that have no place yet, around all others."""
    if not any(part.fresh for part in parts):
        return
    frozen = [part.frozen for part in parts]
    for part in parts:
        part.frozen = not part.fresh
    draft(parts, links, rng)
    for part, before in zip(parts, frozen, strict=True):
        part.frozen, part.fresh = before, False


def _freeze_sound(parts: Sequence[Part], links: Sequence[Link], solver: Solver) -> None:
    """Keep in place what no fault touches, unless everything would be kept."""
    touched = {k for n, i, j in links if shortfall(n, parts[i].placed, parts[j].placed) > 0 for k in (i, j)}
    touched |= {k for i, j in solver.collisions() for k in (i, j)}
    touched |= {i for i, part in enumerate(parts) if not part.low * 0.98 <= part.scale <= part.high * 1.02}
    if touched:
        for index, part in enumerate(parts):
            part.frozen = part.frozen or index not in touched


def _restart(parts: Sequence[Part], links: Sequence[Link], rng: Generator) -> None:
    for part in parts:
        if part.frozen:
            continue
        if part.turnable and rng.random() < 0.5:
            part.placed = replace(part.placed, facing="left" if part.placed.facing == "right" else "right")
        width, height = part.size(
            part.wanted * (rng.uniform(0.75, 1.05) if part.low < 1.0 < part.high else 1.0)
        )
        part.placed = part.at(part.box[0], part.box[3] - height, (width, height))
    draft(parts, links, rng)
