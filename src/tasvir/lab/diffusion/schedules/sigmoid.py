"""The sigmoid schedule (Jabri et al. 2022; Chen 2023): like the cosine, with its steepness to choose."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule


class SigmoidSchedule(Schedule):
    """VP: alpha^2 = (S(b) - S(a + t (b - a))) / (S(b) - S(a)) with S the logistic function.

    At t = 1 nothing of the data is left; ``last`` stops a little before, where sigma / alpha is 129.

    Args:
        begin: a, where the logistic curve is entered, in units of its width.
        end: b, where it is left.
        last: Where sampling starts, at most 1.

    Raises:
        SettingError: The end is not above the beginning, or ``last`` is not in (0, 1].
    """

    name: ClassVar[str] = "sigmoid"

    def __init__(self, begin: float = -3.0, end: float = 3.0, last: float = 0.9998) -> None:
        if not begin < end or not 0 < last <= 1:
            raise SettingError(f"begin {begin} must be below end {end}, and last {last} in (0, 1]")
        self.begin, self.end, self.last = begin, end, last
        ends = torch.tensor([begin, end], dtype=torch.float64)
        self._whole = float(_rise(ends[0], ends[1]))

    def _point(self, t: Tensor) -> Tensor:
        return self.begin + t * (self.end - self.begin)

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`."""
        return (_rise(self._point(t), torch.full_like(t, self.end)).clamp(min=0) / self._whole).sqrt()

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`."""
        return (_rise(torch.full_like(t, self.begin), self._point(t)).clamp(min=0) / self._whole).sqrt()

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`; infinite for sigma at t = 0 and for alpha at t = 1."""
        share = torch.sigmoid(self._point(t))
        half = (self.end - self.begin) * share * (1 - share) / self._whole / 2
        return -half / self.alpha(t), half / self.sigma(t)

    def time_of(self, half_log_snr: Tensor) -> Tensor:
        """See `Schedule.time_of`; of the two equal ways to the logistic's value the exact one is taken."""
        low, high = (torch.tensor(one, dtype=torch.float64).sigmoid() for one in (self.begin, self.end))
        wanted = half_log_snr.double()
        below = low + torch.sigmoid(-2 * wanted) * self._whole
        above = (1 - high) + torch.sigmoid(2 * wanted) * self._whole
        point = below.log() - above.log()
        return ((point - self.begin) / (self.end - self.begin)).clamp(self.first, self.last)


def _rise(low: Tensor, high: Tensor) -> Tensor:
    """S(high) - S(low) without cancellation."""
    return -torch.sigmoid(high) * torch.sigmoid(-low) * torch.expm1(low - high)
