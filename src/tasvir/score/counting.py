"""How many of a kind there are: detections of one thing told apart from detections of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasvir.records import Box

if TYPE_CHECKING:
    from tasvir.models.detection.base import Detection

UPSTREAM_SAME = 0.9
"""Intersection over union, or share of either box, above which the official code takes two for one."""
SAME = 0.7
"""Intersection over union above which we do."""


def upstream_same(a: Box, b: Box) -> bool:
    """Whether the official code takes two boxes (pixels) of one label for the same thing.

    Pixels at the edges count, so that a box from 0 to 9 is 10 wide.
    """
    shared = max(min(a.x1, b.x1) - max(a.x0, b.x0) + 1, 0.0) * max(min(a.y1, b.y1) - max(a.y0, b.y0) + 1, 0.0)
    first, second = ((box.width + 1) * (box.height + 1) for box in (a, b))
    return max(shared / (first + second - shared), shared / first, shared / second) > UPSTREAM_SAME


def without_doubles(found: Sequence[Detection]) -> list[Detection]:
    """Detections without those whose box is that of a better one of the same label."""
    kept: list[Detection] = []
    for one in found:
        if all(one.label != other.label or one.box.iou(other.box) <= SAME for other in kept):
            kept.append(one)
    return kept
