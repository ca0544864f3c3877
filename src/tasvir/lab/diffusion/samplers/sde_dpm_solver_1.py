"""SDE-DPM-Solver-1 (Lu et al. 2022b): exponential Euler for the reverse SDE with the noise guess held."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.schedules.base import Level
from tasvir.lab.diffusion.variances import ReverseStep, fresh


class SdeDpmSolver1Sampler(Sampler):
    """(alpha_s / alpha_t) x - 2 sigma_s (e^h - 1) eps + sigma_s sqrt(e^2h - 1) z.

    To sigma = 0 its noise would not end: that step goes to the guess of the data.
    """

    name: ClassVar[str] = "sde-dpm-solver-1"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`.

        Raises:
            SettingError: Nothing of the data is left where the path begins.
        """
        for here, there in path.steps:
            eps = yield Question(x, here, "eps")
            x = noise_step(x, eps, here, there, noise)
        return x


def noise_step(x: Tensor, eps: Tensor, here: Level, there: Level, noise: Noise) -> Tensor:
    """One step with a guess of the noise.

    Raises:
        SettingError: alpha is 0 at ``here``, where noise tells nothing of the data.
    """
    if here.alpha == 0.0:
        raise SettingError(
            f"steps by the guessed noise cannot begin at time {here.t:g}, where alpha = 0: begin earlier, or "
            "take a sampler that steps by the guessed data, such as dpmpp-2m-sde"
        )
    scale = there.alpha / here.alpha
    if there.sigma == 0.0:
        return torch.add(x * scale, eps, alpha=-scale * here.sigma)
    step = ReverseStep(here, there)
    mean = torch.add(x * scale, eps, alpha=-2 * there.sigma * math.expm1(step.h))
    return fresh(mean, there.sigma**2 * math.expm1(2 * step.h), noise)
