"""Soft truncation: the smallest time of training is drawn anew for every batch (Kim et al. 2022).

A fixed small one serves the likelihood, a larger one the look of samples (thesis 4.3.1.3). Drawn from P(tau)
the mean loss is that of the weight g(t)^2 P(tau <= t): large times count, small ones are seen now and then.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.likelihood import LikelihoodObjective


class SoftTruncationObjective(Objective):
    """`LikelihoodObjective` from tau on, with tau of a density like tau^-k on [smallest, 1], one a batch.

    Args:
        power: k; 1 is the paper's for pictures, larger ones come nearer to a fixed smallest time.
        smallest: Least tau, as a share of the schedule's span.

    Raises:
        SettingError: ``smallest`` is not in (0, 1), or k is negative.
    """

    def __init__(self, power: float = 1.0, smallest: float = 1e-5) -> None:
        if not 0 < smallest < 1 or not 0 <= power < math.inf:
            raise SettingError(f"smallest {smallest} of (0, 1) and power {power} of 0 or more")
        self.power, self.smallest = power, smallest

    def loss(
        self, denoiser: NetworkDenoiser, data: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """See `Objective.loss`."""
        share = torch.rand((), generator=generator, dtype=torch.float64, device=generator.device)
        truncated = LikelihoodObjective(smallest=self.quantile(float(share)))
        return truncated.loss(denoiser, data, labels, generator)

    def quantile(self, share: float) -> float:
        """tau below which a share of the draws lies: the inverse of its distribution function."""
        if self.power == 1.0:
            return float(self.smallest ** (1 - share))
        rest = 1 - self.power
        low = self.smallest**rest
        return float((low + share * (1 - low)) ** (1 / rest))
