"""EDM's schedule: alpha = 1 and sigma = t (Karras et al. 2022); every other one is this one with x scaled."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule


class KarrasSchedule(Schedule):
    """Variance-exploding with time counted in noise: x_t = x_0 + t eps, t up to `sigma_max`.

    Args:
        sigma_max: Where sampling starts.

    Raises:
        SettingError: It is not positive.
    """

    name: ClassVar[str] = "karras"

    def __init__(self, sigma_max: float = 80.0) -> None:
        if not sigma_max > 0:
            raise SettingError(f"sigma_max is {sigma_max}: it must be positive")
        self.last = sigma_max

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`."""
        return torch.ones_like(t)

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        return t

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`."""
        return torch.zeros_like(t), torch.ones_like(t)

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """See `Schedule.time_of`."""
        return torch.exp(-half_log_snr.double()).clamp(self.first, self.last)
