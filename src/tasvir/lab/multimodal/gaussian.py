"""Diagonal Gaussians, what encoders tell: drawing, densities, divergences in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """N(mean, exp(log_variance)) with independent coordinates.

    Args:
        mean: [..., D].
        log_variance: [..., D], natural logarithm.
    """

    mean: Tensor
    log_variance: Tensor

    def __getitem__(self, index: Any) -> Gaussian:
        return Gaussian(self.mean[index], self.log_variance[index])

    @property
    def precision(self) -> Tensor:
        """1 / variance, [..., D]."""
        return torch.exp(-self.log_variance)

    def sample(self, noise: Tensor) -> Tensor:
        """mean + deviation * noise (thesis 2.11), noise standard normal of the shape that comes out."""
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def log_prob(self, z: Tensor) -> Tensor:
        """Log-density in nats, [...]: the last axis is summed."""
        square = (z - self.mean).square() * self.precision
        return -0.5 * (square + self.log_variance + math.log(2 * math.pi)).sum(-1)

    def kl(self) -> Tensor:
        """KL divergence to N(0, I) in nats, [...] (thesis 2.14)."""
        return 0.5 * (self.log_variance.exp() + self.mean.square() - 1 - self.log_variance).sum(-1)

    def kl_to(self, other: Gaussian) -> Tensor:
        """KL divergence to another diagonal Gaussian in nats, [...]."""
        gap = self.log_variance - other.log_variance
        square = (self.mean - other.mean).square() * other.precision
        return 0.5 * (gap.exp() + square - 1 - gap).sum(-1)
