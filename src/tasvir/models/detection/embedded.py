"""The embedded recogniser and inspector as a detector and as a depth estimator of the picture world.

It is the eye of the embedded guide, not the oracle: scores of pictures that this guide has judged lean its
way. Depth is an order of things, no distance: each thing's box is painted into an empty map, farthest first,
in a grey that grows with its place in the recogniser's depth order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasvir.models.detection.base import Detection, require_rgb
from tasvir.models.embedded import weights
from tasvir.models.embedded.inspector import Reader, shipped_reader
from tasvir.records import Box
from tasvir.world.catalogue import catalogue


class EmbeddedEye:
    """Detector and depth estimator in one.

    Args:
        reader: Recogniser and inspector; None = the shipped ones.
    """

    tells_colors = True

    def __init__(self, reader: Reader | None = None) -> None:
        self._reader = shipped_reader() if reader is None else reader
        self.threshold: float = self._reader.threshold

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Of the shipped networks."""
        return {
            "model": "embedded",
            "weights": [weights.fingerprint_of(name) for name in ("recogniser", "inspector")],
        }

    def knows(self, label: str) -> bool:
        """Whether the picture world has such a thing."""
        return label in catalogue()

    def detect(
        self,
        pictures: Sequence[Image.Image],
        labels: Sequence[Sequence[str]],  # noqa: ARG002 (it sees what it sees)
        least: float,
    ) -> list[tuple[Detection, ...]]:
        """See `tasvir.models.detection.base.Detector.detect`; boxes are amodal."""
        found = self._reader.detections(_pixels(pictures), least)
        return [
            tuple(Detection(one.thing.kind, one.score, Box(*one.thing.box), one.thing.color) for one in each)
            for each in found
        ]

    def depth(self, pictures: Sequence[Image.Image]) -> list[NDArray[np.float32]]:
        """Things as boxes, the k-th of n from behind at k / n, on a ground of 0."""
        readings = self._reader.read(_pixels(pictures))
        maps = []
        for picture, (things, _) in zip(pictures, readings, strict=True):
            width, height = picture.size
            depth = np.zeros((height, width), dtype=np.float32)
            for place, thing in enumerate(things, start=1):
                x0, y0, x1, y1 = (
                    round(edge * side)
                    for edge, side in zip(thing.box, (width, height, width, height), strict=True)
                )
                depth[y0:y1, x0:x1] = place / len(things)
            maps.append(depth)
        return maps


def _pixels(pictures: Sequence[Image.Image]) -> list[NDArray[np.uint8]]:
    require_rgb(pictures)
    return [np.asarray(picture) for picture in pictures]
