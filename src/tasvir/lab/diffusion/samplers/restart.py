"""Restart sampling (Xu et al. 2023): a flow that goes back up through one stretch several times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import RHO, Path
from tasvir.lab.diffusion.paths import path as grid
from tasvir.lab.diffusion.samplers.base import Noise, Sampler, Walk
from tasvir.lab.diffusion.samplers.edm_churn import raised
from tasvir.lab.diffusion.samplers.heun import heun_step
from tasvir.lab.diffusion.schedules.base import Level


@dataclass(frozen=True)
class Interval:
    """A stretch of sigma / alpha that is walked again.

    Args:
        least: Where the walk is taken up from; the path's level next to it is meant.
        greatest: Where to.
        repeats: K, how often.
        steps: n, steps of Heun's method back down, at Karras' spacing; None = as many as the path has there.

    Raises:
        SettingError: One of them is out of its range.
    """

    least: float
    greatest: float
    repeats: int
    steps: int | None = None

    def __post_init__(self) -> None:
        wrong = self.repeats < 0 or (self.steps is not None and self.steps < 1)
        if wrong or not 0 < self.least < self.greatest:
            raise SettingError(f"{self}: its limits must rise from above 0, its steps be above 0")

    def expected(self, main: int) -> int:
        """About how many steps down a main walk of so many steps means, reckoned on EDM's grid."""
        width, whole = (b ** (1 / RHO) - a ** (1 / RHO) for a, b in ((self.least, self.greatest), EDM_RANGE))
        return self.steps or max(1, round(main * width / whole))


EDM_RANGE = (0.002, 80.0)
PUBLISHED = (Interval(0.06, 0.30, repeats=2),)
"""Xu et al.'s for CIFAR-10: on EDM's grid of 18 steps, 35 evaluations and 2 times 4."""


class RestartSampler(Sampler):
    """Heun's method; at each interval's lower end, K times: noise up to its upper end, and down again.

    Going up by the forward process and down by the flow leaves the right law as it is and draws a wrong one
    towards it: errors that were made above shrink K times. An interval that no level of the path lies in, but
    for its first, is left out: with few steps, this is Heun's method. What it costs depends on the path.
    """

    name: ClassVar[str] = "restart"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = None

    def __init__(self, intervals: Sequence[Interval] = PUBLISHED) -> None:
        self.intervals = tuple(intervals)

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`; what the intervals cost comes off, as `Interval.expected` reckons it."""
        steps = max(1, (evaluations + 1) // 2)
        while steps > 1 and self._cost(steps) > evaluations:
            steps -= 1
        return steps

    def _cost(self, main: int) -> int:
        return 2 * main - 1 + sum(2 * one.repeats * one.expected(main) for one in self.intervals)

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        due = [(_low(path, interval), interval) for interval in self.intervals]
        for here, there in path.steps:
            x = yield from heun_step(x, here, there)
            for low, interval in due:
                if low is there:
                    x = yield from _again(x, low, interval, path, noise)
        return x


def _low(path: Path, interval: Interval) -> Level | None:
    """The level of the path next to an interval's lower end, None where none lies below its upper end."""
    inner = [one for one in path.levels[1:] if one.sigma > 0 and one.ratio < interval.greatest]
    return min(inner, key=lambda level: abs(level.ratio - interval.least), default=None)


def _again(x: Tensor, low: Level, interval: Interval, path: Path, noise: Noise) -> Walk:
    """Up to the interval's upper end and down again, K times."""
    high = path.between(-math.log(interval.greatest))
    own = sum(low.ratio < level.ratio <= interval.greatest for level in path.levels)
    down = grid(low.schedule, interval.steps or max(1, own), start=high.t, end=low.t, to_data=False)
    for _ in range(interval.repeats):
        x = raised(x, low, high, noise)
        for here, there in down.steps:
            x = yield from heun_step(x, here, there)
    return x
