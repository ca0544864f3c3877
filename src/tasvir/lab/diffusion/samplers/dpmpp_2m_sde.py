"""DPM-Solver++(2M) for the reverse SDE (Lu et al. 2022b): the data guess carried on as a line in lambda."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.variances import ReverseStep, fresh


class Dpmpp2mSdeSampler(Sampler):
    """(sigma_s / sigma_t) e^-h x + alpha_s (1 - e^-2h) (x0 + h / (2 k) (x0 - x0')) + noise of beta-tilde.

    x0' is the guess one step earlier and k that step's length in lambda. The first step, and the last one to
    sigma = 0, go without x0': they are ancestral ones. Source: DPM-Solver++, SDE-DPM-Solver++(2M).
    """

    name: ClassVar[str] = "dpmpp-2m-sde"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        guess, length = x, 0.0
        for here, there in path.steps:
            step = ReverseStep(here, there)
            x0 = yield Question(x, here, "x0")
            led = x0
            if length > 0 and there.sigma > 0:
                led = torch.add(x0, x0 - guess, alpha=step.h / (2 * length))
            x = fresh(step.mean(x, led), step.beta_tilde, noise)
            guess, length = x0, step.h
        return x
