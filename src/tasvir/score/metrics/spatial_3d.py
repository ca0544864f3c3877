"""Is everything as near as the prompt says: in front, behind, hidden? The rules mended."""

from __future__ import annotations

from typing import ClassVar

from tasvir.records import Box
from tasvir.score.claims import DEPTH
from tasvir.score.detecting import DepthMetric, View
from tasvir.score.metrics.spatial_2d import Claims, Spatial2DMetric
from tasvir.score.spatial import relation_3d, to_pixels


class Spatial3DMetric(DepthMetric[Claims], Spatial2DMetric):
    """Relations in depth by a detector and a depth map; T2I-CompBench's 3D spatial with its defects mended.

    Scored as `spatial-2d`; when a relation holds is said in `tasvir.score.spatial.relation_3d`.
    """

    name: ClassVar[str] = "spatial-3d"
    names: ClassVar[tuple[str, ...]] = DEPTH

    def holds(self, name: str, a: Box, b: Box, view: View) -> float:
        assert view.depth is not None
        size, short = view.image.size, min(view.depth.shape)
        return relation_3d(name, to_pixels(a, size, short), to_pixels(b, size, short), view.depth)
