"""SDE-DPM-Solver-2M (Lu et al. 2022b): the noise guess is carried on as a line in lambda."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.sde_dpm_solver_1 import noise_step
from tasvir.lab.diffusion.variances import ReverseStep


class SdeDpmSolver2mSampler(Sampler):
    """SDE-DPM-Solver-1 with eps + h / (2 k) (eps - eps') for eps.

    eps' is the guess one step earlier and k that step's length in lambda; the first step, and the last one to
    sigma = 0, go without.
    """

    name: ClassVar[str] = "sde-dpm-solver-2m"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`.

        Raises:
            SettingError: Nothing of the data is left where the path begins.
        """
        guess, length = x, 0.0
        for here, there in path.steps:
            step = ReverseStep(here, there)
            eps = yield Question(x, here, "eps")
            led = eps
            if length > 0 and there.sigma > 0:
                led = torch.add(eps, eps - guess, alpha=step.h / (2 * length))
            x = noise_step(x, led, here, there, noise)
            guess, length = eps, step.h
        return x
