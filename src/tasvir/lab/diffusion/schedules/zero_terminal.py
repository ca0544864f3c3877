"""A schedule rescaled so that nothing of the data is left at its end (Lin et al. 2024)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.schedules.base import Schedule

SAMPLES = 9
"""Times at which a schedule is held to alpha^2 + sigma^2 = 1."""


class ZeroTerminalSchedule(Schedule):
    """alpha is shifted to 0 at `last` and scaled to what it was at `first`; sigma^2 = 1 - alpha^2.

    Their algorithm 1 for continuous time. At the end eps says nothing of x0: sample with a denoiser of x0, v
    or velocity.

    Args:
        inner: A variance-preserving schedule.

    Raises:
        SettingError: It does not preserve variance.
    """

    name: ClassVar[str] = "zero-terminal"

    def __init__(self, inner: Schedule) -> None:
        self.inner, self.first, self.last = inner, inner.first, inner.last
        times = torch.linspace(self.first, self.last, SAMPLES, dtype=torch.float64)
        total = (inner.alpha(times) ** 2 + inner.sigma(times) ** 2).detach()
        if not torch.allclose(total, torch.ones_like(total), atol=1e-6):
            raise SettingError(
                f"the {inner.name} schedule does not preserve variance (alpha^2 + sigma^2 is not 1): "
                "only those that do can be rescaled"
            )
        self._begin, self._end = inner.level(self.first).alpha, inner.level(self.last).alpha

    def alpha(self, t: Tensor) -> Tensor:
        """See `Schedule.alpha`; exactly 0 at `last`."""
        moved = (self.inner.alpha(t) - self._end) * (self._begin / (self._begin - self._end))
        return torch.where(t >= self.last, torch.zeros_like(moved), moved)

    def sigma(self, t: Tensor) -> Tensor:
        """See `Schedule.sigma`; 1 - alpha goes through the inner sigma, which keeps small values exact."""
        lost = self.inner.sigma(t) ** 2 / (1 + self.inner.alpha(t))
        spare = 1 - self._begin
        moved = (self._begin * lost - self._end * spare) / (self._begin - self._end)
        return (moved * (1 + self.alpha(t))).sqrt()

    def derivatives(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `Schedule.derivatives`."""
        d_alpha = self.inner.derivatives(t)[0] * (self._begin / (self._begin - self._end))
        return d_alpha, -self.alpha(t) * d_alpha / self.sigma(t)
