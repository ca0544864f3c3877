"""The linear variance-preserving schedule: DDPM's betas in continuous time (Song et al. 2021)."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule


class LinearSchedule(Schedule):
    """VP: log alpha = -t^2 (b1 - b0) / 4 - t b0 / 2, sigma^2 = 1 - alpha^2 (Song et al. 2021, equation 33).

    Args:
        beta_min: b0, the rate at t = 0.
        beta_max: b1, the rate at t = 1.

    Raises:
        SettingError: The rates are not positive and rising, or noise is never reached.
    """

    name: ClassVar[str] = "linear"

    def __init__(self, beta_min: float = 0.1, beta_max: float = 20.0) -> None:
        if not 0 < beta_min <= beta_max or not math.isfinite(beta_max):
            raise SettingError(f"rates {beta_min} to {beta_max}: they must be positive and must not fall")
        self.beta_min, self.beta_max = beta_min, beta_max

    def log_alpha(self, t: Tensor) -> Tensor:
        """log alpha(t), exact where alpha is nearly 1."""
        return -0.25 * t**2 * (self.beta_max - self.beta_min) - 0.5 * t * self.beta_min

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`."""
        return self.log_alpha(t).exp()

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        return torch.sqrt(-torch.expm1(2 * self.log_alpha(t)))

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`; sigma' is infinite at t = 0."""
        rate = self.beta_min + t * (self.beta_max - self.beta_min)
        alpha = self.alpha(t)
        return -0.5 * rate * alpha, 0.5 * rate * alpha**2 / self.sigma(t)

    def drift(self, t: Tensor) -> Tensor:
        """See `Schedule.drift`: -beta(t) / 2."""
        return -0.5 * (self.beta_min + t * (self.beta_max - self.beta_min))

    def diffusion_squared(self, t: Tensor) -> Tensor:
        """See `Schedule.diffusion_squared`: beta(t)."""
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """See `Schedule.time_of`: alpha^2 = sigmoid(2 lambda)."""
        return self.time_of_log_alpha(-0.5 * torch.nn.functional.softplus(-2 * half_log_snr.double()))

    def time_of_log_alpha(self, log_alpha: Tensor) -> Tensor:
        """The time at which log alpha has a value (a quadratic equation), within the schedule."""
        slope = self.beta_max - self.beta_min
        root = torch.sqrt(self.beta_min**2 - 4 * slope * log_alpha)
        return (-4 * log_alpha / (self.beta_min + root)).clamp(self.first, self.last)
