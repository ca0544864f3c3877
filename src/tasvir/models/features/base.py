"""What a feature extractor is to whoever compares sets of pictures with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True, slots=True)
class Features:
    """What a network says of n pictures.

    Args:
        values: [n, d] float64.
        probabilities: [n, classes] float64, rows that sum to 1; None where the network tells no classes.
    """

    values: NDArray[np.float64]
    probabilities: NDArray[np.float64] | None = None


class FeatureExtractor(Protocol):
    """Turns pictures into features."""

    @property
    def identity(self) -> dict[str, Any]:
        """All that its features hang on, ready for JSON."""

    def look(self, pictures: Sequence[Image.Image]) -> Features:
        """Features of n RGB pictures of any size."""
