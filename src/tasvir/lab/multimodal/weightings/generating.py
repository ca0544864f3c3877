"""Weights by how well a modality generates all (thesis 3.15), the strong or the weak favoured."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.weightings.base import Weighting

FAVOURED = ("strong", "weak")


class GeneratingWeighting(Weighting):
    """a_i += sum over j of JS(generated j from i, true j), normalised (3.15); for the strong, one minus it.

    Args:
        model: "strong" or "weak": which modality gets more weight.

    Raises:
        SettingError: Neither.
    """

    name: ClassVar[str] = "generating"
    source: ClassVar[str] = "thesis 3.3.2.1, 3.15"
    needs_divergences: ClassVar[bool] = True

    def __init__(self, model: str = "strong") -> None:
        if model not in FAVOURED:
            raise SettingError(f"{self.name}:{model}: say which is favoured, {' or '.join(FAVOURED)}")
        self.favours = model

    def begin(self, modalities: int) -> Tensor:
        """See `Weighting.begin`: equal."""
        return torch.full((modalities,), 1 / modalities)

    def updated(self, weights: Tensor, divergences: Tensor) -> Tensor:
        """See `Weighting.updated`."""
        factors = self.sums(divergences)
        total = factors.sum(0)
        shares = torch.where(total > 0, factors / total, 1 / len(factors))  # all perfect: all equal
        if self.favours == "strong":
            shares = (1 - shares) / (1 - shares).sum(0)
        return (weights + shares) / (weights + shares).sum(0)

    def sums(self, divergences: Tensor) -> Tensor:
        """What i generates, [M, G]: sum over targets j."""
        return divergences.sum(1)
