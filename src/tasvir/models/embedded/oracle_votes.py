"""From the oracle's cells to things: cells that vote for one box are one thing; who hides whom gives depth.

Depth is read where it can be seen: in the cells in which the drawings of two recognised things would both be,
the one that is visible there is nearer. Where nothing is contested the picture does not say; then see
`unseen_order`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasvir.world.catalogue import catalogue
from tasvir.world.relations import RELATIONS
from tasvir.world.render import sprite
from tasvir.world.scene import FACINGS, POSES, SURFACES, Placed

Floats = NDArray[np.float64]

SAME_BOX = 0.5
"""Cells whose voted boxes share at least this intersection over union may be of one thing."""
SAME_KIND = 0.3
"""... if their kinds' probabilities agree at least this much (Bhattacharyya coefficient)."""
LEAST_CELLS = 2.5
"""Summed trust of its cells below which a thing is not believed."""
DOUBTFUL_CELLS = 0.8
"""Summed trust from which a thing is at least looked for."""
KINDS_TRIED = 12
"""Kinds of a thing that are looked at again, likeliest first."""
SMALLEST_BOX = 0.05
"""Width or height below which a box is a stray vote."""
CONTESTED = 0.4
"""Share of a cell that both drawings must fill for the cell to tell their depth."""


@dataclass(frozen=True, slots=True)
class Votes:
    """What the M cells of a picture that show a thing say.

    Args:
        cells: Row and column, int [M, 2].
        boxes: Voted amodal boxes in fractions, [M, 4].
        trust: Probability that the cell shows a thing, [M].
        kinds: Probabilities over ``kind_names``, [M, K].
        attributes: Probabilities of "color", "surface", "pose", "facing", each [M, classes].
        kind_names: Names of kinds.
        color_names: Names of colours.
        grid: Cells along a side.
    """

    cells: NDArray[np.int64]
    boxes: Floats
    trust: Floats
    kinds: Floats
    attributes: Mapping[str, Floats]
    kind_names: tuple[str, ...]
    color_names: tuple[str, ...]
    grid: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A thing that may be there.

    Args:
        thing: As the votes have it.
        kinds: Kinds to try, likeliest first, that of the thing among them.
        chances: Their probabilities.
    """

    thing: Placed
    kinds: tuple[str, ...]
    chances: tuple[float, ...]


def things_from_votes(votes: Votes) -> tuple[Placed, ...]:
    """The things that cells vote for, in depth order, farthest first."""
    return tuple(candidate.thing for candidate in candidates_from_votes(votes)[0])


def candidates_from_votes(votes: Votes) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """What cells vote for: things in depth order, farthest first, and doubtful ones, likeliest first."""
    groups = group_cells(votes, least=DOUBTFUL_CELLS)
    found = [(members, _candidate(votes, members)) for members in groups]
    whole = [(members, candidate) for members, candidate in found if candidate is not None]
    sure = [(members, c) for members, c in whole if votes.trust[members].sum() >= LEAST_CELLS]
    owner = np.full((votes.grid, votes.grid), -1)
    for place, (members, _) in enumerate(sure):
        rows, columns = votes.cells[members].T
        owner[rows, columns] = place
    order = depth_order([candidate.thing for _, candidate in sure], owner)
    doubtful = (c for members, c in whole if votes.trust[members].sum() < LEAST_CELLS)
    return tuple(sure[index][1] for index in order), tuple(doubtful)


def group_cells(votes: Votes, least: float = LEAST_CELLS) -> list[NDArray[np.int64]]:
    """Indices of the cells of each thing, most supported thing first.

    Greedy: the cell whose vote is shared by most others starts a thing and takes those that share it, until
    no vote is shared by ``least`` cells.
    """
    roots = np.sqrt(votes.kinds)
    alike = (overlaps(votes.boxes, votes.boxes) >= SAME_BOX) & (roots @ roots.T >= SAME_KIND)
    free = np.ones(len(votes.trust), bool)
    groups: list[NDArray[np.int64]] = []
    while free.any():
        support = np.where(free, alike @ (votes.trust * free), 0.0)
        seed = int(support.argmax())
        if support[seed] < least:
            break
        members = alike[seed] & free
        box = weighted_median(votes.boxes[members], votes.trust[members])
        kind = np.average(votes.kinds[members], axis=0, weights=votes.trust[members])
        near = (overlaps(votes.boxes, box[None])[:, 0] >= SAME_BOX) & (roots @ np.sqrt(kind) >= SAME_KIND)
        members |= near & free
        groups.append(np.flatnonzero(members))
        free &= ~members
    return groups


def overlaps(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every box of a [M, 4] with every box of b [N, 4]: [M, N]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=2)
    areas = [np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0), axis=1) for boxes in (a, b)]
    union = areas[0][:, None] + areas[1][None] - shared
    shares: Floats = np.where(union > 0, shared / np.maximum(union, 1e-12), 0.0)
    return shares


def weighted_median(values: Floats, weights: Floats) -> Floats:
    """Column by column the value at which half of the weight is reached; values [M, C], weights [M]."""
    order = np.argsort(values, axis=0)
    reached = np.cumsum(weights[order], axis=0) >= 0.5 * weights.sum()
    halves = np.take_along_axis(order, reached.argmax(0)[None], 0)
    medians: Floats = np.take_along_axis(values, halves, 0)[0]
    return medians


def _candidate(votes: Votes, members: NDArray[np.int64]) -> Candidate | None:
    """What a group of cells shows, or None where its box is none."""
    trust = votes.trust[members]
    x0, y0, x1, y1 = (float(v) for v in np.clip(weighted_median(votes.boxes[members], trust), 0.0, 1.0))
    if x1 - x0 < SMALLEST_BOX or y1 - y0 < SMALLEST_BOX:
        return None
    chances = trust @ votes.kinds[members] / trust.sum()
    likeliest = np.argsort(-chances, kind="stable")[:KINDS_TRIED]
    names = tuple(votes.kind_names[int(index)] for index in likeliest)
    kind = catalogue()[names[0]]
    scores = {name: trust @ values[members] for name, values in votes.attributes.items()}
    thing = Placed(
        kind.name,
        (x0, y0, x1, y1),
        votes.color_names[int(scores["color"].argmax())],
        SURFACES[int(scores["surface"].argmax())] if kind.surfaces else "plain",
        max(kind.poses, key=lambda pose: scores["pose"][POSES.index(pose)]) if kind.poses else None,
        FACINGS[int(scores["facing"].argmax())] if kind.directional else None,
    )
    return Candidate(thing, names, tuple(float(chances[index]) for index in likeliest))


def depth_order(things: Sequence[Placed], owner: NDArray[np.int64]) -> list[int]:
    """Indices of things from far to near.

    Args:
        things: What was recognised.
        owner: [grid, grid], which thing is visible in a cell, -1 = none.
    """
    grid = len(owner)
    drawn = [coverage(thing, grid) for thing in things]
    behind: list[set[int]] = [set() for _ in things]
    for a in range(len(things)):
        for b in range(a + 1, len(things)):
            far = _farther(things, drawn, owner, a, b)
            if far is not None:
                behind[a + b - far].add(far)
    return sorted_by(behind, [thing.box[3] for thing in things])


def coverage(thing: Placed, grid: int) -> Floats:
    """How much of each cell of a grid a thing's drawing fills when nothing hides it: [grid, grid], 0 to 1."""
    fine = 4 * grid
    left, top, right, bottom = (round(edge * fine) for edge in thing.box)
    canvas = np.zeros((fine, fine))
    if right > left and bottom > top:
        alpha = sprite(thing.kind, thing.pose, "red", "plain", thing.facing, right - left, bottom - top)[
            ..., 3
        ]
        canvas[top:bottom, left:right] = alpha / 255.0
    shares: Floats = canvas.reshape(grid, 4, grid, 4).mean((1, 3))
    return shares


def _farther(
    things: Sequence[Placed], drawn: Sequence[Floats], owner: NDArray[np.int64], a: int, b: int
) -> int | None:
    """Which of a and b is farther, or None where their boxes do not meet."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = things[a].box, things[b].box
    if min(ax1, bx1) <= max(ax0, bx0) or min(ay1, by1) <= max(ay0, by0):
        return None
    contested = np.where(np.minimum(drawn[a], drawn[b]) >= CONTESTED, drawn[a] * drawn[b], 0.0)
    balance = float((contested * (owner == a)).sum() - (contested * (owner == b)).sum())
    if balance:
        return b if balance > 0 else a
    return b if unseen_order(things[a], things[b]) else a


def unseen_order(a: Placed, b: Placed) -> bool:
    """Where depth cannot be seen: whether a is taken as the nearer, by `related_order`, else by base: the
    lower one is nearer."""
    related = related_order(a, b)
    return a.box[3] > b.box[3] if related is None else related


def related_order(a: Placed, b: Placed) -> bool | None:
    """Whether a is the nearer by a relation that asks for an order (holding, riding, inside, ...) and would
    hold with it; None where there is none. Scenes of the world always have that order."""
    for rule in RELATIONS.values():
        if rule.nearer is None or rule.name in ("in front of", "behind"):
            continue
        for nearer in (True, False):
            depths = (int(nearer), int(not nearer))
            if rule.test(a, b, *depths) != rule.test(a, b, *depths[::-1]) and rule.test(a, b, *depths):
                return nearer
            if rule.test(b, a, *depths[::-1]) != rule.test(b, a, *depths) and rule.test(b, a, *depths[::-1]):
                return nearer
    return None


def sorted_by(behind: Sequence[set[int]], bases: Sequence[float]) -> list[int]:
    """A far-to-near order that keeps to ``behind``; ties, and cuts of a cycle: the highest base first."""
    order: list[int] = []
    left = set(range(len(behind)))
    while left:
        ready = [i for i in left if not behind[i] & left] or list(left)
        order.append(min(ready, key=lambda i: (bases[i], i)))
        left.remove(order[-1])
    return order
