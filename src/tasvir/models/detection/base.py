"""What a detector and a depth estimator are to whoever measures with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasvir.records import Box


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that a detector sees.

    Args:
        label: What it is: one of the words that were looked for, or of the detector's own.
        score: 0 to 1, how sure.
        box: In fractions of the picture's sides.
        color: Its colour's name, where the detector tells colours.
    """

    label: str
    score: float
    box: Box
    color: str | None = None


class Detector(Protocol):
    """Finds things in pictures.

    Attributes:
        threshold: Score above which it is believed where nobody says otherwise.
        tells_colors: Whether its detections have colours.
    """

    threshold: float
    tells_colors: bool

    @property
    def identity(self) -> dict[str, Any]:
        """All that its answers hang on, ready for JSON."""

    def knows(self, label: str) -> bool:
        """Whether it can find things of that name at all."""

    def detect(
        self, pictures: Sequence[Image.Image], labels: Sequence[Sequence[str]], least: float
    ) -> list[tuple[Detection, ...]]:
        """Things of each picture, best first.

        Args:
            pictures: n RGB pictures of any size.
            labels: For each picture what to look for; a detector of a fixed vocabulary lists whatever else
                it sees, too.
            least: Score above which a thing is listed.
        """


class DepthEstimator(Protocol):
    """Says how near everything is."""

    @property
    def identity(self) -> dict[str, Any]:
        """All that its answers hang on, ready for JSON."""

    def depth(self, pictures: Sequence[Image.Image]) -> list[NDArray[np.float32]]:
        """For each picture [height, width] in 0..1, the larger the nearer, 0 and 1 both taken in each."""


def require_rgb(pictures: Sequence[Image.Image]) -> None:
    """Check that pictures are RGB with 8 bits a channel; floats would be scaled a second time."""
    wrong = next((picture for picture in pictures if picture.mode != "RGB"), None)
    assert wrong is None, f"a picture of mode {wrong.mode}: convert it to RGB"
