"""How far a spatial relation holds between two boxes: as T2I-CompBench scores it, and mended.

Boxes are in pixels of a picture whose short side is `SHORT` pixels long; y grows downward. Depth maps are the
larger the nearer. The official rules (Huang et al. 2023, 2025, "T2I-CompBench++", as their code has them)
are kept with their defects in `upstream_2d` and `upstream_3d`; `relation_2d` and `relation_3d` are ours.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tasvir.records import Box

SHORT = 480
"""Pixels of a picture's short side after the resizing that comes before the official detector."""
UPSTREAM_NEAR = 150
"""Pixels: the official distance of things that are next to one another."""
APART = 0.1
"""Intersection over union up to which two boxes count as apart."""
COVERED = 0.5
"""Intersection over union that the official 3D rule asks for."""
REACH = 0.15
"""Gap between the boxes of things that are next to one another, in short sides of the picture."""

Depth = NDArray[np.float32]


def to_pixels(box: Box, size: tuple[int, int], short: float = SHORT) -> Box:
    """A box in fractions as pixels of the picture resized to that short side.

    Args:
        box: In fractions.
        size: The picture's width and height in its own pixels.
        short: Short side after resizing.
    """
    factor = short / min(size)
    width, height = size[0] * factor, size[1] * factor
    return Box(box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height)


def _step(a: Box, b: Box) -> tuple[float, float]:
    """From the middle of a to that of b."""
    return b.center[0] - a.center[0], b.center[1] - a.center[1]


def _directed(along: float, across: float, iou: float) -> float:
    """1 where the step along the wanted axis is the greater one and the right way, less under overlap."""
    if along <= 0 or along <= abs(across):
        return 0.0
    return 1.0 if iou < APART else APART / iou


def upstream_2d(words: str, a: Box, b: Box) -> float:
    """The official 2D relation score, 0 to 1; "on top of" has no rule there and scores 0.

    Args:
        words: Of `tasvir.score.claims.UPSTREAM_WORDS`; others score 0.
        a: Subject, pixels at `SHORT`.
        b: Object.
    """
    dx, dy = _step(a, b)
    if words in ("next to", "near", "on side of"):
        if abs(dx) < UPSTREAM_NEAR or abs(dy) < UPSTREAM_NEAR:  # "or": any distance along a row or column
            return 1.0
        return UPSTREAM_NEAR / max(abs(dx), abs(dy))
    steps = {
        "on the right of": (-dx, dy),
        "on the left of": (dx, dy),
        "on the bottom of": (-dy, dx),
        "on the top of": (dy, dx),
    }
    return _directed(*steps[words], a.iou(b)) if words in steps else 0.0


def upstream_3d(words: str, a: Box, b: Box, depth: Depth) -> float:
    """The official 3D relation score, 0 to 1: things whose boxes do not meet score 0.

    The depth map's rows are cut out with x and its columns with y, as the official code does.

    Args:
        words: "in front of", "behind" or "hidden" (taken for behind).
        a: Subject, pixels of the map.
        b: Object.
        depth: [height, width].
    """
    ahead = _swapped_mean(depth, a) - _swapped_mean(depth, b)
    right = ahead > 0 if words == "in front of" else ahead < 0
    iou = a.iou(b)
    if not right or iou in (0.0, COVERED):
        return 0.0
    return min(iou / COVERED, 1.0)


def _swapped_mean(depth: Depth, box: Box) -> float:
    cut = depth[int(box.x0) : int(box.x1), int(box.y0) : int(box.y1)]
    return float(cut.mean()) if cut.size else math.nan  # no comparison with it is true


def relation_2d(name: str, a: Box, b: Box) -> float:
    """How far a relation holds in the plane, 0 to 1.

    Left, right, above, below: as the official ones. On and under: the right way up, and the one's middle over
    or under the other; touching and overlapping are no fault. Near: the gap between the boxes is at most
    `REACH`, beyond that REACH / gap; next to: the same, side by side, and less the more they overlap.

    Args:
        name: "left of", "right of", "above", "below", "on", "under", "near" or "next to".
        a: Subject, pixels at `SHORT`.
        b: Object.
    """
    dx, dy = _step(a, b)
    iou = a.iou(b)
    steps = {"left of": (dx, dy), "right of": (-dx, dy), "above": (dy, dx), "below": (-dy, dx)}
    if name in steps:
        return _directed(*steps[name], iou)
    if name in ("on", "under"):
        down = dy if name == "on" else -dy
        return float(down > 0 and (b.x0 <= a.center[0] <= b.x1 or a.x0 <= b.center[0] <= a.x1))
    gap = math.hypot(max(a.x0 - b.x1, b.x0 - a.x1, 0.0), max(a.y0 - b.y1, b.y0 - a.y1, 0.0))
    closeness = min(REACH * SHORT / gap, 1.0) if gap > 0 else 1.0
    if name == "near":
        return closeness
    assert name == "next to", name
    beside = abs(dx) >= abs(dy)
    return closeness * (1.0 if iou < APART else APART / iou) if beside else 0.0


def relation_3d(name: str, a: Box, b: Box, depth: Depth) -> float:
    """Whether a relation holds in depth, 0 or 1.

    Depth is the median over what of a thing's box the other's does not cover, or over all of it where nothing
    is left. Boxes need not meet, but for "hidden by".

    Args:
        name: "in front of", "behind" or "hidden by".
        a: Subject, pixels of the map.
        b: Object.
        depth: [height, width].
    """
    ahead = _own_depth(depth, a, b) - _own_depth(depth, b, a)
    if name == "in front of":
        return float(ahead > 0)
    assert name in ("behind", "hidden by"), name
    return float(ahead < 0 and (name == "behind" or a.intersection(b) > 0))


def _own_depth(depth: Depth, box: Box, other: Box) -> float:
    inside = np.zeros(depth.shape, dtype=bool)
    inside[_rows_and_columns(box, depth)] = True
    own = inside.copy()
    own[_rows_and_columns(other, depth)] = False
    return float(np.median(depth[own if own.any() else inside]))


def _rows_and_columns(box: Box, depth: Depth) -> tuple[slice, slice]:
    """At least one pixel of the map."""
    height, width = depth.shape
    top, left = min(int(box.y0), height - 1), min(int(box.x0), width - 1)
    return slice(top, max(round(box.y1), top + 1)), slice(left, max(round(box.x1), left + 1))
