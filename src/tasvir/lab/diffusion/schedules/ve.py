"""The variance-exploding schedule with geometric noise: NCSN's levels in continuous time."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule


class VeSchedule(Schedule):
    """alpha = 1, sigma = sigma_min (sigma_max / sigma_min)^t (thesis 4.26; Song et al. 2021, equation 30).

    It begins at sigma_min, not at 0: no step leads to sigma = 0 (`KarrasSchedule` is the same with time
    counted in noise, and reaches it).

    Args:
        sigma_min: Noise at t = 0, well below the finest detail of the data.
        sigma_max: Noise at t = 1, about the largest distance between two examples (Song and Ermon 2020).

    Raises:
        SettingError: They are not positive and rising.
    """

    name: ClassVar[str] = "ve"

    def __init__(self, sigma_min: float = 0.01, sigma_max: float = 50.0) -> None:
        if not 0 < sigma_min < sigma_max or not math.isfinite(sigma_max):
            raise SettingError(f"noise from {sigma_min} to {sigma_max}: it must be positive and rise")
        self.sigma_min, self.sigma_max = sigma_min, sigma_max
        self._growth = math.log(sigma_max / sigma_min)

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`."""
        return torch.ones_like(t)

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        return self.sigma_min * torch.exp(t * self._growth)

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`."""
        return torch.zeros_like(t), self._growth * self.sigma(t)

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """See `Schedule.time_of`."""
        time = (-half_log_snr.double() - math.log(self.sigma_min)) / self._growth
        return time.clamp(self.first, self.last)
