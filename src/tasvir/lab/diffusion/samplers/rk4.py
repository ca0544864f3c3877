"""The classical Runge-Kutta method of order 4 in t (Kutta 1901)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.singlestep import at_the_edge, ddim_step
from tasvir.lab.diffusion.schedules.base import Level


class Rk4Sampler(Sampler):
    """x_s = x_t + (s - t) (v1 + 2 v2 + 2 v3 + v4) / 6; v2 and v3 halfway, v4 at the end.

    A step to sigma = 0 is DDIM's: n steps to the data cost 4 n - 3 questions.
    """

    name: ClassVar[str] = "rk4"
    order: ClassVar[float] = 4
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 4

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`."""
        return max(1, (evaluations + 3) // 4)

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        for here, there in path.steps:
            x = yield from (ddim_step if at_the_edge(here, there) else _step)(x, here, there)
        return x


def _step(x: Tensor, here: Level, there: Level) -> Walk:
    step = there.t - here.t
    halfway = here.schedule.level(here.t + step / 2)
    first = yield Question(x, here, "velocity")
    second = yield Question(torch.add(x, first, alpha=step / 2), halfway, "velocity")
    third = yield Question(torch.add(x, second, alpha=step / 2), halfway, "velocity")
    fourth = yield Question(torch.add(x, third, alpha=step), there, "velocity")
    mean = (second + third).mul_(2).add_(first).add_(fourth)
    return torch.add(x, mean, alpha=step / 6)
