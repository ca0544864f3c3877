"""The sub-VP schedule (Song et al. 2021): VP's drift with less noise, for better likelihoods."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.schedules.linear import LinearSchedule


class SubVpSchedule(LinearSchedule):
    """alpha as in `LinearSchedule`, sigma = 1 - alpha^2; g^2 = beta (1 - alpha^4) (their equation 27).

    Args and errors as there.
    """

    name: ClassVar[str] = "sub-vp"

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        return -torch.expm1(2 * self.log_alpha(t))

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`."""
        alpha = self.alpha(t)
        d_alpha = self.drift(t) * alpha
        return d_alpha, -2 * alpha * d_alpha

    def diffusion_squared(self, t: Tensor) -> Tensor:
        """See `Schedule.diffusion_squared`."""
        return 2 * self.drift(t) * torch.expm1(4 * self.log_alpha(t))

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """See `Schedule.time_of`: (1 - alpha^2) / alpha = r gives log alpha = -asinh(r / 2)."""
        return self.time_of_log_alpha(-torch.asinh(torch.exp(-half_log_snr.double()) / 2))
