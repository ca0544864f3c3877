"""DPM-Solver++ for the reverse SDE, a look at the middle of each step (Lu et al. 2022b; k-diffusion)."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import Tensor

from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.variances import ReverseStep, fresh


class DpmppSdeSampler(Sampler):
    """To the middle in lambda by an ancestral step; then the whole step with the data guessed there.

    Both go along one Brownian path: the noise of the whole step is that of its first half, shrunk as the
    SDE shrinks it, and a fresh one of its second half. Drawn apart, they would cost the second order. A step
    to sigma = 0, or from alpha = 0, has no middle and is an ancestral one.
    """

    name: ClassVar[str] = "dpmpp-sde"
    order: ClassVar[float] = 2
    stochastic: ClassVar[bool] = True
    evaluations: ClassVar[int | None] = 2

    def steps_for(self, evaluations: int) -> int:
        """See `Sampler.steps_for`; a last step to sigma = 0 costs one."""
        return max(1, (evaluations + 1) // 2)

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        """See `Sampler.walk`."""
        for here, there in path.steps:
            whole = ReverseStep(here, there)
            x0 = yield Question(x, here, "x0")
            if math.isinf(whole.h):
                x = fresh(whole.mean(x, x0), whole.beta_tilde, noise)
                continue
            middle = path.between(here.half_log_snr + whole.h / 2)
            first, second = ReverseStep(here, middle), ReverseStep(middle, there)
            expected = first.mean(x, x0)
            looked = fresh(expected, first.beta_tilde, noise)
            x0 = yield Question(looked, middle, "x0")
            kept = there.sigma / middle.sigma * math.exp(-second.h)
            x = whole.mean(x, x0).add_(looked - expected, alpha=kept)
            x = fresh(x, second.beta_tilde, noise)
        return x
