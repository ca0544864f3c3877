"""A modality: its name, width, likelihood, and the shape of its networks."""

from __future__ import annotations

from dataclasses import dataclass

from tasvir.errors import SettingError
from tasvir.lab.multimodal.likelihoods import Likelihood


@dataclass(frozen=True)
class Modality:
    """One kind of observation.

    Args:
        name: "image", "label", "x1", ...
        size: Numbers an example.
        likelihood: Of the decoder.
        hidden: Widths of the encoder's hidden layers; the decoder has them in reverse.
        scale: What its log-likelihood is multiplied by in the objective, above 0.

    Raises:
        SettingError: A number out of its range.
    """

    name: str
    size: int
    likelihood: Likelihood
    hidden: tuple[int, ...]
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 1 or any(width < 1 for width in self.hidden):
            raise SettingError(f"{self.name}: size {self.size} and hidden {self.hidden} must be 1 or more")
        if not self.scale > 0:
            raise SettingError(f"{self.name}: scale is {self.scale}: give a number above 0")
