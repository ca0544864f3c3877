"""Heun's method in noise (Karras et al. 2022, algorithm 1): an Euler step, then again with the mean slope."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk


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
            slope = yield Question(x, here, "eps")
            scale, step = there.alpha / here.alpha, there.alpha * (there.ratio - here.ratio)
            trial = torch.add(x * scale, slope, alpha=step)
            if there.sigma > 0:
                second = yield Question(trial, there, "eps")
                trial = torch.add(x * scale, slope + second, alpha=step / 2)
            x = trial
        return x
