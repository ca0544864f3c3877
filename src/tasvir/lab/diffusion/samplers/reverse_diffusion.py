"""The reverse-diffusion predictor (Song et al. 2021, appendix E): the forward step undone."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.variances import ReverseStep, beta, fresh


class ReverseDiffusionSampler(Sampler):
    """(2 - a) x + b score + sqrt(b) z, where the forward step is x_t = a x_s + sqrt(b) z.

    On VE a = 1 and b = sigma_t^2 - sigma_s^2 (thesis table 4.3), on VP a = sqrt(1 - beta) and b = beta (table
    4.4), both without the corrector. No noise in a step to sigma = 0.
    """

    name: ClassVar[str] = "reverse-diffusion"
    order: ClassVar[float] = 1
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 1

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        for here, there in path.steps:
            step = ReverseStep(here, there)
            score = yield Question(x, here, "score")
            mean = torch.add(x * (2 - step.shrink), score, alpha=step.beta)
            x = fresh(mean, beta(step, x), noise)
        return x
