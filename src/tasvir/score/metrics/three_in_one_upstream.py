"""3-in-1 of the parts as T2I-CompBench's official code measures them, defects included."""

from __future__ import annotations

from typing import ClassVar

from tasvir.score.metrics.three_in_one import ThreeInOneMetric


class ThreeInOneUpstreamMetric(ThreeInOneMetric):
    """The official 3-in-1's parts, three-in-one-upstream:ANSWERER+DETECTOR+ENCODER."""

    name: ClassVar[str] = "three-in-one-upstream"
    names: ClassVar[dict[str, str]] = {
        "attributes": "b-vqa-upstream",
        "spatial": "spatial-2d-upstream",
        "clip": "clip-score",
    }
