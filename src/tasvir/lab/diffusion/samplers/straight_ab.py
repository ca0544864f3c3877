"""Adams-Bashforth on the straight path: what any schedule becomes when x_0 / scale and noise change places evenly.

With s the scale of the data and w = sigma / (s alpha + sigma), u = x / (s alpha + sigma) = (1 - w) x_0 / s +
w eps moves with du / dw = eps - x_0 / s: the velocity of rectified flow (Liu et al. 2022), which is small and
smooth at both ends, where eps and x_0 alone are not. So the polynomial may go on to sigma = 0.
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
    """The parabola in w through three velocities; the first steps of orders 1 and 2, one question each.

    Args:
        data_scale: s, about the standard deviation of the data.

    Raises:
        SettingError: It is not positive.
    """

    name: ClassVar[str] = "straight-ab-3"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 1

    def __init__(self, data_scale: float = 0.7) -> None:
        if not data_scale > 0:
            raise SettingError(f"a data scale of {data_scale}: it must be positive")
        self.data_scale = data_scale

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        shares, told = deque[float](maxlen=3), deque[Tensor](maxlen=3)
        for here, there in path.steps:
            x0 = yield Question(x, here, "x0")
            whole, after = self._whole(here), self._whole(there)
            shares.appendleft(here.sigma / whole)
            told.appendleft(torch.add(x / here.sigma, x0, alpha=-whole / (self.data_scale * here.sigma)))
            step = there.sigma / after - shares[0]
            nodes = [(share - shares[0]) / step for share in shares]
            weights = polynomial_weights(nodes, [1 / (power + 1) for power in range(len(nodes))])
            x = combine(x, after / whole, [after * step * weight for weight in weights], told)
        return x

    def _whole(self, level: Level) -> float:
        return self.data_scale * level.alpha + level.sigma
