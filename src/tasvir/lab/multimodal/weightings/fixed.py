"""Fixed weights: the reliable modality is known beforehand (thesis 3.3.1)."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.weightings.base import Weighting


class FixedWeighting(Weighting):
    """Shares that stay.

    Args:
        model: Ratios such as "1,2,2", one a modality; None = equal.

    Raises:
        SettingError: Not numbers of 0 or more with one above 0.
    """

    name: ClassVar[str] = "fixed"
    source: ClassVar[str] = "thesis 3.3.1"

    def __init__(self, model: str | None = None) -> None:
        try:
            self.ratios = None if model is None else [float(word) for word in model.split(",")]
        except ValueError:
            self.ratios = []
        if self.ratios is not None and not _fit(self.ratios):
            raise SettingError(
                f"weights {model!r}: give a number of 0 or more for each modality, such as 1,2,2"
            )

    def begin(self, modalities: int) -> Tensor:
        """See `Weighting.begin`."""
        ratios = [1.0] * modalities if self.ratios is None else self.ratios
        if len(ratios) != modalities:
            raise SettingError(f"{len(ratios)} weights for {modalities} modalities: give one for each")
        whole = torch.tensor(ratios)
        return whole / whole.sum()


def _fit(ratios: list[float]) -> bool:
    """Whether ratios can be made shares."""
    return all(math.isfinite(one) and one >= 0 for one in ratios) and sum(ratios) > 0
