"""The law of a finite data set: every example has its share, nothing lies between them.

Under noise it is a mixture of as many equal Gaussians, so E[x_0 | x] is the examples' mean weighted by
softmax(-||x - alpha x_i||^2 / (2 sigma^2)): what a network of unlimited size would come to on this data.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.oracles.base import Law

AT_ONCE = 4_000_000
"""Distances that are held at once."""


class FiniteLaw(Law):
    """Examples with shares.

    Args:
        points: [N, D].
        weights: [N], positive; scaled to sum to 1. None = equal.

    Raises:
        SettingError: Shapes that do not fit, or a weight that is not positive.
    """

    name: ClassVar[str] = "finite"

    def __init__(self, points: Tensor, weights: Tensor | None = None) -> None:
        if points.ndim != 2 or not len(points):
            raise SettingError(f"points {tuple(points.shape)}: they must be [N, D] with N of 1 or more")
        weights = torch.ones(len(points)) if weights is None else weights
        if weights.shape != (len(points),) or not bool((weights > 0).all()):
            raise SettingError(f"weights {tuple(weights.shape)}: one positive number a point is needed")
        self.points = points.double()
        self.weights = weights.double() / weights.double().sum()
        self.dimension = points.shape[1]

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """See `Law.sample`."""
        return self.points[torch.multinomial(self.weights, n, replacement=True, generator=generator)]

    def log_density(self, x: Tensor, alpha: float = 1.0, sigma: float = 0.0) -> Tensor:
        """See `Law.log_density`.

        Raises:
            SettingError: sigma = 0, where it has no density.
        """
        if sigma <= 0:
            raise SettingError("a finite data set has no density without noise: ask at sigma above 0")
        constant = self.dimension * math.log(2 * math.pi * sigma**2) / 2
        parts = [self._log_terms(part, alpha, sigma).logsumexp(1) for part in self._parts(x)]
        return torch.cat(parts).to(x) - constant

    def denoise(self, x: Tensor, alpha: float, sigma: float) -> Tensor:
        """See `Law.denoise`."""
        points = self.points.to(x.device)
        parts = [self._log_terms(part, alpha, sigma).softmax(1) @ points for part in self._parts(x)]
        return torch.cat(parts).to(x)

    def _parts(self, x: Tensor) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = x.split(max(1, AT_ONCE // len(self.points)))
        return parts

    def _log_terms(self, x: Tensor, alpha: float, sigma: float) -> Tensor:
        """log w_i - ||x - alpha x_i||^2 / (2 sigma^2), [B, N]; in float64, as large numbers cancel."""
        points, x = alpha * self.points.to(x.device), x.double()
        squares = (x**2).sum(1)[:, None] - 2 * x @ points.T + (points**2).sum(1)
        return self.weights.log().to(x.device) - squares / (2 * sigma**2)
