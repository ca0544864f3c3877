"""The conditional optimal-transport path of flow matching (Lipman et al. 2023, equation 20)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule


class ConditionalOtSchedule(Schedule):
    """x_t = (1 - t) x_0 + (s + (1 - s) t) eps: around every example a Gaussian of width s at t = 0.

    The paper's time runs the other way; its 1 - (1 - s) t is ours at 1 - t. With s = 0 it is the straight
    path.

    Args:
        sigma_min: s, what noise is left on the data.

    Raises:
        SettingError: It is not within 0 and 1.
    """

    name: ClassVar[str] = "conditional-ot"

    def __init__(self, sigma_min: float = 1e-4) -> None:
        if not 0 <= sigma_min < 1:
            raise SettingError(f"sigma_min is {sigma_min}: it must be at least 0 and below 1")
        self.sigma_min = sigma_min

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`."""
        return 1 - t

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        return self.sigma_min + (1 - self.sigma_min) * t

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`."""
        return -torch.ones_like(t), (1 - self.sigma_min) * torch.ones_like(t)

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """See `Schedule.time_of`; 1 - t = r s + r (1 - s) t solved, with r = alpha / sigma = 1 / ratio."""
        ratio = torch.exp(-half_log_snr.double())
        found: Tensor = ((ratio - self.sigma_min) / (ratio + 1 - self.sigma_min)).clamp(0.0, 1.0)
        return found
