"""Time shift (Li et al. 2024): ask at the time whose noise x really has, not at the one it should have."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Sampler, Walk
from tasvir.lab.diffusion.samplers.singlestep import ddim_step
from tasvir.lab.diffusion.schedules.base import Level

CANDIDATES = 41
"""Times that are looked at in a window; odd, so that the time itself is one."""


class TimeShiftSampler(Sampler):
    """DDIM, but after each step the time near by at which alpha^2 v + sigma^2 is the variance of x is taken.

    Variance is over all numbers of the batch, which here shares its level; the paper's is each picture's own.
    A schedule that preserves the variance of the data (VP with v = 1) tells nothing and is not shifted.

    Args:
        window: How far times may move, as a share of the schedule's span, half of it each way; 0 is DDIM.
        variance: v of the data (pictures of -1 to 1 have about a quarter).
        cutoff: Share of the span below which times are left alone.

    Raises:
        SettingError: Shares outside 0 to 1, or a negative variance.
    """

    name: ClassVar[str] = "time-shift"
    order: ClassVar[float] = 0
    """What the window allows does not vanish with smaller steps."""
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = None

    def __init__(self, window: float = 0.04, variance: float = 0.25, cutoff: float = 0.2) -> None:
        if not 0 <= window <= 1 or not 0 <= cutoff <= 1 or variance < 0:
            raise SettingError(
                f"window {window}, variance {variance}, cutoff {cutoff}: window and cutoff are shares, 0 to "
                "1, and no variance is negative"
            )
        self.window, self.variance, self.cutoff = window, variance, cutoff

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        for number, (planned, there) in enumerate(path.steps):
            here = self._shifted(x, planned, there) if number and self.window else planned
            x = yield from ddim_step(x, here, there)
        return x

    def _shifted(self, x: Tensor, planned: Level, there: Level) -> Level:
        """The level around the planned one, and above the next, whose variance is nearest to that of x."""
        schedule = planned.schedule
        span = schedule.last - schedule.first
        if planned.t < schedule.first + self.cutoff * span:
            return planned
        away = torch.linspace(-0.5, 0.5, CANDIDATES, dtype=torch.float64) * self.window * span
        times = planned.t + away[(planned.t + away > there.t) & (planned.t + away <= schedule.last)]
        expected = schedule.alpha(times) ** 2 * self.variance + schedule.sigma(times) ** 2
        error = (expected - float(x.double().var(correction=0))).abs()
        near = times[error <= error.min() + 1e-12]
        return schedule.level(float(near[(near - planned.t).abs().argmin()]))
