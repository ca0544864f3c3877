"""From the recogniser's heat maps to things: peaks, votes of the cells around them, suppression of doubles.

Every peak of a kind's heat map is a candidate. The cells around it that are warm for the same kind and
claim about the same box vote, weighted by their heat, on box and attributes. Of candidates whose boxes
coincide only the best stays, whatever their kinds: two things of the world do not fill the same box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasvir.models.embedded.recogniser_labels import COLORS, FIELDS, KINDS
from tasvir.world.catalogue import catalogue
from tasvir.world.relations import RELATIONS
from tasvir.world.scene import FACINGS, POSES, SURFACES, Placed

SAME_BOX = 0.6
"""Intersection over union from which two candidates are the same thing."""

VOTE_BOX, VOTE_HEAT, VOTE_REACH = 0.6, 0.3, 3
"""A cell votes for a peak if it claims about its box, has this share of its heat and is so near."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that the recogniser sees.

    Args:
        thing: Kind, amodal box in fractions, attributes.
        score: 0 to 1, how sure.
        near: The higher the nearer; compares things of one picture.
    """

    thing: Placed
    score: float
    near: float


def find_things(heat: Array, cells: Array, least: float) -> list[tuple[Detection, ...]]:
    """Things of a batch, best first.

    Args:
        heat: [N, kinds, G, G] in 0..1.
        cells: [N, CELL_WIDTH, G, G].
        least: Score from which a peak counts.
    """
    peaks = heat >= np.maximum(_neighbours(heat), least)
    found: list[list[Detection]] = [[] for _ in heat]
    boxes = cell_boxes(cells)
    order = np.argwhere(peaks)
    scores = heat[tuple(order.T)]
    for index in np.argsort(-scores, kind="stable"):
        row, kind, y, x = (int(part) for part in order[index])
        candidate = _vote(heat[row, kind], cells[row], boxes[row], kind, y, x)
        if all(iou(candidate.thing.box, other.thing.box) <= SAME_BOX for other in found[row]):
            found[row].append(candidate)
    return [tuple(detections) for detections in found]


def to_placed(detections: Sequence[Detection]) -> tuple[Placed, ...]:
    """Things in depth order, farthest first: by nearness, but a rider is before what is ridden, and so on.

    Where a relation needs an order (holding, riding, inside, on) and all else about it is so, that order is
    taken for granted: it is what every scene shows, and nearness is right for four pairs of five only.
    """
    things = [detection.thing for detection in sorted(detections, key=lambda detection: detection.near)]
    for _ in things:
        wrong = next(
            ((i, j) for j in range(len(things)) for i in range(j) if _turned(things[i], things[j])), None
        )
        if wrong is None:
            break
        things.insert(wrong[1], things.pop(wrong[0]))
    return tuple(things)


def _turned(far: Placed, near: Placed) -> bool:
    """Whether a relation that needs an order would hold if the far thing were nearer, and only then."""
    return any(
        rule.test(a, b, *depths[::-1]) and not rule.test(a, b, *depths)
        for rule in RELATIONS.values()
        if rule.nearer is not None and rule.name not in _LOOSE
        for a, b, depths in ((far, near, (0, 1)), (near, far, (1, 0)))
    )


_LOOSE = ("in front of", "behind")
"""Relations that are nothing but an order."""


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (x0, y0, x1, y1), 0 to 1."""
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union > 0 else 0.0


def cell_boxes(cells: Array) -> Array:
    """Boxes [N, 4, G, G] that the cells claim, clipped to the picture, never empty."""
    grid = cells.shape[-1]
    centres = ((np.arange(grid) + 0.5) / grid).astype(np.float32)
    x, y = centres[None, None, :], centres[None, :, None]
    left, top, right, bottom = np.moveaxis(np.maximum(cells[:, FIELDS["box"]], 0.01), 1, 0)
    boxes: Array = np.clip(np.stack([x - left, y - top, x + right, y + bottom], 1), 0.0, 1.0)
    return boxes


def _neighbours(heat: Array) -> Array:
    """The greatest value among each cell and its eight neighbours."""
    padded = np.pad(heat, ((0, 0), (0, 0), (1, 1), (1, 1)))
    size = heat.shape[-1]
    rows = np.maximum(np.maximum(padded[..., :size, :], padded[..., 1:-1, :]), padded[..., 2:, :])
    found: Array = np.maximum(np.maximum(rows[..., :size], rows[..., 1:-1]), rows[..., 2:])
    return found


def _vote(heat: Array, cells: Array, boxes: Array, kind: int, y: int, x: int) -> Detection:
    rows = slice(max(y - VOTE_REACH, 0), y + VOTE_REACH + 1)
    columns = slice(max(x - VOTE_REACH, 0), x + VOTE_REACH + 1)
    score = float(heat[y, x])
    warm = heat[rows, columns].reshape(-1)
    claimed = boxes[:, rows, columns].reshape(4, -1)
    weight = np.where((warm >= VOTE_HEAT * score) & (_ious(claimed, boxes[:, y, x]) >= VOTE_BOX), warm, 0.0)
    weight = weight / weight.sum()
    values = cells[:, rows, columns].reshape(len(cells), -1) @ weight
    return Detection(_thing(kind, values, claimed @ weight), score, float(values[FIELDS["near"]][0]))


def _ious(boxes: Array, box: Array) -> Array:
    extent = np.minimum(boxes[2:], box[2:, None]) - np.maximum(boxes[:2], box[:2, None])
    shared = np.maximum(extent, 0.0).prod(0)
    area = (boxes[2:] - boxes[:2]).prod(0)
    result: Array = shared / (area + (box[2:] - box[:2]).prod() - shared)
    return result


def _thing(kind: int, values: Array, box: Array) -> Placed:
    attributes = {name: values[FIELDS[name]] for name in ("color", "surface", "pose", "facing")}
    return described(kind, box.tolist(), attributes)


def described(kind: int, box: Sequence[float], attributes: Mapping[str, Array]) -> Placed:
    """A thing of a kind in its likeliest attributes, of those that the kind can have.

    Args:
        kind: Number in KINDS.
        box: (x0, y0, x1, y1) in fractions.
        attributes: Scores of "color", "surface", "pose" and "facing".
    """
    rules = catalogue()[KINDS[kind]]
    pose = None
    if rules.poses:
        allowed = [POSES.index(name) for name in rules.poses]
        pose = POSES[allowed[int(attributes["pose"][allowed].argmax())]]
    x0, y0, x1, y1 = (round(float(edge), 4) for edge in box)
    return Placed(
        rules.name,
        (x0, y0, x1, y1),
        COLORS[int(attributes["color"].argmax())],
        SURFACES[int(attributes["surface"].argmax())] if rules.surfaces else "plain",
        pose,
        FACINGS[int(attributes["facing"].argmax())] if rules.directional else None,
    )
