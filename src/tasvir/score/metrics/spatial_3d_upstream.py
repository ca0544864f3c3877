"""T2I-CompBench's 3D spatial score as the official code computes it, defects included."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tasvir.records import Box
from tasvir.score.claims import DEPTH, UPSTREAM_DEPTH_WORDS
from tasvir.score.detecting import DepthMetric, View
from tasvir.score.metrics.spatial_2d_upstream import Spatial2DUpstreamMetric, Wanted
from tasvir.score.spatial import to_pixels, upstream_3d


class Spatial3DUpstreamMetric(DepthMetric[Wanted], Spatial2DUpstreamMetric):
    """T2I-CompBench's 3D spatial score with the official rules and defects, by other models than theirs.

    As `spatial-2d-upstream`, but nothing is cut to 0, a label counts if it contains the word, and of several
    the last that comes before both are found. The boxes must meet; depth is cut out with x and y swapped.
    """

    name: ClassVar[str] = "spatial-3d-upstream"
    names: ClassVar[tuple[str, ...]] = DEPTH
    vocabulary: ClassVar[tuple[str, ...]] = UPSTREAM_DEPTH_WORDS

    def pair(self, subject: str, target: str, view: View) -> tuple[int | None, int | None]:
        first = second = None
        for index, one in enumerate(view.found):
            first = index if subject in one.label else first
            second = index if target in one.label else second
            if first is not None and second is not None:
                return first, second
        containing = (
            next((index for index, one in enumerate(view.found) if word in one.label), None)
            for word in (subject, target)
        )
        first, second = containing
        return first, second

    def holds(self, words: str, a: Box, b: Box, view: View) -> float:
        assert view.depth is not None
        size, short = view.image.size, min(view.depth.shape)
        grey = np.floor(255 * view.depth)  # the official maps are saved with 8 bits
        return upstream_3d(words, to_pixels(a, size, short), to_pixels(b, size, short), grey)

    def cut(self, raw: float) -> float:
        return raw
