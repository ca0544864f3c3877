"""Redesigning: from what the recogniser sees in the pictures so far to a layout that should be drawn better.

The best-looking attempt is the base. Things that came out right keep their boxes; things that are missing or
wrong, and both sides of a relation that failed, are enlarged and placed again with more room around them,
more so each time they fail. A layout that was already drawn is given again only where no other keeps the
layout rules (four elephants leave little choice): the next picture starts from other noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from tasvir.guide.embedded.drafting import draft
from tasvir.guide.embedded.parts import SCALES, Part, links_of, placed_of
from tasvir.guide.embedded.planning import faults, recover, solve
from tasvir.guide.embedded.solving import GUTTER
from tasvir.records import Layout
from tasvir.world.description import Description, Outcome, attributes_true, check
from tasvir.world.relations import holds
from tasvir.world.scene import Placed

ENLARGED, MOST_ENLARGED = 1.12, 1.5
"""Factor by which a thing that failed grows at each failure, and its limit in natural heights."""
ROOMIER = 0.02
"""Gutter added at each failure of anything."""
SAME = 0.03
"""Layouts of equal phrases whose edges all differ by less than this count as one."""
CANDIDATES = 4
RESTARTS = 2
STALE = 3
"""After so many failures of one thing everything is placed anew."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the recogniser sees in one picture, farthest first, and what the picture was drawn from."""

    things: tuple[Placed, ...]
    background: str | None
    layout: Layout | None


def redesign(description: Description, sights: Sequence[Sight], seed: int) -> tuple[Layout | None, str]:
    """A better layout and why, or None where the last picture shows everything.

    Args:
        description: What the prompt claims.
        sights: What was seen in each attempt, oldest first; at least one.
        seed: Chooses new places.

    Returns:
        The layout (None = aligned) and the reason in at most 50 words.
    """
    outcomes = [check(description, sight.things, sight.background) for sight in sights]
    if outcomes[-1].all_true:
        return None, "The picture shows everything that the prompt asks for."
    failures = [_failed(description, s, o) for s, o in zip(sights, outcomes, strict=True)]
    counts = {i: sum(i in failed for failed in failures) for i in range(len(description.entities))}
    base = max(range(len(sights)), key=lambda k: (outcomes[k].share, k))
    redo = failures[base] or set(counts)
    drawn = [sight.layout for sight in sights if sight.layout is not None]
    best: Layout | None = None
    for number in range(CANDIDATES):
        rng = np.random.default_rng([seed, 3, len(sights), number])
        everything = number >= CANDIDATES // 2 or any(counts[i] >= STALE for i in redo)
        layout = _candidate(
            description, sights[base], outcomes[base], set(counts) if everything else redo, counts, rng
        )
        if any(same(layout, other) for other in drawn):
            continue
        found = faults(description, layout)
        if best is None or faults(description, best).worse_than(found):
            best = layout
        if found.none:
            break
    if best is None:
        best = _candidate(
            description, sights[base], outcomes[base], set(counts), {}, np.random.default_rng([seed, 4])
        )
    if drawn and faults(description, best).broken:
        best = sights[base].layout or drawn[-1]
    return best, _reason(description, outcomes[-1], redo)


def same(one: Layout, other: Layout) -> bool:
    """Whether two layouts differ by less than a generator would notice."""
    if len(one.things) != len(other.things) or one.background != other.background:
        return False
    return all(
        a.phrase == b.phrase
        and max(abs(p - q) for p, q in zip(a.box.as_tuple(), b.box.as_tuple(), strict=True)) < SAME
        for a, b in zip(one.things, other.things, strict=True)
    )


def _failed(description: Description, sight: Sight, outcome: Outcome) -> set[int]:
    """Entities that are missing, wrong, miscounted, or in a relation that does not hold."""
    failed: set[int] = set()
    for index, (entity, members) in enumerate(zip(description.entities, outcome.matched, strict=True)):
        right = all(all(attributes_true(entity, sight.things[i]).values()) for i in members)
        if not right or not members or (entity.count > 1 and len(members) != entity.count):
            failed.add(index)
    for claim in description.claims:
        pairs = [(i, j) for i in outcome.matched[claim.subject] for j in outcome.matched[claim.object]]
        if not all(
            holds(claim.name, sight.things[i], sight.things[j], a_depth=i, b_depth=j) for i, j in pairs
        ):
            failed |= {claim.subject, claim.object}
    return failed


def _candidate(
    description: Description,
    sight: Sight,
    outcome: Outcome,
    redo: set[int],
    counts: dict[int, int],
    rng: Generator,
) -> Layout:
    if sight.layout is not None:
        things = placed_of(sight.layout)
        parts = recover(description, things, check(description, things))
    else:
        parts = recover(description, sight.things, outcome, keep_others=False)
    for part in parts:
        part.frozen = part.entity not in redo
        if not part.frozen:
            _enlarge(part, counts.get(part.entity, 0))
    draft(parts, links_of(description, parts), rng)
    gutter = GUTTER + ROOMIER * min(max(counts.values(), default=0), 3)
    return solve(description, parts, rng, gutter=gutter, restarts=RESTARTS)


def _enlarge(part: Part, failures: int) -> None:
    """Let a part that failed take more room; a stated size stays what it is."""
    if part.low < 1.0 < part.high:
        part.high = MOST_ENLARGED if part.high == SCALES[None][1] else part.high
        part.wanted = min(max(part.scale, 1.0) * ENLARGED, part.high)
        part.low = min(max(0.9 * ENLARGED**failures, part.low), 0.9 * part.high)
    width, height = part.size(max(part.scale, 1.0) * ENLARGED)
    part.placed = part.at(part.box[0], part.box[3] - height, (width, height))


def _reason(description: Description, outcome: Outcome, redo: set[int]) -> str:
    false = [text for text, true in outcome.predicates if not true]
    kinds = list(dict.fromkeys(description.entities[i].kind for i in sorted(redo)))
    text = f"Not seen: {', '.join(false)}. Placed anew: {', '.join(kinds) or 'everything'}."
    return " ".join(text.split()[:50])
