"""A schedule shifted to another resolution: larger pictures need more noise to hide as much."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule


class ShiftedSchedule(Schedule):
    """log SNR + 2 log b, with alpha^2 + sigma^2 as before.

    b = d / d_new for pictures of d_new pixels a side under a schedule made for d (Hoogeboom et al. 2023,
    equation 4). Data scaled by b, with the sum then brought back to its old variance, are the same (Chen
    2023; thesis 4.3.1.2).

    Args:
        inner: Any schedule.
        scale: b; below 1 for more noise.

    Raises:
        SettingError: The scale is not positive.
    """

    name: ClassVar[str] = "shifted"

    def __init__(self, inner: Schedule, scale: float) -> None:
        if not 0 < scale < math.inf:
            raise SettingError(f"scale {scale}: it must be positive")
        self.inner, self.scale = inner, scale
        self.first, self.last = inner.first, inner.last

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`."""
        return self.scale * self.inner.alpha(t) / self._norm(t)

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        return self.inner.sigma(t) / self._norm(t)

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """See `Schedule.time_of`."""
        return self.inner.time_of(half_log_snr.double() - math.log(self.scale))

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`."""
        alpha, sigma = self.inner.alpha(t), self.inner.sigma(t)
        d_alpha, d_sigma = self.inner.derivatives(t)
        square, total = (self.scale * alpha) ** 2 + sigma**2, alpha**2 + sigma**2
        half_square = self.scale**2 * alpha * d_alpha + sigma * d_sigma
        growth = half_square / square - (alpha * d_alpha + sigma * d_sigma) / total
        norm = self._norm(t)
        return self.scale * (d_alpha - alpha * growth) / norm, (d_sigma - sigma * growth) / norm

    def _norm(self, t: Tensor) -> Tensor:
        alpha, sigma = self.inner.alpha(t), self.inner.sigma(t)
        return torch.sqrt(((self.scale * alpha) ** 2 + sigma**2) / (alpha**2 + sigma**2))
