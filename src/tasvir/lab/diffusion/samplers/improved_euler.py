"""The stochastic improved Euler method (Roberts 2012) for the reverse SDE in time: the mean of two slopes."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.euler_maruyama import sde
from tasvir.lab.diffusion.schedules.base import Level

Trial = Generator[Question, Tensor, tuple[Tensor, Tensor]]


class ImprovedEulerSampler(Sampler):
    """An Euler-Maruyama step, one more from there with the same noise, and the mean of both (thesis 4.27).

    It is the step of "gotta go fast" at lengths of its own. To sigma = 0 it goes to the guess of the data.
    """

    name: ClassVar[str] = "improved-euler"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 2

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`; a last step to sigma = 0 costs one."""
        return max(1, (evaluations + 1) // 2)

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`.

        Raises:
            SettingError: The SDE has no finite drift where the path begins.
        """
        for here, there in path.steps:
            if there.sigma == 0.0:
                x0 = yield Question(x, here, "x0")
                return x0 * there.alpha
            score = yield Question(x, here, "score")
            _, x = yield from trial(x, score, here, there, noise(x) * math.sqrt(here.t - there.t))
        return x


def trial(x: Tensor, score: Tensor, here: Level, there: Level, increment: Tensor) -> Trial:
    """One step, by Euler-Maruyama and improved: (x', x''); one question.

    Args:
        x: At ``here``.
        score: Of x.
        here: From where.
        there: To where, sigma above 0.
        increment: Of the Brownian path, of variance here.t - there.t.

    Raises:
        SettingError: The SDE has no finite drift at ``here``.
    """
    length = here.t - there.t
    drift, spread = sde(here)
    low = torch.add(x * (1 - drift * length), score, alpha=spread * length)
    low = torch.add(low, increment, alpha=math.sqrt(spread))
    score = yield Question(low, there, "score")
    drift, spread = sde(there)
    other = torch.add(x, low, alpha=-drift * length)
    other = torch.add(torch.add(other, score, alpha=spread * length), increment, alpha=math.sqrt(spread))
    return low, torch.lerp(low, other, 0.5)
