"""The straight path of rectified flow and flow matching: alpha = 1 - t, sigma = t (Liu et al. 2022)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.schedules.base import Schedule


class StraightSchedule(Schedule):
    """x_t = (1 - t) x_0 + t eps; its velocity is eps - x_0. At t = 1 nothing of the data is left."""

    name: ClassVar[str] = "straight"

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`."""
        return 1 - t

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        return t

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`."""
        return -torch.ones_like(t), torch.ones_like(t)

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """See `Schedule.time_of`: sigma / (alpha + sigma)."""
        return torch.sigmoid(-half_log_snr.double())
