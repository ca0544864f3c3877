"""Adams-Bashforth on the straight path that every schedule becomes once its time is counted otherwise.

With s the scale of the data and w = sigma / (s alpha + sigma), u = x / (s alpha + sigma) = (1 - w) x_0 / s +
w eps moves with du / dw = eps - x_0 / s: the velocity of rectified flow (Liu et al. 2022). It stays smooth
towards both ends, where that of eps or of x_0 alone does not, and the last step to sigma = 0 is as any other.
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.transfers import combine, polynomial_weights
from tasvir.lab.diffusion.schedules.base import Level


class StraightAb3Sampler(Sampler):
    """The parabola in w through three velocities, one question a step.

    The first step is Euler's, and the answer at its end corrects it by the trapezoidal rule: what UniC does
    at every step (Zhao et al. 2023). So order 3 costs no further question to begin with.

    Args:
        data_scale: s, of the order of the standard deviation of the data.

    Raises:
        SettingError: It is not positive.
    """

    name: ClassVar[str] = "straight-ab-3"
    order: ClassVar[float] = 3
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 1

    def __init__(self, data_scale: float = 0.4) -> None:
        if not data_scale > 0:
            raise SettingError(f"a data scale of {data_scale}: it must be positive")
        self.data_scale = data_scale

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        levels, told, begin = deque[Level](maxlen=3), deque[Tensor](maxlen=3), x
        for number, (here, there) in enumerate(path.steps):
            x0 = yield Question(x, here, "x0")
            levels.appendleft(here)
            told.appendleft(
                torch.add(x / here.sigma, x0, alpha=-self._whole(here) / (self.data_scale * here.sigma))
            )
            if number == 1:
                x = self._led(begin, told, levels, levels[1], here)
            x = self._led(x, told, levels, here, there)
        return x

    def _led(self, x: Tensor, told: deque[Tensor], levels: deque[Level], here: Level, there: Level) -> Tensor:
        """x at another level, by the polynomial through all that was told."""
        before, after = self._whole(here), self._whole(there)
        begin = here.sigma / before
        step = there.sigma / after - begin
        nodes = [(level.sigma / self._whole(level) - begin) / step for level in levels]
        weights = polynomial_weights(nodes, [1 / (power + 1) for power in range(len(nodes))])
        return combine(x, after / before, [after * step * weight for weight in weights], told)

    def _whole(self, level: Level) -> float:
        return self.data_scale * level.alpha + level.sigma
