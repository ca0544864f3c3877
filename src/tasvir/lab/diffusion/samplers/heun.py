"""Heun's method in noise (Karras et al. 2022, algorithm 1): an Euler step, then again with the mean slope."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.schedules.base import Level


class HeunSampler(Sampler):
    """dy / dr = eps with y = x / alpha and r = sigma / alpha, by the explicit trapezoidal rule.

    The last step to sigma = 0 is Euler's, as nothing can be asked there: n steps cost 2 n - 1 questions.
    """

    name: ClassVar[str] = "heun"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 2

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`."""
        return max(1, (evaluations + 1) // 2)

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        for here, there in path.steps:
            x = yield from heun_step(x, here, there)
        return x


def heun_step(x: Tensor, here: Level, there: Level) -> Walk:
    """One step; two questions, or one where only one of the levels can be asked for noise.

    At alpha = 0 noise tells nothing of the data, so that step is DDIM's.
    """
    if here.alpha == 0.0:
        x0 = yield Question(x, here, "x0")
        return torch.add(x * (there.sigma / here.sigma), x0, alpha=there.alpha)
    slope = yield Question(x, here, "eps")
    scale, step = there.alpha / here.alpha, there.alpha * (there.ratio - here.ratio)
    trial = torch.add(x * scale, slope, alpha=step)
    if there.sigma > 0:
        second = yield Question(trial, there, "eps")
        trial = torch.add(x * scale, slope + second, alpha=step / 2)
    return trial
