"""Weights learned with the ELBO, one a modality.

A trap: a mixture's ELBO is linear in its weights, the sum of a_m (E_m log p(x | z) - KL_m), so its maximum
gives all weight to the best single modality. A product's is not, and its maximum may lie within.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.weightings.base import Weighting


class LearnedWeighting(Weighting):
    """Shares softmax(b_m), equal at the beginning; b goes up the objective with the networks."""

    name: ClassVar[str] = "learned"
    source: ClassVar[str] = "Cao and Fleet 2014 (the weights), by gradient; beside thesis 3.3"

    def begin(self, modalities: int) -> Tensor:
        """See `Weighting.begin`: equal."""
        return torch.full((modalities,), 1 / modalities)

    def network(self, seeds: Sequence[int], modalities: int, latent: int) -> nn.Module:
        """See `Weighting.network`."""
        return Logits(modalities, len(seeds))

    def shares(self, experts: Gaussian, weights: Tensor, network: nn.Module | None) -> Tensor:
        """See `Weighting.shares`."""
        assert network is not None
        return torch.softmax(network(), 0)[..., None]


class Logits(nn.Module):
    """A number for each modality of each model.

    Args:
        modalities: M of them.
        models: G of them.
    """

    def __init__(self, modalities: int, models: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(modalities, models))

    def forward(self) -> Tensor:
        """[M, G]."""
        return self.logits
