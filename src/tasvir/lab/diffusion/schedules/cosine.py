"""The cosine schedule (Nichol and Dhariwal 2021): the share of data falls gently at both ends."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule


class CosineSchedule(Schedule):
    """VP: alpha^2 = h(t) / h(0), h(t) = cos^2((t + s) / (1 + s) pi / 2), t from 0 to 1 for their t / T.

    Thesis 4.32, which lacks the square and has t / t. At t = 1 nothing of the data is left; ``last`` stops a
    little before, where sigma / alpha is 119, as a guess of x0 from eps must (Lu et al. 2022).

    Args:
        offset: s, the noise scale near t = 0.
        last: Where sampling starts, at most 1.

    Raises:
        SettingError: The offset is not positive, or ``last`` is not in (0, 1].
    """

    name: ClassVar[str] = "cosine"

    def __init__(self, offset: float = 0.008, last: float = 0.9946) -> None:
        if not offset > 0 or not 0 < last <= 1:
            raise SettingError(f"offset {offset} must be positive and last {last} in (0, 1]")
        self.offset, self.last = offset, last
        self._begin = offset / (1 + offset) * math.pi / 2

    def _angle(self, t: Tensor) -> Tensor:
        return (t + self.offset) / (1 + self.offset) * (math.pi / 2)

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`; cos b = sin(pi / 2 - b), which is exactly 0 at t = 1."""
        left = (1 - t) / (1 + self.offset) * (math.pi / 2)
        return torch.sin(left) / math.cos(self._begin)

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`; cos^2 a - cos^2 b = sin(b - a) sin(b + a) keeps small values exact."""
        angle = self._angle(t)
        square = torch.sin(angle - self._begin) * torch.sin(angle + self._begin)
        return square.clamp(min=0).sqrt() / math.cos(self._begin)

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`; sigma' is infinite at t = 0."""
        speed = math.pi / 2 / (1 + self.offset)
        d_alpha = -speed * torch.sin(self._angle(t)) / math.cos(self._begin)
        return d_alpha, -self.alpha(t) * d_alpha / self.sigma(t)

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """See `Schedule.time_of`: sin(b - a) sin(b + a) = sigma^2 cos^2 a solved for b."""
        square = torch.sigmoid(-2 * half_log_snr.double()) * math.cos(self._begin) ** 2
        angle = torch.asin((math.sin(self._begin) ** 2 + square).clamp(max=1).sqrt())
        return (angle * 2 / math.pi * (1 + self.offset) - self.offset).clamp(self.first, self.last)
